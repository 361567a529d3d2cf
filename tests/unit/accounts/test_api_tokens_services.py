"""Making, finding, using and revoking API tokens."""

import hashlib
import re
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from accounts.api_tokens import services
from accounts.models import ApiToken, AuditEvent, User
from esap.errors import InvalidRequest, NotAllowed, NotFound

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]


@pytest.fixture(autouse=True)
def nothing_remembered():
    services._known_addresses.clear()


def made(user, **said):
    return services.make(user, **{"name": "laptop", "scopes": ["read"], **said})


def request_from(address):
    return RequestFactory().get("/esap-api/jobs", REMOTE_ADDR=address)


def actions_of(user):
    return list(user.audit_events.order_by("id").values_list("action", flat=True))


def test_a_token_has_256_random_bits_and_says_whose_it_is(ada):
    texts = {made(ada)[1] for _ in range(20)}

    assert len(texts) == 20
    assert all(re.fullmatch(r"esap_api_[A-Za-z0-9_-]{43}", text) for text in texts)


def test_only_the_digest_of_a_token_is_kept(ada):
    token, text = made(ada)

    assert token.digest == hashlib.sha256(text.encode()).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apitoken")
        assert text not in str(cursor.fetchall())
        cursor.execute("SELECT * FROM accounts_auditevent")
        assert text.removeprefix(services.PREFIX) not in str(cursor.fetchall())


def test_a_token_lives_for_90_days_unless_its_user_says(ada):
    token, _ = made(ada)

    assert token.expires - token.created == pytest.approx(
        timedelta(days=90), abs=timedelta(seconds=5)
    )


def test_a_gateway_of_short_tokens_makes_them_short(ada, settings):
    settings.API_TOKEN_DAYS = 7

    token, _ = made(ada)

    assert token.expires - token.created <= timedelta(days=7)


@pytest.mark.parametrize("days", [-1, 0, 366])
def test_a_time_that_is_past_or_too_far_off_is_refused(ada, days):
    with pytest.raises(InvalidRequest, match="expires: choose a time from now on until"):
        made(ada, expires=timezone.now() + timedelta(days=days))

    assert not ApiToken.objects.exists()


def test_scopes_are_kept_once_each_in_order(ada):
    token, _ = made(ada, scopes=["query:write", "jobs:read", "query:write"])

    assert token.scopes == ["jobs:read", "query:write"]


def test_no_more_than_50_live_tokens_are_made(ada, bob, monkeypatch):
    monkeypatch.setattr(services, "MOST_LIVE", 3)
    first, *_ = [made(ada)[0] for _ in range(3)]

    with pytest.raises(NotAllowed, match="Revoke one first"):
        made(ada)

    assert ada.api_tokens.count() == 3
    made(bob)
    services.revoke(ada, first.pk)
    made(ada)


def test_tokens_made_at_once_are_counted_one_after_the_other(shared_database, monkeypatch):
    monkeypatch.setattr(services, "MOST_LIVE", 2)
    user = User.objects.create_user("ada")
    together, refusals = Barrier(6), []

    def make_one():
        together.wait()
        try:
            made(user)
        except NotAllowed as refusal:
            refusals.append(refusal)
        finally:
            connection.close()

    threads = [Thread(target=make_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (user.api_tokens.count(), len(refusals)) == (2, 4)


def test_a_token_is_found_with_its_user_by_one_statement(ada, django_assert_num_queries):
    token, text = made(ada)

    with django_assert_num_queries(1):
        found = services.find(text)
        assert (found, found.user, found.user.username) == (token, ada, "ada")


@pytest.mark.parametrize("text", ["", "esap_api_", "esap_api_" + "A" * 43, "\ud800", "a" * 9000])
def test_an_unknown_token_is_looked_for_in_the_same_way(ada, text, django_assert_num_queries):
    made(ada)

    with django_assert_num_queries(1):
        assert services.find(text) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: ApiToken.objects.update(expires=timezone.now()),
        lambda token: ApiToken.objects.update(revoked=timezone.now()),
        lambda token: User.objects.update(is_active=False),
    ],
    ids=["expired", "revoked", "inactive"],
)
def test_a_token_that_has_ended_is_not_found(ada, spoil, django_assert_num_queries):
    token, text = made(ada)

    spoil(token)

    with django_assert_num_queries(1):
        assert services.find(text) is None


def test_a_digest_is_no_token(ada):
    token, _ = made(ada)

    assert services.find(token.digest) is None


def test_the_last_use_is_written_once_a_minute(ada, django_assert_num_queries):
    token, text = made(ada)
    services.note_use(token, request_from("192.0.2.1"))
    first = ApiToken.objects.get().last_used

    again = services.find(text)
    with django_assert_num_queries(0):
        services.note_use(again, request_from("192.0.2.1"))

    assert ApiToken.objects.get().last_used == first
    ApiToken.objects.update(last_used=first - timedelta(seconds=61))
    services.note_use(services.find(text), request_from("192.0.2.1"))
    assert ApiToken.objects.get().last_used > first


def test_of_two_uses_at_once_one_is_written(ada):
    token, text = made(ada)
    other = services.find(text)
    services.note_use(token, request_from("192.0.2.1"))
    first = ApiToken.objects.get().last_used

    services.note_use(other, request_from("192.0.2.1"))

    assert ApiToken.objects.get().last_used == first


def test_each_address_that_is_new_for_a_token_is_in_the_audit_log(ada):
    token, _ = made(ada, name="robot")

    for address in ("192.0.2.1", "192.0.2.1", "2001:db8::7", "192.0.2.1"):
        services.note_use(token, request_from(address))

    used = AuditEvent.objects.filter(action="token.used").order_by("id")
    assert [event.address for event in used] == ["192.0.2.1", "2001:db8::7"]
    assert used[0].detail == {"token_id": str(token.pk), "name": "robot"}


def test_an_address_is_not_new_to_a_process_that_has_just_started(ada):
    token, _ = made(ada)
    services.note_use(token, request_from("192.0.2.1"))

    services._known_addresses.clear()
    services.note_use(token, request_from("192.0.2.1"))

    assert AuditEvent.objects.filter(action="token.used").count() == 1


def test_an_address_is_new_for_each_token(ada):
    for token in (made(ada)[0], made(ada)[0]):
        services.note_use(token, request_from("192.0.2.1"))

    assert AuditEvent.objects.filter(action="token.used").count() == 2


def test_a_process_does_not_remember_addresses_without_end(ada, monkeypatch):
    monkeypatch.setattr(services, "_MOST_REMEMBERED", 2)
    token, _ = made(ada)

    for number in range(5):
        services.note_use(token, request_from(f"192.0.2.{number}"))

    assert len(services._known_addresses) <= 2


def test_a_revoked_token_stays_revoked_since_the_first_time(ada):
    token, _ = made(ada)
    services.revoke(ada, token.pk)
    first = ApiToken.objects.get().revoked

    services.revoke(ada, token.pk)

    assert ApiToken.objects.get().revoked == first
    assert actions_of(ada) == ["token.made", "token.revoked"]


def test_anothers_token_is_not_there_and_lives_on(ada, bob):
    token, text = made(ada)

    with pytest.raises(NotFound):
        services.revoke(bob, token.pk)

    assert services.find(text) == token


def test_what_an_admin_revokes_says_who_did(ada, bob):
    token, _ = made(ada)

    services.revoke(ada, token.pk, by=bob)

    event = ada.audit_events.get(action="token.revoked")
    assert event.detail == {"token_id": str(token.pk), "name": "laptop", "by": bob.pk}


def test_a_token_that_ended_long_ago_is_dropped(ada, settings):
    settings.AUDIT_DAYS = 10
    expired, revoked, fresh, live = (made(ada)[0] for _ in range(4))
    old = timezone.now() - timedelta(days=10, seconds=1)
    ApiToken.objects.filter(pk=expired.pk).update(expires=old)
    ApiToken.objects.filter(pk=revoked.pk).update(revoked=old)
    services.revoke(ada, fresh.pk)

    dropped = services.drop_ended()

    assert dropped == 2
    assert set(ApiToken.objects.all()) == {fresh, live}
