"""What every peer of the gateway has in common."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, HttpUrl, ValidationInfo

from esap.backends.certificates import Authorities
from esap.backends.visibility import Restricted

if TYPE_CHECKING:
    from esap.backends.http import PeerSession

__all__ = ["SLUG", "Backend", "BackendConfig", "DataPath"]

SLUG = r"^[a-z0-9][a-z0-9_-]{0,63}$"


def _in_data_dir(path: Path, info: ValidationInfo) -> Path:
    folder: Path = (info.context or {}).get("data_dir", Path())
    return folder / path


DataPath = Annotated[Path, AfterValidator(_in_data_dir)]
"""A path in an entry; a relative one is taken from the gateway's data folder."""


class BackendConfig(Restricted):
    """One configuration entry: one peer.

    `timeout` is the total deadline of a call in seconds, from the name look-up to the last byte.
    `ca_bundle` holds the authorities of this peer, instead of those of the gateway.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=SLUG)
    type: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    url: HttpUrl | None = None
    timeout: float = Field(default=30.0, gt=0, le=86_400)
    max_bytes: int = Field(default=1 << 30, gt=0)
    private_network: bool = False
    ca_bundle: Authorities | None = None

    @property
    def base_url(self) -> str:
        """The address without a trailing slash, to join paths to; empty for a peer without one."""
        return str(self.url).rstrip("/") if self.url else ""


class Backend(ABC):
    """A peer the gateway can talk to.

    A backend translates between ESAP's words and the peer's, and turns every failure of the peer
    into one of `esap.errors`. It keeps no state of a request and never touches the database.
    """

    Config: ClassVar[type[BackendConfig]] = BackendConfig

    def __init__(self, config: BackendConfig, http: "PeerSession") -> None:
        self.config = config
        self.http = http

    @abstractmethod
    def ping(self) -> None:
        """Return if the peer is well; raise `BackendUnavailable` or another `BackendFailed` if not.

        Cheap: it is called every minute or so for the health matrix.
        """
