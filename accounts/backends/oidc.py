"""OpenID providers that users log in at, such as INDIGO IAM, Keycloak or CILogon."""

import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from requests import Response

from accounts.backends.base import Presented, Provider, ProviderConfig, with_query
from accounts.backends.grants import Tokens
from accounts.backends.kept import Kept
from accounts.backends.signed import Keys, TokenRefused, keys_in, verified
from accounts.backends.told import is_name
from esap.backends.http import PeerSession
from esap.errors import BackendFailed, BackendRefused, NotFound, UnreadableAnswer

__all__ = ["OpenIDProvider"]

_DISCOVERY_SECONDS = 3600.0
_KEYS_SECONDS = 600.0
_LAST_RESORT = 86_400.0
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_ANY_AUDIENCE = "https://wlcg.cern.ch/jwt/v1/any"  # WLCG Common JWT Profiles 1.0, section "aud"
_OF_ID_TOKENS = {"nonce", "at_hash", "c_hash"}
_OF_ACCESS_TOKENS = {"client_id", "scope", "scp"}


class OpenIDConfig(ProviderConfig):
    """The entry of a provider.

    `issuer` is written exactly as the provider writes it, with or without a slash at its end.
    `audience` is asked for at login, where a provider wants that. `tokens_by` says how tokens for
    peers are asked for; if it does not, the provider's own document does.
    """

    scopes: tuple[str, ...] = ("openid", "profile", "email", "offline_access")
    audience: str = ""
    tokens_by: Literal["exchange", "refresh"] | None = None
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    leeway: float = Field(default=60.0, ge=0, le=300)
    group_claims: tuple[str, ...] = ("wlcg.groups", "groups", "eduperson_entitlement")
    group_prefix: str = ""

    @model_validator(mode="before")
    @classmethod
    def _is_at_its_issuer(cls, values: Any) -> Any:
        if isinstance(values, dict) and "issuer" in values:
            return {"url": values["issuer"], **values}
        return values

    @model_validator(mode="after")
    def _is_openid(self) -> "OpenIDConfig":
        if "openid" not in self.scopes:
            raise ValueError("scopes must have openid among them")
        unsafe = [name for name in self.algorithms if name == "none" or name.startswith("HS")]
        if unsafe:
            raise ValueError(f"algorithms: {unsafe[0]} proves nothing here; use RS256 or ES256")
        return self


class _Discovery(BaseModel):
    """What we read of a provider's document (OpenID Connect Discovery 1.0, section 3; RFC 8414)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    introspection_endpoint: str = ""
    revocation_endpoint: str = ""
    end_session_endpoint: str = ""
    grant_types_supported: tuple[str, ...] = ()
    authorization_response_iss_parameter_supported: bool = False

    @model_validator(mode="after")
    def _is_on_the_web(self) -> "_Discovery":
        """Refuse what is no link for a page of ours, or guards our secret less than the issuer."""
        schemes = ("https://",) if self.issuer.startswith("https://") else ("https://", "http://")
        for name, address in self:
            is_address = name.endswith(("_endpoint", "_uri"))
            if is_address and address and not address.startswith(schemes):
                raise ValueError(f"{name} has to begin with {schemes[0]}")
        return self


class _Introspected(BaseModel):
    """What a provider says of a token (RFC 7662, section 2.2)."""

    active: bool
    token_type: str = ""
    iss: str = ""
    sub: str = ""
    client_id: str = ""
    scope: str = ""
    aud: str | tuple[str, ...] = ()
    exp: float = 0.0


class OpenIDProvider(Provider):
    """An OpenID provider, found by its issuer."""

    Config = OpenIDConfig
    config: OpenIDConfig

    def __init__(self, config: OpenIDConfig, http: PeerSession) -> None:
        super().__init__(config, http)
        self._discovery = Kept(
            f"discovery of {config.id}",
            self._read_discovery,
            seconds=_DISCOVERY_SECONDS,
            last_resort=_LAST_RESORT,
            patience=config.timeout,
        )
        self._keys = Kept(
            f"keys of {config.id}",
            self._read_keys,
            seconds=_KEYS_SECONDS,
            last_resort=_LAST_RESORT,
            patience=config.timeout,
        )

    def ping(self) -> None:
        self._read_discovery()

    def endpoint(self, name: str) -> str:
        return str(getattr(self._discovery.get(), name))

    def extra(self) -> Mapping[str, str]:
        return {"audience": self.config.audience} if self.config.audience else {}

    @property
    def names_itself(self) -> bool:
        return self._discovery.get().authorization_response_iss_parameter_supported

    @property
    def exchanges(self) -> bool:
        if self.config.tokens_by:
            return self.config.tokens_by == "exchange"
        return _EXCHANGE in self._discovery.get().grant_types_supported

    def verify_id_token(self, token: str, *, nonce: str) -> Mapping[str, Any]:
        claims = self._verified(token, ("iss", "sub", "aud", "exp", "iat"), self.config.client_id)
        if claims.get("nonce") != nonce:
            raise TokenRefused("it answers another login")
        # OpenID Connect Core 1.0, section 3.1.3.7, steps 3 to 5.
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.config.client_id:
            raise TokenRefused("it was made for another client")
        return claims

    def user_info(self, access_token: str, *, subject: str) -> Mapping[str, Any]:
        address = self.endpoint("userinfo_endpoint")
        if not address:
            return {"sub": subject}
        answer = self.http.get(address, headers={"Authorization": f"Bearer {access_token}"})
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise TokenRefused("the provider tells nothing of a user for it")
        self._expect(answer)
        claims: Any
        if answer.headers.get("Content-Type", "").lower().startswith("application/jwt"):
            claims = self._verified(answer.text, ("iss", "sub"), self.config.client_id)
        else:
            claims = answer.json()
        # OpenID Connect Core 1.0, section 5.3.2.
        if not isinstance(claims, Mapping) or claims.get("sub") != subject:
            raise TokenRefused("the provider speaks of another user than the token does")
        return claims

    def verify_access_token(self, token: str) -> Presented:
        claims = self._verified(token, ("iss", "sub", "exp"), None)
        if _OF_ID_TOKENS & claims.keys() or not _OF_ACCESS_TOKENS & claims.keys():
            raise TokenRefused("it is not an access token")
        scope = claims.get("scope", claims.get("scp", ""))
        client = str(claims.get("client_id") or claims.get("azp") or "")
        return self._presented(
            token,
            subject=str(claims["sub"]),
            client=client,
            audiences=_texts(claims.get("aud")),
            scopes=_texts(scope.split() if isinstance(scope, str) else scope),
            groups=self.groups(claims),
            expires=float(claims["exp"]),
        )

    def introspect(self, token: str) -> Presented | None:
        address = self.endpoint("introspection_endpoint")
        if not address:
            return None
        asked = {"token": token, "token_type_hint": "access_token"}
        answer = self._expect(self._post(address, asked))
        document = answer.json()
        try:
            told = _Introspected.model_validate(document)
        except ValidationError:
            raise UnreadableAnswer(
                f"{self.config.title} says of a token what cannot be read."
            ) from None
        # Refresh tokens are active, too; they have no type.
        is_access_token = told.active and told.token_type.lower() == "bearer"
        if not is_access_token or not is_name(told.sub) or told.iss not in ("", self.config.issuer):
            return None
        return self._presented(
            token,
            subject=told.sub,
            client=told.client_id,
            audiences=_texts(told.aud),
            scopes=frozenset(told.scope.split()),
            groups=self.groups(document),
            expires=told.exp or time.time() + _KEYS_SECONDS,
        )

    def exchange(self, token: str, *, audience: str, scopes: Iterable[str] = ()) -> Tokens:
        return self._ask(
            grant_type=_EXCHANGE,
            subject_token=token,
            subject_token_type=_ACCESS_TOKEN,
            requested_token_type=_ACCESS_TOKEN,
            audience=audience,
            scope=" ".join(sorted(scopes)),
        )

    def logout_url(self, *, id_token: str, back_to: str) -> str:
        # OpenID Connect RP-Initiated Logout 1.0, section 2.
        address = self.endpoint("end_session_endpoint")
        if not address:
            return ""
        asked = {"client_id": self.config.client_id, "post_logout_redirect_uri": back_to}
        if id_token:
            asked["id_token_hint"] = id_token
        return with_query(address, asked)

    def verify_logout_token(self, token: str) -> Mapping[str, Any]:
        required = ("iss", "aud", "iat", "exp", "jti", "events")
        claims = self._verified(token, required, self.config.client_id)
        events = claims["events"]
        if not isinstance(events, Mapping) or _LOGOUT_EVENT not in events or "nonce" in claims:
            raise TokenRefused("it is not a logout token")
        if not ("sub" in claims or "sid" in claims):
            raise TokenRefused("it does not say whose login has ended")
        return claims

    def groups(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the groups that claims tell of, as they are written in entries; None if none do.

        What one provider calls a group must not open what is meant for a group of another one:
        `group_prefix` keeps them apart.
        """
        told = [claims[name] for name in self.config.group_claims if name in claims]
        if not told:
            return None
        names = {group for claim in told for group in _texts(claim) if is_name(group)}
        return frozenset(self.config.group_prefix + name.removeprefix("/") for name in names)

    def _presented(
        self, token: str, *, subject: str, client: str, audiences: frozenset[str], **members: Any
    ) -> Presented:
        if subject == client:
            # RFC 9068, section 2.2: a client that acts for itself is its own subject.
            raise TokenRefused("it belongs to a program and not to a user")
        return Presented(
            provider=self.config.id,
            issuer=self.config.issuer,
            subject=subject,
            client=client,
            # What is meant for anybody is not meant for us.
            audiences=audiences - {_ANY_AUDIENCE},
            token=token,
            **members,
        )

    def _expect(self, answer: Response) -> Response:
        """Return the answer if it is one; what is wrong with it is no matter of the caller's."""
        try:
            return self.http.expect(answer)
        except (BackendRefused, NotFound) as error:
            raise BackendFailed(
                f"{self.config.title} answered {answer.status_code} to the gateway itself. Tell "
                "the operator of the gateway.",
                peer=self.config.id,
            ) from error

    def _verified(
        self, token: str, required: tuple[str, ...], audience: str | None
    ) -> Mapping[str, Any]:
        return verified(
            token,
            lambda renew: self._keys.renewed() if renew else self._keys.get(),
            issuer=self.config.issuer,
            audience=[audience] if audience else None,
            algorithms=self.config.algorithms,
            leeway=self.config.leeway,
            required=required,
        )

    def _read_discovery(self) -> _Discovery:
        address = f"{self.config.issuer.rstrip('/')}/.well-known/openid-configuration"
        answer = self._expect(self.http.get(address))
        try:
            found = _Discovery.model_validate(answer.json())
        except ValidationError as error:
            raise UnreadableAnswer(
                f"{self.config.title} does not tell where its endpoints are."
            ) from error
        if found.issuer != self.config.issuer:
            raise BackendFailed(
                f"{self.config.title} calls itself {found.issuer!r}, and its entry says "
                f"{self.config.issuer!r}. Tell the operator: they must be the same."
            )
        return found

    def _read_keys(self) -> Keys:
        answer = self._expect(self.http.get(self.endpoint("jwks_uri")))
        return keys_in(answer.json(), self.config.title)


def _texts(claim: object) -> frozenset[str]:
    """Return the texts of a claim that may be one text or a list of them."""
    if isinstance(claim, str):
        return frozenset({claim})
    if isinstance(claim, list | tuple):
        return frozenset(item for item in claim if isinstance(item, str))
    return frozenset()
