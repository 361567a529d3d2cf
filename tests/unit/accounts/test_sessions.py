"""Sessions: whose each is, and how all of one user's end."""

from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Session
from accounts.session_store import SessionStore, stored_key

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]


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
    Session.objects.filter(pk=stored_key(ended.session_key)).update(expire_date=old)

    call_command("clearsessions")

    assert Session.objects.get().user == ada


def test_a_row_leads_to_its_store():
    begun(basket="stars")

    assert Session.objects.get().get_decoded() == {"basket": "stars"}


def test_a_row_does_not_tell_the_key_of_its_session():
    key = begun(basket="stars").session_key

    row = Session.objects.get()

    assert row.pk == stored_key(key)
    assert SessionStore(key)["basket"] == "stars"
    assert SessionStore(row.pk).load() == {}


def test_a_key_that_was_never_given_is_forgotten():
    store = SessionStore("a" * 32)

    assert store.load() == {}
    assert store.session_key is None


def test_a_session_that_is_over_is_not_found():
    key = begun(basket="stars").session_key
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    assert SessionStore(key).load() == {}


def test_a_new_key_leaves_nothing_under_the_old_one():
    store = begun(basket="stars")
    old = store.session_key

    store.cycle_key()

    assert SessionStore(old).load() == {}
    assert SessionStore(store.session_key)["basket"] == "stars"
    assert SessionStore().exists(store.session_key)


@pytest.mark.parametrize("end", [SessionStore.flush, SessionStore.delete])
def test_a_session_ends(end):
    store = begun(basket="stars")

    end(store)

    assert not Session.objects.exists()


def test_to_end_a_session_that_there_is_not_does_nothing(ada, as_user):
    as_user(ada)

    SessionStore().delete()
    SessionStore().delete("a" * 32)

    assert Session.objects.count() == 1
