"""Ending the sessions of a user, wherever they have logged in."""

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import User

__all__ = ["end_sessions"]


def end_sessions(user: User) -> int:
    """End all sessions of a user; return how many there were.

    Sessions are stored without a column for their user, so all that live are read: some seconds
    for 100,000 of them, which is little for something so rare.
    """
    lasting = Session.objects.filter(expire_date__gt=timezone.now())
    mine = [
        session.pk
        for session in lasting.iterator()
        if session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    return Session.objects.filter(pk__in=mine).delete()[0]
