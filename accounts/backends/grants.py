"""The token endpoint of an OAuth server, as a client asks it (RFC 6749, sections 3.2 and 5)."""

from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote_plus

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from requests import Response

from esap.backends.http import PeerSession
from esap.errors import BackendFailed, BackendRefused, BackendUnavailable, UnreadableAnswer

__all__ = ["ClientAuthentication", "GrantEnded", "GrantRefused", "Tokens", "ask_for_tokens", "post"]

ClientAuthentication = Literal["client_secret_basic", "client_secret_post", "none"]
_VISIBLE = r"^[\x20-\x7e]*$"  # RFC 6749, appendix A
_ENDED = {"invalid_grant", "invalid_token"}
_UNDONE = {"temporarily_unavailable", "server_error", "slow_down"}


class GrantEnded(Exception):
    """The code or refresh token is not good, or no more; only the user can make a new one."""


class GrantRefused(BackendRefused):
    """The server does not give such a token to this client or for this user.

    It says so of the audience, the scopes, the way of asking, or the client: an operator's matter.
    """


class Tokens(BaseModel):
    """What a token endpoint gives (RFC 6749, section 5.1; OpenID Connect Core 1.0, 3.1.3.3)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    access_token: str = Field(min_length=1, pattern=_VISIBLE, repr=False)
    token_type: str = "Bearer"  # noqa: S105 - the name of the type
    expires_in: float | None = Field(default=None, ge=0)
    refresh_token: str = Field(default="", pattern=_VISIBLE, repr=False)
    id_token: str = Field(default="", pattern=_VISIBLE, repr=False)
    scope: str = Field(default="", pattern=_VISIBLE)


class _Refusal(BaseModel):
    # Only such words are registered (RFC 6749, section 11.4), and none of them is a token.
    error: str = Field(max_length=60, pattern=r"^[a-z_]+$")


def ask_for_tokens(
    http: PeerSession,
    url: str,
    form: Mapping[str, str],
    *,
    client: tuple[str, str],
    authentication: ClientAuthentication,
) -> Tokens:
    """Ask for tokens. Never repeated: a code or a rotated refresh token is good for one use.

    Raises `GrantEnded`, `GrantRefused`, or another `BackendFailed`.
    """
    title = http.config.title
    answer = post(http, url, form, client=client, authentication=authentication)
    if answer.status_code != HTTPStatus.OK:
        raise _refusal(http, answer)
    try:
        tokens = Tokens.model_validate(answer.json())
    except ValidationError:
        # Not chained: its text would quote what came, which may be a token.
        raise UnreadableAnswer(f"{title} gave no access token that could be read.") from None
    if tokens.token_type.lower() != "bearer":
        raise BackendFailed(f"{title} gave a token of a type that the gateway cannot use.")
    return tokens


def post(
    http: PeerSession,
    url: str,
    form: Mapping[str, str],
    *,
    client: tuple[str, str],
    authentication: ClientAuthentication,
    idempotent: bool = False,
) -> Response:
    """Post a form as the client that we are (RFC 6749, section 2.3.1)."""
    name, secret = client
    headers = {"Accept": "application/json"}
    sent = dict(form)
    if authentication == "client_secret_basic":
        pair = f"{quote_plus(name)}:{quote_plus(secret)}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        sent["client_id"] = name
        if authentication == "client_secret_post":
            sent["client_secret"] = secret
    # A redirect would carry the form elsewhere.
    return http.post(url, data=sent, headers=headers, allow_redirects=False, idempotent=idempotent)


def _refusal(http: PeerSession, answer: Response) -> Exception:
    """Say what an error answer means; its description is not quoted, for it may name the user."""
    title, status = http.config.title, answer.status_code
    try:
        error = _Refusal.model_validate(answer.json()).error
    except (ValidationError, UnreadableAnswer):
        error = ""
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    if passing or error in _UNDONE:
        return BackendUnavailable(
            f"{title} cannot give tokens just now ({status}). Try again later.",
            peer=http.config.id,
        )
    if error in _ENDED:
        return GrantEnded(error)
    if error:
        return GrantRefused(
            f"{title} does not give this token ({error}). Tell the operator of the gateway, who "
            "can ask there to have it allowed.",
            peer=http.config.id,
        )
    return BackendFailed(f"{title} answered {status} when asked for tokens.", peer=http.config.id)
