"""Sessions: whose each is, and how all of one user's end."""

from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Session
from accounts.session_store import SessionStore

pytestmark = pytest.mark.django_db


def begun(**data):
    store = SessionStore()
    store.update(data)
    store.create()
    store.save()
    return store


def test_a_session_knows_its_user(ada, as_user):
    as_user(ada)

    assert Session.objects.get().user == ada


def test_a_visitors_session_is_nobodys_until_they_log_in(ada):
    store = begun(basket="stars")
    assert Session.objects.get().user is None

    store[SESSION_KEY] = str(ada.pk)
    store.save()

    assert Session.objects.get().user == ada
    assert SessionStore(store.session_key)["basket"] == "stars"


def test_a_session_goes_with_its_user(ada, bob, as_user):
    for user in (ada, ada, bob):
        as_user(user)
    begun()

    ada.delete()

    assert {session.user for session in Session.objects.all()} == {bob, None}


def test_sessions_that_have_ended_are_cleared(ada, as_user):
    as_user(ada)
    ended = begun()
    old = timezone.now() - timedelta(seconds=1)
    Session.objects.filter(pk=ended.session_key).update(expire_date=old)

    call_command("clearsessions")

    assert Session.objects.get().user == ada


def test_a_row_leads_to_its_store():
    row = Session.objects.get(pk=begun(basket="stars").session_key)

    assert row.get_decoded() == {"basket": "stars"}
