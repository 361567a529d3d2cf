"""Where sessions are kept: Django's store in the database, with the user beside each.

A session's key is as good as a login, so a row is under a digest of it: whoever reads the database
is nobody else.
"""

import hashlib
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from accounts.models import Session

__all__ = ["SessionStore", "stored_key"]

_LENGTH = 40  # of the column: 160 bits of the digest


def stored_key(session_key: str) -> str:
    """Return what is stored of a session's key, from which the key cannot be told."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:_LENGTH]


class SessionStore(DatabaseStore):
    """The engine that SESSION_ENGINE names.

    Of its asynchronous methods, which nothing here uses, none finds a session.
    """

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return the model of the rows."""
        return Session

    def load(self) -> dict[str, Any]:
        """Return the data of the session that lives under this key; forget the key if none does."""
        mine = Session.objects.filter(pk=stored_key(self.session_key or ""))
        row = mine.filter(expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
            return {}
        return dict(self.decode(row.session_data))

    def exists(self, session_key: str) -> bool:
        """Say whether there is a session under a key."""
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Return the row to be saved."""
        row = cast("Session", super().create_model_instance(data))
        row.session_key = stored_key(row.session_key)
        row.user_id = data.get(SESSION_KEY)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session under a key, or this one."""
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored_key(key))
