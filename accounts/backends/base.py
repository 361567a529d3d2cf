"""What the gateway asks of OAuth servers: those one logs in at, and those one connects to."""

from abc import abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urlencode

from pydantic import Field, model_validator

from accounts.backends.grants import ClientAuthentication, Tokens, ask_for_tokens, post
from esap.backends.base import Backend, BackendConfig
from esap.backends.registry import Registry
from esap.backends.secrets import SecretName, secret_named
from esap.errors import EsapError

__all__ = [
    "OAuthConfig",
    "OAuthServer",
    "Presented",
    "Provider",
    "ProviderConfig",
    "Service",
    "connections",
    "providers",
    "with_query",
]


def with_query(address: str, asked: Mapping[str, str]) -> str:
    """Return an address with parameters, beside those that it has (RFC 6749, section 3.1)."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


@dataclass(frozen=True, slots=True)
class Presented:
    """A verified access token that a caller came with: whose it is, and what it is good for."""

    provider: str
    issuer: str
    subject: str
    client: str
    audiences: frozenset[str]
    """Empty also for a token that says that it is for anybody."""
    scopes: frozenset[str]
    groups: frozenset[str] | None
    """None where the token says nothing of groups."""
    expires: float
    """Seconds since the epoch."""
    token: str = field(repr=False)


class OAuthConfig(BackendConfig):
    """The entry of an OAuth server: who we are there, and what we ask for."""

    timeout: float = Field(default=10.0, gt=0, le=60)
    max_bytes: int = Field(default=1 << 20, gt=0)
    client_id: str = Field(min_length=1)
    client_secret: SecretName | None = None
    client_authentication: ClientAuthentication = "client_secret_basic"
    scopes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_its_secret(self) -> "OAuthConfig":
        if self.client_authentication != "none" and self.client_secret is None:
            raise ValueError(
                "client_secret is missing: name it, such as env:ESAP_LOGIN_SECRET, or say "
                "client_authentication: none for a public client"
            )
        return self


class OAuthServer(Backend):
    """An OAuth 2.0 authorization server, and we its client.

    Codes are asked for with PKCE (RFC 7636, S256) and redeemed once. `accounts.backends.grants`
    says what the calls raise. Tokens are in no error and no log.
    """

    Config: ClassVar[type[BackendConfig]] = OAuthConfig
    config: OAuthConfig

    @abstractmethod
    def endpoint(self, name: str) -> str:
        """Return the address of an endpoint by its name in RFC 8414, such as `token_endpoint`.

        Empty if the server has none.
        """

    def extra(self) -> Mapping[str, str]:
        """Return what a request for authorization holds besides the standard's parameters."""
        return {}

    def authorization_url(self, *, state: str, verifier: str, redirect_uri: str) -> str:
        """Return where to send the user's browser (RFC 6749, section 4.1.1; RFC 7636, 4.3)."""
        challenge = urlsafe_b64encode(sha256(verifier.encode("ascii")).digest())
        asked = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "scope": " ".join(self.config.scopes),
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **self.extra(),
        }
        return with_query(self.endpoint("authorization_endpoint"), asked)

    def redeem(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        """Return the tokens for a code (RFC 6749, section 4.1.3)."""
        return self._ask(
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=verifier,
        )

    def refresh(self, token: str, *, audience: str = "", scopes: Iterable[str] = ()) -> Tokens:
        """Return new tokens for a refresh token, which may be used up by that (section 6).

        `audience` is INDIGO IAM's parameter, which it honours also here.
        """
        return self._ask(
            grant_type="refresh_token",
            refresh_token=token,
            audience=audience,
            scope=" ".join(sorted(scopes)),
        )

    def revoke(self, token: str) -> None:
        """Tell the server that a token is not needed any more (RFC 7009), if it wants to know."""
        if address := self.endpoint("revocation_endpoint"):
            answer = self._post(address, {"token": token, "token_type_hint": "refresh_token"})
            self.http.expect(answer)

    def ping(self) -> None:
        """Look whether the server tells where its endpoints are."""
        self.endpoint("token_endpoint")

    def _ask(self, **form: str) -> Tokens:
        return ask_for_tokens(
            self.http,
            self.endpoint("token_endpoint"),
            {name: value for name, value in form.items() if value},
            client=self._client(),
            authentication=self.config.client_authentication,
        )

    def _post(self, address: str, form: Mapping[str, str]) -> Any:
        return post(
            self.http,
            address,
            form,
            client=self._client(),
            authentication=self.config.client_authentication,
            idempotent=True,
        )

    def _client(self) -> tuple[str, str]:
        name = self.config.client_secret
        try:
            return self.config.client_id, secret_named(name) if name else ""
        except ValueError as error:
            raise EsapError(
                f"The gateway's secret for {self.config.title} is gone. Tell the operator."
            ) from error


class ProviderConfig(OAuthConfig):
    """The entry of a login provider, as far as `accounts` reads it.

    Bearer tokens are accepted for `audiences` (our own client id, if none are named), and those
    without an audience if one of `clients` got them; those for `profile_audiences` only open the
    profile. What is in `operator_groups` or `admin_groups` has that role here.
    """

    issuer: str = Field(pattern=r"^https?://")
    audiences: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    profile_audiences: tuple[str, ...] = ("rucio",)
    operator_groups: tuple[str, ...] = ()
    admin_groups: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_for_everybody(self) -> "ProviderConfig":
        if self.groups:
            raise ValueError("groups are known only after a login; leave them out of a provider")
        return self


class Provider(OAuthServer):
    """A server that users log in at: it also says who they are."""

    Config: ClassVar[type[BackendConfig]] = ProviderConfig
    config: ProviderConfig

    @property
    @abstractmethod
    def names_itself(self) -> bool:
        """Whether every answer to a login says who it is from (RFC 9207, section 2.3)."""

    @property
    @abstractmethod
    def exchanges(self) -> bool:
        """Whether tokens for peers are exchanged, and not refreshed for another audience."""

    @abstractmethod
    def groups(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the groups that claims tell of, without leading slash; None if none do."""

    @abstractmethod
    def verify_id_token(self, token: str, *, nonce: str) -> Mapping[str, Any]:
        """Return the claims of an ID token; raise `TokenRefused` if it is not to be believed."""

    @abstractmethod
    def user_info(self, access_token: str, *, subject: str) -> Mapping[str, Any]:
        """Return what the provider says of the user; `TokenRefused` if it is of another one."""

    @abstractmethod
    def verify_access_token(self, token: str) -> Presented:
        """Return whose a signed access token is; raise `TokenRefused`. Asks nobody."""

    @abstractmethod
    def introspect(self, token: str) -> Presented | None:
        """Ask the provider about a token; None if it says that it is no access token that lives."""

    @abstractmethod
    def exchange(self, token: str, *, audience: str, scopes: Iterable[str] = ()) -> Tokens:
        """Return a token for another audience (RFC 8693, section 2.1)."""

    @abstractmethod
    def logout_url(self, *, id_token: str, back_to: str) -> str:
        """Return where the user logs out at the provider; empty if that cannot be done there."""

    @abstractmethod
    def verify_logout_token(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a logout token (Back-Channel Logout 1.0, section 2.6)."""


class Service(OAuthServer):
    """A peer with a login of its own, such as a JupyterHub: users connect to it."""

    @property
    @abstractmethod
    def issuer(self) -> str:
        """Who every answer says it is from (RFC 9207, section 2); empty if they do not say."""

    @abstractmethod
    def whose(self, access_token: str) -> str:
        """Return the user's name at the peer; empty if it does not tell."""


providers: Registry[Provider] = Registry("accounts", "providers", Provider)  # type: ignore[type-abstract]
connections: Registry[Service] = Registry("accounts", "connections", Service)  # type: ignore[type-abstract]
