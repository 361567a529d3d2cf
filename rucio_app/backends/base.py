"""What the gateway asks of every data lake."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, HttpUrl

from esap.backends.base import Backend, BackendConfig
from esap.backends.registry import Registry
from esap.clients.rucio import Login
from rucio_app.backends.facilities import Facility
from rucio_app.backends.values import (
    Did,
    DidType,
    Download,
    Item,
    Listing,
    Rule,
    RuleState,
    Usage,
)

__all__ = ["DataLake", "Facility", "LakeConfig", "lakes"]


class LakeConfig(BackendConfig):
    """The entry of a data lake: who is asked for what there, and for how long data are staged.

    Users come with their own tokens: those of the login provider for `audience` with `scopes`.
    `anyone_reads` lets people look around who have not logged in, as the gateway's own account.
    Times are in seconds. `patience` is how long a staging may be stuck before it has failed.
    Files at the `storage` are streamed, for browsers that do not reach it: with a token of the user
    for `storage_audience`, if that is given. All others are only linked to.
    """

    audience: str = "rucio"
    scopes: tuple[str, ...] = ("openid", "profile")
    anyone_reads: bool = False

    facilities: tuple[Facility, ...] = ()
    lifetime: int = Field(default=7 * 86_400, gt=0)
    longest_lifetime: int = Field(default=30 * 86_400, gt=0)
    patience: float = Field(default=3_600.0, ge=0)
    most_copies: int = Field(default=3, gt=0)
    storage: HttpUrl | None = None
    storage_audience: str = ""
    storage_scopes: tuple[str, ...] = ()


class DataLake(Backend):
    """Files all over the world, under names of their own, and rules about where they are.

    Every `token` is one of the user or of the service. A method raises `CannotAuthenticate` if it
    is not taken, `NotFound` for what there is not, and other errors of `esap.errors`.
    """

    Config = LakeConfig
    config: LakeConfig

    @abstractmethod
    def service_login(self) -> Login | None:
        """Log the gateway in by its own account; None if the entry names none."""

    # Who

    @abstractmethod
    def account(self, token: str) -> str:
        """Return the name of the account that a token stands for."""

    @abstractmethod
    def account_details(self, account: str, token: str) -> dict[str, Any]:
        """Return what the lake knows of an account, with its identities."""

    @abstractmethod
    def usage(self, account: str, token: str) -> list[Usage]:
        """Return what an account has, and may have, at each storage element."""

    # What

    @abstractmethod
    def scopes(self, token: str) -> list[str]:
        """Return all scopes."""

    @abstractmethod
    def search(
        self,
        scope: str,
        token: str,
        *,
        name: str = "",
        kind: DidType = "all",
        metadata: Mapping[str, object] | None = None,
        most: int,
    ) -> Listing:
        """Return the DIDs of a scope by a pattern of their names (`*`), their type, or metadata."""

    @abstractmethod
    def top(self, scope: str, token: str, *, most: int) -> Listing:
        """Return the DIDs of a scope that are in no other."""

    @abstractmethod
    def did(self, item: Item, token: str) -> Did:
        """Return one DID, of a collection with the size of all its files."""

    @abstractmethod
    def dids(self, items: Sequence[Item], token: str) -> dict[Item, Did]:
        """Return those of these DIDs that there are, by one question; collections not added up."""

    @abstractmethod
    def metadata(self, item: Item, token: str) -> dict[str, Any]:
        """Return all metadata of a DID."""

    @abstractmethod
    def content(self, item: Item, token: str, *, most: int) -> Listing:
        """Return what is directly in a collection."""

    @abstractmethod
    def tree(self, item: Item, token: str, *, most: int) -> Listing:
        """Return all that is below a collection (`Node`), each after what it is in."""

    @abstractmethod
    def parents(self, item: Item, token: str, *, most: int) -> Listing:
        """Return the collections that a DID is directly in."""

    # Where

    @abstractmethod
    def replicas(
        self,
        items: Sequence[Item],
        token: str,
        *,
        rse_expression: str = "",
        schemes: Sequence[str] = (),
        most: int,
    ) -> Listing:
        """Return all files of these DIDs (`FileAt`), with their replicas in any state."""

    @abstractmethod
    def removes_another(self, item: Item, rse: str, token: str) -> bool:
        """Say whether the lake would remove another file there, when it removes this one."""

    @abstractmethod
    def elements(self, token: str) -> list[dict[str, Any]]:
        """Return all storage elements."""

    @abstractmethod
    def matching(self, rse_expression: str, token: str) -> list[str]:
        """Return the storage elements that an expression matches; `InvalidRequest` if none."""

    @abstractmethod
    def element(self, rse: str, token: str) -> dict[str, Any]:
        """Return a storage element with its protocols, attributes, usage, limits."""

    @abstractmethod
    def distance(self, source: str, target: str, token: str) -> int | None:
        """Return how far a storage element is from another; None if nothing is copied there."""

    @abstractmethod
    def open(self, link: str, token: str, *, byte_range: str = "") -> Download:
        """Read a file at the entry's own storage; `byte_range` is a `Range` header.

        Raises `InvalidRequest` for a range that is not in the file.
        """

    # Rules

    @abstractmethod
    def make_rules(
        self,
        items: Sequence[Item],
        token: str,
        *,
        account: str,
        rse_expression: str,
        copies: int,
        lifetime: int,
        comment: str,
        asynchronous: bool = False,
    ) -> list[str]:
        """Ask for replicas of each, and return the rules' ids in the same order: all or none.

        Asynchronously, the lake works out later which files these are (`INJECT`).

        Raises `AlreadyExists` if there is such a rule for one of them.
        """

    @abstractmethod
    def rule(self, rule_id: str, token: str) -> Rule:
        """Return one rule."""

    @abstractmethod
    def rules(
        self,
        token: str,
        *,
        account: str,
        state: RuleState | None = None,
        most: int,
    ) -> Listing:
        """Return the rules of one account, in one state or all."""

    @abstractmethod
    def rules_of(self, item: Item, token: str) -> list[Rule]:
        """Return all rules about a DID, whoever made them."""

    @abstractmethod
    def rule_history(self, item: Item, token: str, *, most: int) -> Listing:
        """Return the rules that there ever were about a DID."""

    @abstractmethod
    def locks(self, rule_id: str, token: str, *, most: int) -> Listing:
        """Return each file of a rule with the storage element and its state there."""

    @abstractmethod
    def analysis(self, rule_id: str, token: str) -> dict[str, Any]:
        """Return why a rule is stuck: its error, and the attempts for each file."""

    @abstractmethod
    def set_lifetime(self, rule_id: str, token: str, seconds: int) -> None:
        """Let a rule end so long from now; 0 ends it at once, and lets go of its files."""


lakes = Registry("rucio_app", "lakes", DataLake)  # type: ignore[type-abstract]
