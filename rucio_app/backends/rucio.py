"""Rucio as a data lake.

docs/explanation/rucio.md tells which of its habits decide what is asked here, and how.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationInfo, field_validator

from esap.backends.base import BackendConfig
from esap.backends.http import PeerSession
from esap.clients.rucio import Login, RucioClient
from esap.clients.rucio_names import NamePattern, is_plain, is_taken_for_path
from esap.errors import InvalidRequest, NotFound, UnreadableAnswer
from rucio_app.backends.answers import (
    SaidDid,
    SaidFile,
    SaidNode,
    SaidRule,
    SaidUsage,
    bounded,
    read,
)
from rucio_app.backends.rucio_login import ServiceAccount, check, log_in
from rucio_app.backends.rucio_writing import RucioWriter
from rucio_app.backends.values import (
    Did,
    DidType,
    FileAt,
    Item,
    Listing,
    Rule,
    RuleState,
    Usage,
)
from rucio_app.backends.writing import WritableConfig

__all__ = ["RucioConfig", "RucioLake"]

_LETTERS = {
    RuleState.REPLICATING: "R",
    RuleState.OK: "O",
    RuleState.STUCK: "S",
    RuleState.SUSPENDED: "U",
    RuleState.WAITING_APPROVAL: "W",
    RuleState.INJECT: "I",
}
"""How Rucio wants states written when it is asked; it answers in words."""

_MOST_RULES_OF_A_DID = 10_000


class RucioConfig(WritableConfig):
    """The entry of a Rucio server; `activity` is what its operators see of our transfers."""

    service: ServiceAccount | None = None
    activity: str = "Staging"

    @field_validator("service")
    @classmethod
    def _is_shown_over_tls(
        cls, service: ServiceAccount | None, info: ValidationInfo
    ) -> ServiceAccount | None:
        url = info.data.get("url")
        if service and service.shown and url and url.scheme != "https":
            raise ValueError("a certificate can only be shown to an address that is https")
        return service


class RucioLake(RucioWriter):
    """A Rucio server, by its REST interface."""

    Config = RucioConfig
    config: RucioConfig

    def __init__(self, config: BackendConfig, http: PeerSession) -> None:
        super().__init__(config, http)
        self._storage = http.apart()
        self._rucio = RucioClient(http, config.base_url, config.title)

    def ping(self) -> None:
        self._rucio.ping()
        if self.config.service is not None:
            check(self.config.service, self.config)

    def service_login(self) -> Login | None:
        service = self.config.service
        return None if service is None else log_in(service, self.http, self.config)

    # Who

    def account(self, token: str) -> str:
        return self._rucio.account(token)

    def account_details(self, account: str, token: str) -> dict[str, Any]:
        details = self._rucio.get("accounts", account, token=token)
        identities = self._rucio.lines("accounts", account, "identities", token=token)
        return {**details, "identities": list(identities)}

    def usage(self, account: str, token: str) -> list[Usage]:
        lines = self._rucio.lines("accounts", account, "usage", token=token)
        return [read(SaidUsage, line, self.config.title).value() for line in lines]

    # What

    def scopes(self, token: str) -> list[str]:
        found = self._rucio.value("scopes", "", token=token)
        if not isinstance(found, list):
            raise UnreadableAnswer(f"{self.config.title} does not list its scopes.")
        return sorted(map(str, found))

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
        params = {"type": kind, "long": "true", "limit": str(most + 1)}
        wanted = NamePattern(name or "*")
        criteria = {**(metadata or {}), **({"name": wanted.asked} if name else {})}
        if metadata:
            # Rucio reads this as a literal of Python: repr is how that is written.
            params["filters"] = repr([criteria])
        elif name:
            params["name"] = wanted.asked
        lines = self._rucio.lines("dids", scope, "dids", "search", token=token, params=params)
        found = self._dids(bounded(lines, most), scope)
        return Listing([did for did in found.members if wanted.fits(did.name)], found.complete)

    def top(self, scope: str, token: str, *, most: int) -> Listing:
        return self._dids(bounded(self._rucio.lines("dids", scope, "", token=token), most), scope)

    def did(self, item: Item, token: str) -> Did:
        # A name such as "a/meta" leads Rucio to the metadata of "a".
        if is_taken_for_path(item.name):
            raise self._not_by_name(item)
        params = {"dynamic_depth": "FILE"}
        said = self._rucio.get("dids", item.scope, item.name, token=token, params=params)
        self._must_be_of(item, said)
        return read(SaidDid, said, self.config.title).value()

    def dids(self, items: Sequence[Item], token: str) -> dict[Item, Did]:
        body = {"dids": _dids_of(items)}
        lines = self._rucio.lines("dids", "bulkmeta", token=token, body=body)
        dids = [read(SaidDid, line, self.config.title).value() for line in lines]
        return {Item(did.scope, did.name): did for did in dids}

    def metadata(self, item: Item, token: str) -> dict[str, Any]:
        params = {"plugin": "ALL"}
        said = self._rucio.get("dids", item.scope, item.name, "meta", token=token, params=params)
        self._must_be_of(item, said)
        return said

    def content(self, item: Item, token: str, *, most: int) -> Listing:
        self._must_be_known(item, token)
        lines = self._rucio.lines("dids", item.scope, item.name, "dids", token=token)
        return self._dids(bounded(lines, most), item.scope)

    def tree(self, item: Item, token: str, *, most: int) -> Listing:
        params = {"name": item.name, "recursive": "true"}
        lines = self._rucio.lines("dids", item.scope, "", token=token, params=params)
        found = bounded(lines, most)
        nodes = [read(SaidNode, line, self.config.title).value() for line in found.members]
        return Listing(nodes, found.complete)

    def parents(self, item: Item, token: str, *, most: int) -> Listing:
        self._must_be_known(item, token)
        lines = self._rucio.lines("dids", item.scope, item.name, "parents", token=token)
        return self._dids(bounded(lines, most), item.scope)

    # Where

    def replicas(
        self,
        items: Sequence[Item],
        token: str,
        *,
        rse_expression: str = "",
        schemes: Sequence[str] = (),
        most: int,
    ) -> Listing:
        asked: dict[str, object] = {
            "dids": _dids_of(items),
            "all_states": True,
            # By default Rucio looks up, for each file, how far everything is from this gateway.
            "sort": "random",
        }
        if rse_expression:
            asked["rse_expression"] = rse_expression
        if schemes:
            asked["schemes"] = list(schemes)
        lines = self._rucio.lines("replicas", "list", token=token, body=asked)
        found = bounded(lines, most, self._file)
        ordered = sorted(found.members, key=lambda file: (file.scope, file.name))
        return Listing(ordered, found.complete)

    def elements(self, token: str) -> list[dict[str, Any]]:
        found = [line for line in self._rucio.lines("rses", "", token=token) if "rse" in line]
        return sorted(found, key=lambda element: str(element["rse"]))

    def matching(self, rse_expression: str, token: str) -> list[str]:
        if not rse_expression.strip():
            raise InvalidRequest("Say which storage elements: '*' are all.")
        lines = self._rucio.lines("rses", "", token=token, params={"expression": rse_expression})
        return sorted(str(line["rse"]) for line in lines if "rse" in line)

    def element(self, rse: str, token: str) -> dict[str, Any]:
        return {
            **self._rucio.get("rses", rse, token=token),
            "attributes": self._rucio.get("rses", rse, "attr", "", token=token),
            "usage": list(self._rucio.lines("rses", rse, "usage", token=token)),
            "limits": self._rucio.get("rses", rse, "limits", token=token),
        }

    def distance(self, source: str, target: str, token: str) -> int | None:
        found = self._rucio.value("rses", source, "distances", target, token=token)
        first = found[0] if isinstance(found, list) and found else {}
        distance = first.get("distance") if isinstance(first, dict) else None
        return distance if isinstance(distance, int) else None

    # Rules

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
        rule = {
            "dids": _dids_of(items),
            "account": account,
            "rse_expression": rse_expression,
            "copies": copies,
            "lifetime": lifetime,
            "comment": comment,
            "activity": self.config.activity,
            "grouping": "DATASET",
            "ask_approval": False,
            "asynchronous": asynchronous,
        }
        # Of two equal rules Rucio refuses the second, so that asking again makes no other.
        made = self._rucio.send("POST", "rules", "", token=token, body=rule, idempotent=True)
        if not (isinstance(made, list) and len(made) == len(items)):
            raise UnreadableAnswer(f"{self.config.title} does not tell which rules it made.")
        return list(map(str, made))

    def rule(self, rule_id: str, token: str) -> Rule:
        return self._rule(self._rucio.get("rules", rule_id, token=token))

    def rules(
        self,
        token: str,
        *,
        account: str,
        state: RuleState | None = None,
        most: int,
    ) -> Listing:
        # Without an account, everybody's would come.
        params = {"account": account, **({"state": _LETTERS[state]} if state else {})}
        return bounded(self._rucio.lines("rules", "", token=token, params=params), most, self._rule)

    def rules_of(self, item: Item, token: str) -> list[Rule]:
        params = {"scope": item.scope, "name": item.name}
        lines = self._rucio.lines("rules", "", token=token, params=params)
        rules = bounded(lines, _MOST_RULES_OF_A_DID, self._rule).members
        # In a scope, Rucio takes a star for anything.
        return [rule for rule in rules if (rule.scope, rule.name) == (item.scope, item.name)]

    def rule_history(self, item: Item, token: str, *, most: int) -> Listing:
        self._must_be_known(item, token)
        lines = self._rucio.lines("rules", item.scope, item.name, "history", token=token)
        return bounded(lines, most)

    def locks(self, rule_id: str, token: str, *, most: int) -> Listing:
        return bounded(self._rucio.lines("rules", rule_id, "locks", token=token), most)

    def analysis(self, rule_id: str, token: str) -> dict[str, Any]:
        return self._rucio.get("rules", rule_id, "analysis", token=token)

    def set_lifetime(self, rule_id: str, token: str, seconds: int) -> None:
        options: dict[str, object] = {"lifetime": seconds}
        if seconds == 0:
            options["purge_replicas"] = True
        self._rucio.send(
            "PUT", "rules", rule_id, token=token, body={"options": options}, idempotent=True
        )

    def _must_be_known(self, item: Item, token: str) -> None:
        """Make sure that a name's path reaches its DID, before a question whose answer is silent.

        What stands before a Rucio may decode a path once more; the metadata tell whose they are.
        """
        if not is_plain(item.name):
            self.metadata(item, token)

    def _must_be_of(self, item: Item, said: Mapping[str, Any]) -> None:
        if (said.get("scope"), said.get("name")) != (item.scope, item.name):
            raise self._not_by_name(item)

    def _not_by_name(self, item: Item) -> NotFound:
        return NotFound(f"{self.config.title} cannot be asked for {item} by its name.")

    def _file(self, said: object) -> FileAt:
        return read(SaidFile, said, self.config.title).value()

    def _rule(self, said: object) -> Rule:
        return read(SaidRule, said, self.config.title).value()

    def _dids(self, found: Listing, scope: str) -> Listing:
        lines = [
            line if isinstance(line, dict) else {"scope": scope, "name": line}
            for line in found.members
        ]
        dids = [read(SaidDid, line, self.config.title).value() for line in lines]
        return Listing(sorted(dids, key=lambda did: (did.scope, did.name)), found.complete)


def _dids_of(items: Sequence[Item]) -> list[dict[str, str]]:
    return [{"scope": item.scope, "name": item.name} for item in items]
