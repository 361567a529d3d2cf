"""The end of an account, and of all that was kept of its user."""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.module_loading import import_string

from accounts import audit
from accounts.actions import Action
from accounts.models import AuditEvent, User
from esap.errors import EsapError

__all__ = ["delete_account"]

logger = structlog.get_logger(__name__)

Ending = Callable[[User], object]
"""Ends what a user has going on elsewhere, while they are still known. ACCOUNT_ENDINGS names them.

Rows that belong to the user need none: they go with the user.
"""


def delete_account(user: User) -> None:
    """Delete a user with all that was kept of them, and end what goes on in their name.

    A peer that cannot be told does not keep the account alive. The audit log keeps what was
    done and when, but not by whom. Not to be called inside a transaction: it talks to peers.
    """
    endings: list[Ending] = [import_string(path) for path in settings.ACCOUNT_ENDINGS]
    for ending in endings:
        try:
            ending(user)
        except EsapError as error:
            logger.warning("not ended with the account", what=ending.__name__, why=error.detail)
    with transaction.atomic():
        # Whoever adds something for the user just now waits, and then finds nobody.
        known = User.objects.select_for_update().filter(pk=user.pk).first()
        if known is None:
            return
        AuditEvent.objects.filter(user=known).update(
            username="", detail={}, address="", request_id=""
        )
        about = ContentType.objects.get_for_model(User)
        LogEntry.objects.filter(content_type=about, object_id=str(known.pk)).delete()
        known.delete()
        audit.record(Action.ACCOUNT_DELETED, None)
