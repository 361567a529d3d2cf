"""Forgetting tokens: here at once, and at the server as well as it goes."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import Grant, Session, User
from accounts.sealed import id_place, refresh_place
from accounts.session_store import stored_key
from accounts.tokens.servers import server_of
from esap.errors import EsapError
from esap.vault import CannotUnseal, unseal

__all__ = ["drop_unused", "end", "forget", "forget_session"]

logger = structlog.get_logger(__name__)


def end(grant: Grant) -> None:
    """Forget a grant, and tell the server that its refresh token is not needed any more.

    A server that is away is not waited for twice: what is forgotten here stays forgotten.
    """
    Grant.objects.filter(pk=grant.pk).delete()
    try:
        token = unseal(grant.refresh_token, bound_to=refresh_place(grant))
        if token:
            server_of(grant).revoke(token)
    except (EsapError, CannotUnseal) as error:
        logger.warning("not revoked at the server", server=grant.server, why=str(error))


def forget(user: User) -> None:
    """End all logins and connections of a user."""
    for grant in Grant.objects.filter(user=user):
        end(grant)


def drop_unused() -> int:
    """End logins whose session is over, and which no job can need any more; return how many.

    Sessions end by themselves, and then nobody logs out.
    """
    oldest = timezone.now() - timedelta(days=settings.JOB_DAYS)
    unused = Grant.objects.filter(
        Q(refreshed=None) | Q(refreshed__lt=oldest), kind=Grant.Kind.LOGIN, created__lt=oldest
    ).exclude(session_key__in=Session.objects.values("pk"))
    ended = list(unused)
    for grant in ended:
        end(grant)
    return len(ended)


def forget_session(session_key: str) -> tuple[str, str]:
    """End the login that belongs to one of our sessions.

    Returns the id of its provider's entry and its ID token, a hint for the provider's logout; both
    empty if there is none, as for a local account.
    """
    if not session_key:
        return "", ""
    grant = Grant.objects.filter(session_key=stored_key(session_key)).first()
    if grant is None:
        return "", ""
    try:
        hint = unseal(grant.id_token, bound_to=id_place(grant))
    except CannotUnseal:
        hint = ""
    end(grant)
    return grant.server, hint
