"""The gateway's own account at a Rucio: by a password, or by a certificate (X.509)."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from esap.backends.base import BackendConfig
from esap.backends.certificates import ClientCertificate
from esap.backends.http import PeerSession
from esap.backends.secrets import SecretName, secret_named
from esap.clients.rucio import CannotAuthenticate, Login, RucioClient
from esap.errors import BackendFailed

__all__ = ["ServiceAccount", "check", "log_in"]


class ServiceAccount(BaseModel):
    """The gateway's own account, with the attribute `admin`: only so may rules be ended.

    Rucio knows it by `username` and `password`, or by `certificate` and `key`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    account: str
    username: str = ""
    password: SecretName | None = None
    certificate: Path | None = None
    key: SecretName | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        given = [
            name
            for name in ("username", "password", "certificate", "key")
            if getattr(self, name) not in ("", None)
        ]
        if given not in (["username", "password"], ["certificate", "key"]):
            raise ValueError(
                "it takes username and password, or certificate and key; "
                f"here it has {' and '.join(given) or 'none of them'}"
            )
        if shown := self.shown:
            shown.read()
        return self

    @property
    def shown(self) -> ClientCertificate | None:
        """The certificate that is shown to Rucio, if that is the way."""
        if self.certificate is None or self.key is None:
            return None
        return ClientCertificate(self.certificate, self.key)


def check(service: ServiceAccount, config: BackendConfig) -> None:
    """Raise `BackendFailed` if the account cannot be used, as far as that is seen from here."""
    if shown := service.shown:
        try:
            shown.read_valid()
        except ValueError as error:
            raise BackendFailed(
                f"{config.title} answers, but the gateway cannot log in there with its own "
                f"account: {error}. The operator of the gateway has to renew it.",
                peer=config.id,
            ) from error


def log_in(service: ServiceAccount, http: PeerSession, config: BackendConfig) -> Login:
    """Log in to the gateway's own account; the certificate is shown in this one call only."""
    shown = service.shown
    if shown is None:
        return RucioClient(http, config.base_url, config.title).log_in(
            account=service.account,
            username=service.username,
            password=secret_named(service.password or ""),
        )
    with http.showing(shown) as session:
        client = RucioClient(session, config.base_url, config.title)
        try:
            return client.log_in_x509(account=service.account)
        except CannotAuthenticate as error:
            raise CannotAuthenticate(
                f"{config.title} does not know the gateway by its certificate. Its operators have "
                "to add the subject of the certificate, as their web server writes it (of type "
                f"X509), to the account {service.account}.",
                peer=config.id,
            ) from error
