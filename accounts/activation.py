"""Closing an account for the time being, and opening it again."""

from django.db import transaction
from django.http import HttpRequest

from accounts import audit
from accounts.actions import Action
from accounts.models import Session, User
from esap.jobs.services import abort_all

__all__ = ["activate", "deactivate"]


@transaction.atomic
def deactivate(user: User, *, by: User, request: HttpRequest | None = None) -> None:
    """Let a user in no more: sessions end, and tokens open nothing while the account is closed.

    Unfinished jobs are aborted, also at their peers: nothing goes on that nobody sees.
    """
    if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        Session.objects.filter(user=user).delete()
        abort_all(user)
        audit.record(Action.USER_DEACTIVATED, user, request=request, by=by.pk)


@transaction.atomic
def activate(user: User, *, by: User, request: HttpRequest | None = None) -> None:
    """Let a user in again. Tokens that have not expired work again, sessions do not."""
    if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        audit.record(Action.USER_ACTIVATED, user, request=request, by=by.pk)
