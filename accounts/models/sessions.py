"""Sessions of browsers, which know whose they are."""

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

__all__ = ["Session"]


class Session(AbstractBaseSession):
    """A session of a user, or of a visitor who has not logged in.

    Django's own table does not tell users apart; so it would have to be read whole to end the
    sessions of one.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sessions"
    )

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """Return what reads and writes these rows."""
        from accounts.session_store import SessionStore  # noqa: PLC0415 - it imports this module

        return SessionStore
