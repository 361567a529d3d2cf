"""Who a request comes from: a session of a browser, or a bearer token of one of four kinds.

An access token of a login provider is verified here, with its published keys; one that cannot be
read is introspected there, and the answer kept for a minute. Our own are the personal API token
and the display token of a profile.
"""

import hashlib
import re

import jwt
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts.api_tokens import services as api_tokens
from accounts.backends.base import Presented, Provider, providers
from accounts.backends.signed import TokenRefused, is_signed
from accounts.credentials import Credential
from accounts.display_tokens import is_display_token, read_display_token
from accounts.identities import user_of
from accounts.models import User
from accounts.origin import check_origin
from esap.api.in_flight import Slots, caller_address
from esap.api.refusal import Refusal
from esap.backends.single_flight import SingleFlight
from esap.errors import EsapError, InvalidToken, NotAllowed

__all__ = ["BearerTokens", "Sessions"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1, without TRACE
_TOKEN = re.compile(r"^[A-Za-z0-9._~+/=-]{16,16384}$")  # RFC 6750, section 2.1
_PROFILE = re.compile(r"^/esap-api/accounts/user-profiles/?$")

_introspected: SingleFlight[Presented | None] = SingleFlight(seconds=60.0, size=4096)
_MOST_ASKED = 8
_asked = Slots("tokens of which the login provider is asked")


class Sessions(BaseAuthentication):
    """The session that a login began, for pages of ours and of the origins let in."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user of the session; refuse what a page of another site may have sent."""
        user = getattr(request._request, "user", None)  # noqa: SLF001 - below DRF's request
        if user is None or not user.is_active:
            return None
        try:
            check_origin(request)
        except EsapError as error:
            raise Refusal(error) from error
        return user, None


class BearerTokens(BaseAuthentication):
    """The token in `Authorization: Bearer` (RFC 6750, section 2.1), and in no other place."""

    def authenticate_header(self, request: Request) -> str:
        """Return what a caller without a login is told to bring."""
        return "Bearer"

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """Return the token's user, and what the token is good for.

        A token that is not enough for this very request is refused here, so that no view can
        forget it.
        """
        scheme, _, rest = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = rest.decode("latin-1").strip()
        try:
            user, credential = _whose(token, request)
        except EsapError as error:
            raise Refusal(error) from error
        return user, credential


def _whose(token: str, request: Request) -> tuple[User, Credential]:
    if not _TOKEN.match(token):
        raise InvalidToken("This is not a token. Send `Authorization: Bearer` and one token.")
    if token.startswith(api_tokens.PREFIX):
        return _of_api_token(token, request)
    if is_signed(token) and is_display_token(token):
        return _of_display_token(token, request)
    return _of_access_token(token, request)


def _of_api_token(text: str, request: Request) -> tuple[User, Credential]:
    token = api_tokens.find(text)
    if token is None:
        raise InvalidToken("This API token has expired, was revoked, or never was. Make another.")
    if not api_tokens.allows(token.scopes, str(request.method), request.path_info):
        raise NotAllowed(
            "This API token is not for that. It allows: "
            f"{', '.join(token.scopes)}. Make one that allows what you need."
        )
    api_tokens.note_use(token, request)
    return token.user, Credential("api-token", frozenset(token.scopes), token.pk)


def _of_display_token(text: str, request: Request) -> tuple[User, Credential]:
    pk = read_display_token(text)
    user = User.objects.filter(pk=pk, is_active=True).first() if pk is not None else None
    if user is None:
        raise InvalidToken("The token of your profile has expired. Load your profile again.")
    if request.method not in _SAFE:
        raise NotAllowed("The token of a profile can only read. Make an API token for more.")
    return user, Credential("display-token", frozenset({"read"}))


def _of_access_token(token: str, request: Request) -> tuple[User, Credential]:
    presented = _presented(token, request)
    provider = providers.for_gateway().get(presented.provider)
    _check_audience(presented, provider, request)
    users = User.objects.filter(issuer=presented.issuer, subject=presented.subject)
    user = users.first() or _newcomer(presented, provider, request)
    if not user.is_active:
        raise InvalidToken("Your account here is closed. Ask the operator of the gateway why.")
    if presented.groups is not None:
        user.present_groups(presented.groups)
    # For a peer's token in the user's name, where no login is kept: accounts.tokens.
    vars(user)["presented"] = presented
    return user, Credential("access-token", presented.scopes)


def _presented(token: str, request: Request) -> Presented:
    """Return whose a token is, verified here if it can be, else by those who may have made it."""
    try:
        if is_signed(token) and (provider := _issuer_of(token)):
            presented = provider.verify_access_token(token)
            # What a token is for is asked of the provider, where the token does not say.
            found = presented if presented.audiences else _ask(provider, token, request)
        elif is_signed(token):
            raise InvalidToken("This token was made by a provider that is not known here.")
        else:
            asked = (_ask(each, token, request) for each in providers.for_gateway())
            found = next(filter(None, asked), None)
    except TokenRefused as refused:
        raise InvalidToken(
            f"Your access token is not accepted: {refused}. Get a new one."
        ) from None
    if found is None:
        raise InvalidToken("Your access token is not valid, or not any more. Get a new one.")
    return found


def _issuer_of(token: str) -> Provider | None:
    """Return the provider that a token says it is from; whether that is so is seen by its key."""
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except jwt.PyJWTError as error:
        raise TokenRefused("its form is wrong") from error
    known = providers.for_gateway()
    return next((each for each in known if each.config.issuer == issuer), None)


def _ask(provider: Provider, token: str, request: Request) -> Presented | None:
    """Ask a provider about a token, for some of one address at a time: anybody may make them up."""
    caller = caller_address(request)

    def ask() -> Presented | None:
        _asked.take(caller, _MOST_ASKED)
        try:
            return provider.introspect(token)
        finally:
            _asked.give_back(caller)

    digest = hashlib.sha256(token.encode()).hexdigest()
    return _introspected.do((provider.config.id, digest), ask)


def _check_audience(presented: Presented, provider: Provider, request: Request) -> None:
    """Refuse a token that was made for others (RFC 9068, section 4)."""
    entry = provider.config
    if not presented.audiences and presented.client in entry.clients:
        return
    if presented.audiences & set(entry.audiences or (entry.client_id,)):
        return
    if presented.audiences & set(entry.profile_audiences):
        # The published Python client has such a token, and reads the basket with it.
        if request.method in _SAFE and _PROFILE.match(request.path_info):
            return
        raise NotAllowed("A token for this audience opens your profile, and nothing else here.")
    raise InvalidToken("Your access token was made for another service. Get one for the gateway.")


def _newcomer(presented: Presented, provider: Provider, request: Request) -> User:
    """Make a user of somebody who has never logged in here, once the provider says who it is.

    It tells nothing of a token that a program got for itself, so no user is made of a program.
    """
    try:
        claims = provider.user_info(presented.token, subject=presented.subject)
    except TokenRefused:
        raise InvalidToken(
            "Your access token does not say who you are. Get one with the scope openid, or log "
            "in here once in a browser."
        ) from None
    # Keycloak gives each program a user, who is called so (ServiceAccountConstants).
    if claims.get("preferred_username") == f"service-account-{presented.client}".lower():
        raise InvalidToken("Your access token belongs to a program and not to a user.")
    return user_of(provider, claims, request=request, groups=presented.groups)
