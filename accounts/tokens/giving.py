"""A token for a peer: one that is kept, or a new one by refresh or exchange."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from django.db import transaction
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.actions import Action
from accounts.audit import record
from accounts.backends.base import OAuthServer, Presented, Provider, connections, providers
from accounts.backends.grants import GrantEnded, Tokens
from accounts.models import Grant, PeerToken, User
from accounts.sealed import peer_token_place, refresh_place
from accounts.tokens.keeping import keep_token, scope_text
from accounts.tokens.lease import Lease, held
from esap.backends.single_flight import SingleFlight
from esap.errors import LoginAgain, NotConnected, NotFound
from esap.vault import CannotUnseal, seal, unseal

__all__ = ["Given", "connection_token", "token_for"]

logger = structlog.get_logger(__name__)
LEAST_LEFT = timedelta(seconds=30)
"""A kept token is given while it is good for longer than this."""

_together: SingleFlight["Given"] = SingleFlight()


@dataclass(frozen=True, slots=True)
class Given:
    """An access token, and until when it is good."""

    token: str = field(repr=False)
    expires: datetime


def token_for(
    user: User, audience: str = "", scopes: Iterable[str] = (), *, instead_of: str = ""
) -> Given:
    """Return an access token of the user's login provider for an audience.

    A kept one is used while it lasts; else the provider is asked, once however many need it: by
    exchange (RFC 8693), or by a refresh with `audience=` (INDIGO IAM), as the provider can.
    `instead_of` is a token that the peer has refused: it is not given again.

    Raises `LoginAgain` if there is no login, or none that has not ended; `BackendRefused` if the
    provider does not give such a token; `BackendUnavailable` if it is away.
    """
    wanted = _Wanted(user, audience, scope_text(scopes), instead_of)
    return _given(wanted, Grant.Kind.LOGIN, "", _from_login)


def connection_token(user: User, connection: str, *, instead_of: str = "") -> Given:
    """Return an access token of a peer with a login of its own; `connection` is its entry's id.

    Raises `NotConnected` if the user has not connected to it, or that has ended.
    """
    connections.for_caller(user).get(connection)
    wanted = _Wanted(user, "", "", instead_of)
    return _given(wanted, Grant.Kind.CONNECTION, connection, _from_connection)


@dataclass(frozen=True, slots=True)
class _Wanted:
    user: User
    audience: str
    scope: str
    instead_of: str = field(repr=False)

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()


_Maker = Callable[[Grant, _Wanted, Lease], Given]


def _given(wanted: _Wanted, kind: Grant.Kind, server: str, make: _Maker) -> Given:
    # The user of a long job may have been closed since it began.
    mine = Grant.objects.filter(user=wanted.user, user__is_active=True, kind=kind)
    grants = mine.select_related("user")
    if server:
        grants = grants.filter(server=server)
    found = list(grants)
    for grant in found:
        if given := _kept(grant, wanted):
            return given
    for grant in found:
        key = (grant.pk, wanted.audience, wanted.scope, wanted.instead_of)
        try:
            return _together.do(key, lambda grant=grant: _made(grant, wanted, make))  # type: ignore[misc]
        except GrantEnded:
            _has_ended(grant)
        except NotFound:
            logger.info("no entry for a grant", server=grant.server, grant=str(grant.pk))
    if kind == Grant.Kind.CONNECTION:
        title = connections.for_gateway().get(server).config.title
        raise NotConnected(
            f"You are not connected to {title}. Connect at {_address('connection-list')}, and try "
            "again.",
            connection=server,
        )
    return _from_presented(wanted)


def _made(grant: Grant, wanted: _Wanted, make: _Maker) -> Given:
    """Make a token while nobody else may, unless somebody has just done it."""
    server = _server(grant)
    with held(grant.pk, seconds=2 * server.config.timeout + 10) as lease:
        if given := _kept(grant, wanted):
            return given
        given = make(grant, wanted, lease)
    record(Action.PEER_TOKEN_ISSUED, grant.user, server=grant.server, audience=wanted.audience,
           scope=wanted.scope)  # fmt: skip
    return given


def _from_login(grant: Grant, wanted: _Wanted, lease: Lease) -> Given:
    provider = providers.for_gateway().get(grant.server)
    if not wanted.audience or not provider.exchanges:
        return _refreshed(grant, provider, wanted, lease)
    own = _Wanted(wanted.user, "", "", "")
    for base in (_kept(grant, own), None):
        subject = base or _refreshed(grant, provider, own, lease)
        try:
            tokens = provider.exchange(
                subject.token, audience=wanted.audience, scopes=wanted.scopes
            )
        except GrantEnded:
            if base is None:
                raise
            continue  # The kept one was revoked; a new one tells whether the login was, too.
        return Given(tokens.access_token, _keep(grant, tokens, wanted))
    raise AssertionError("the second round returns or raises")


def _from_connection(grant: Grant, wanted: _Wanted, lease: Lease) -> Given:
    return _refreshed(grant, connections.for_gateway().get(grant.server), wanted, lease)


def _refreshed(grant: Grant, server: OAuthServer, wanted: _Wanted, lease: Lease) -> Given:
    """Use the refresh token, and keep its successor before anything else."""
    kept = Grant.objects.filter(pk=grant.pk).values_list("refresh_token", flat=True).first()
    try:
        refresh_token = unseal(kept or "", bound_to=refresh_place(grant))
    except CannotUnseal as error:
        logger.warning("a refresh token cannot be unsealed", grant=str(grant.pk), why=str(error))
        raise GrantEnded("sealed by a key that is gone") from error
    if not refresh_token:
        raise GrantEnded("without a refresh token")
    tokens = server.refresh(refresh_token, audience=wanted.audience, scopes=wanted.scopes)
    changes: dict[str, object] = {"refreshed": timezone.now()}
    if tokens.refresh_token:
        changes["refresh_token"] = seal(tokens.refresh_token, bound_to=refresh_place(grant))
    with transaction.atomic():
        if not lease.write(**changes):
            raise GrantEnded("forgotten meanwhile")
        expires = _keep(grant, tokens, wanted)
    return Given(tokens.access_token, expires)


def _keep(grant: Grant, tokens: Tokens, wanted: _Wanted) -> datetime:
    return keep_token(grant, tokens, wanted.audience, wanted.scope)


def _kept(grant: Grant, wanted: _Wanted) -> Given | None:
    row = PeerToken.objects.filter(
        grant=grant,
        audience=wanted.audience,
        scope=wanted.scope,
        expires__gt=timezone.now() + LEAST_LEFT,
    ).first()
    if row is None:
        return None
    place = peer_token_place(grant, row.audience, row.scope)
    try:
        token = unseal(row.token, bound_to=place)
    except CannotUnseal:
        return None
    return Given(token, row.expires) if token != wanted.instead_of else None


def _from_presented(wanted: _Wanted) -> Given:
    """Use the access token that this very request came with, if it did.

    What is made of it is not kept: the next request comes with a token of its own.
    """
    presented: Presented | None = vars(wanted.user).get("presented")
    if presented is not None and presented.expires > time.time():
        provider: Provider = providers.for_gateway().get(presented.provider)
        expires = datetime.fromtimestamp(presented.expires, UTC)
        if wanted.audience in presented.audiences:
            return Given(presented.token, expires)
        if wanted.audience and provider.exchanges:
            try:
                tokens = provider.exchange(
                    presented.token, audience=wanted.audience, scopes=wanted.scopes
                )
            except GrantEnded:
                pass  # It has expired, or was revoked.
            else:
                record(Action.PEER_TOKEN_ISSUED, wanted.user, server=presented.provider,
                       audience=wanted.audience, scope=wanted.scope)  # fmt: skip
                return Given(tokens.access_token, expires)
    raise LoginAgain(
        "This needs a login that has not ended, so that the gateway can ask for a token in your "
        f"name. Log in again at {_address('oidc-authenticate')}, and try again."
    )


def _has_ended(grant: Grant) -> None:
    """Forget a grant that the server does not honour any more."""
    deleted, _ = Grant.objects.filter(pk=grant.pk).delete()
    if deleted:
        record(Action.LOGIN_ENDED, grant.user, server=grant.server, kind=grant.kind)


def _server(grant: Grant) -> OAuthServer:
    registry = providers if grant.kind == Grant.Kind.LOGIN else connections
    return registry.for_gateway().get(grant.server)


def _address(name: str) -> str:
    """Return where something is done in a browser; the events process has no such pages."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return "the gateway"
