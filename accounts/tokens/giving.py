"""A token for a peer: one that is kept, or a new one by refresh or exchange."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.actions import Action
from accounts.audit import record
from accounts.backends.base import OAuthServer, Presented, Provider, connections, providers
from accounts.backends.grants import GrantEnded, GrantRefused, Tokens
from accounts.models import Grant, PeerToken, User
from accounts.sealed import peer_token_place, refresh_place
from accounts.tokens.keeping import expiry_of, keep_token, scope_text
from accounts.tokens.lease import Lease, held
from accounts.tokens.servers import server_of
from esap.backends.deadline import apart
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


@dataclass(frozen=True, slots=True)
class _Wanted:
    audience: str = ""
    scope: str = ""
    instead_of: str = field(default="", repr=False)

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()


def token_for(
    user: User, audience: str = "", scopes: Iterable[str] = (), *, instead_of: str = ""
) -> Given:
    """Return an access token of the user's login provider for an audience.

    A kept one is used while it lasts; else the provider is asked, once however many need it: by
    exchange (RFC 8693), or by a refresh with `audience=` (INDIGO IAM), as the provider can.
    `instead_of` is a token that the peer has refused: it is not given again. The work is not broken
    off with the caller's own deadline, for that could end the login.

    Raises `LoginAgain` if there is no login, or none that has not ended; `BackendRefused` if the
    provider does not give such a token; `BackendUnavailable` if it is away.
    """
    wanted = _Wanted(audience, scope_text(scopes), instead_of)
    logins = Grant.objects.filter(user=user, kind=Grant.Kind.LOGIN)
    if given := _by_grant(logins, wanted) or _by_presented(user, wanted):
        return given
    raise LoginAgain(
        "This needs a login that has not ended, so that the gateway can ask for a token in your "
        f"name. Log in again at {_address('oidc-authenticate')}, and try again."
    )


def connection_token(user: User, connection: str, *, instead_of: str = "") -> Given:
    """Return an access token of a peer with a login of its own; `connection` is its entry's id.

    Raises `NotConnected` if the user has not connected to it, or that has ended.
    """
    service = connections.for_caller(user).get(connection)
    made = Grant.objects.filter(user=user, kind=Grant.Kind.CONNECTION, server=connection)
    if given := _by_grant(made, _Wanted(instead_of=instead_of)):
        return given
    raise NotConnected(
        f"You are not connected to {service.config.title}. Connect at "
        f"{_address('connection-list')}, and try again.",
        connection=connection,
    )


def _by_grant(grants: QuerySet[Grant], wanted: _Wanted) -> Given | None:
    """Return a token of the first of the grants that gives one."""
    # A job may go on after its user's account was closed.
    found = list(grants.filter(user__is_active=True).select_related("user"))
    for grant in found:
        if given := _kept(grant, wanted):
            return given
    for grant in found:
        try:
            server = server_of(grant)
            return _together.do((grant.pk, wanted), partial(_made, grant, server, wanted))
        except GrantEnded:
            _has_ended(grant)
        except (NotFound, CannotUnseal) as error:
            # Its entry or its key is gone; if that comes back, so does the grant.
            logger.warning("a grant is of no use", grant=str(grant.pk), why=str(error))
    return None


def _made(grant: Grant, server: OAuthServer, wanted: _Wanted) -> Given:
    """Make a token while nobody else may, unless somebody has just done it."""
    seconds = 2 * server.config.timeout
    with held(grant.pk, seconds=seconds + 10) as lease, apart(seconds):
        if given := _kept(grant, wanted):
            return given
        try:
            if wanted.audience and isinstance(server, Provider) and server.exchanges:
                given = _exchanged(grant, server, wanted, lease)
            else:
                given = _refreshed(grant, server, wanted, lease)
        except GrantEnded:
            _has_ended(grant)  # while nobody else may try: they find that it has
            raise
    _note(grant.user, grant.server, wanted)
    return given


def _exchanged(grant: Grant, provider: Provider, wanted: _Wanted, lease: Lease) -> Given:
    """Exchange the login's own token, after a refresh if that one is not good any more."""
    if own := _kept(grant, _Wanted()):
        try:
            tokens = _exchange(provider, own.token, wanted)
        except GrantEnded:
            logger.info("a kept token is good no more", grant=str(grant.pk))
        else:
            return _keep(grant, tokens, wanted, lease)
    own = _refreshed(grant, provider, _Wanted(), lease)
    try:
        tokens = _exchange(provider, own.token, wanted)
    except GrantEnded as error:
        # The login has not ended, or there had been no refresh.
        raise GrantRefused(
            f"{provider.config.title} does not exchange your login for {wanted.audience}. Tell the "
            "operator of the gateway, who can ask there to have it allowed.",
            peer=provider.config.id,
        ) from error
    return _keep(grant, tokens, wanted, lease)


def _exchange(provider: Provider, token: str, wanted: _Wanted) -> Tokens:
    return provider.exchange(token, audience=wanted.audience, scopes=wanted.scopes)


def _refreshed(grant: Grant, server: OAuthServer, wanted: _Wanted, lease: Lease) -> Given:
    """Use the refresh token, and keep its successor before anything else."""
    kept = Grant.objects.filter(pk=grant.pk).values_list("refresh_token", flat=True).first()
    refresh_token = unseal(kept or "", bound_to=refresh_place(grant))
    if not refresh_token:
        raise GrantEnded("without a refresh token")
    tokens = server.refresh(refresh_token, audience=wanted.audience, scopes=wanted.scopes)
    changes: dict[str, object] = {"refreshed": timezone.now()}
    if tokens.refresh_token:
        changes["refresh_token"] = seal(tokens.refresh_token, bound_to=refresh_place(grant))
    return _keep(grant, tokens, wanted, lease, **changes)


def _keep(grant: Grant, tokens: Tokens, wanted: _Wanted, lease: Lease, **changes: object) -> Given:
    """Keep a token for the next who asks; raise `GrantEnded` if the grant was forgotten meanwhile.

    The user may have logged out while the server was asked: then nothing comes back.
    """
    with transaction.atomic():
        if not lease.write(**changes):
            raise GrantEnded("forgotten meanwhile")
        expires = keep_token(grant, tokens, wanted.audience, wanted.scope)
    return Given(tokens.access_token, expires)


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


def _by_presented(user: User, wanted: _Wanted) -> Given | None:
    """Use the access token that this very request came with, if it did.

    What is made of it is not kept: the next request comes with a token of its own.
    """
    presented: Presented | None = vars(user).get("presented")
    if presented is None or not wanted.audience or presented.expires <= time.time():
        return None
    is_enough = wanted.audience in presented.audiences and presented.scopes >= {*wanted.scopes}
    if is_enough and presented.token != wanted.instead_of:
        return Given(presented.token, datetime.fromtimestamp(presented.expires, UTC))
    provider = providers.for_gateway().get(presented.provider)
    if not provider.exchanges:
        return None
    try:
        tokens = _exchange(provider, presented.token, wanted)
    except GrantEnded:
        return None  # It was revoked.
    _note(user, presented.provider, wanted)
    return Given(tokens.access_token, expiry_of(tokens))


def _has_ended(grant: Grant) -> None:
    """Forget the tokens of a grant that the server does not honour any more.

    Of a login its row stays: the session here lives on, and needs it to end at the provider, too.
    """
    if grant.kind == Grant.Kind.CONNECTION:
        deleted, _ = Grant.objects.filter(pk=grant.pk).delete()
        if deleted:
            record(Action.CONNECTION_ENDED, grant.user, server=grant.server)
        return
    PeerToken.objects.filter(grant=grant).delete()
    if Grant.objects.filter(pk=grant.pk).exclude(refresh_token="").update(refresh_token=""):
        record(Action.LOGIN_ENDED, grant.user, server=grant.server)


def _note(user: User, server: str, wanted: _Wanted) -> None:
    record(
        Action.PEER_TOKEN_ISSUED, user, server=server, audience=wanted.audience, scope=wanted.scope
    )


def _address(name: str) -> str:
    """Return where something is done in a browser; the events process has no such pages."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return "the gateway"
