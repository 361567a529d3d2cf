"""The end of an account."""

from uuid import uuid4

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from rest_framework.test import APIClient

from accounts import audit
from accounts.actions import Action
from accounts.activation import deactivate
from accounts.api_tokens import services
from accounts.credentials import Credential
from accounts.data.deletion import delete_account
from accounts.models import ApiToken, AuditEvent, Basket, BasketItem, Grant, Session, User
from accounts.sealed import refresh_place
from esap.errors import BackendUnavailable
from esap.jobs import services as jobs
from esap.jobs.models import Event, Job
from esap.settings import base
from esap.vault import seal
from esap.webhooks import services as webhooks
from esap.webhooks.models import Delivery, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]

ACCOUNT = "/esap-api/accounts/account/"
ended = []


@pytest.fixture(autouse=True)
def endings(settings):
    """What ends with an account, without peers."""
    settings.ACCOUNT_ENDINGS = ["esap.jobs.services.abort_all", f"{__name__}.forget"]
    ended.clear()


def forget(user):
    """Stand for what goes on at peers, and note how the user's jobs were then."""
    phases = list(Job.objects.filter(owner=user).values_list("phase", flat=True))
    ended.append((user.get_username(), phases))


def away(user):
    raise BackendUnavailable("The provider is away.")


def delete(client, **said):
    return client.delete(ACCOUNT, said, format="json")


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_user_deletes_their_account_with_all_that_was_kept(ada, bob, as_user, slash):
    me = as_user(ada)
    for user in (ada, bob):
        services.make(user, name="laptop", scopes=["read"])
        jobs.begin("query.search", {}, user)
        Grant.objects.create(user=user, kind="login", server="iam")
        basket = Basket.objects.create(user=user, name="stars")
        BasketItem.objects.create(basket=basket, position=0, kind="row", digest="d", data="{}")

    answer = me.delete(f"/esap-api/accounts/account{slash}", {"confirm": "ada"}, format="json")

    assert (answer.status_code, answer.content) == (204, b"")
    assert list(User.objects.all()) == [bob]
    for model in (ApiToken, Job, Event, Grant, Basket, BasketItem):
        assert model.objects.count() == 1, model


def test_unfinished_jobs_are_aborted_before_tokens_at_peers_are_forgotten(ada, as_user):
    jobs.begin("query.search", {}, ada)
    jobs.complete(jobs.begin("query.search", {}, ada))

    delete(as_user(ada), confirm="ada")

    ((name, phases),) = ended
    assert (name, sorted(phases)) == ("ada", ["ABORTED", "COMPLETED"])


def test_all_sessions_end_and_the_cookie_goes(ada, bob, as_user):
    laptop, phone, other = as_user(ada), as_user(ada), as_user(bob)

    answer = delete(laptop, confirm="ada")

    assert answer.cookies["sessionid"].value == ""
    assert [phone.get("/esap-api/jobs/").status_code, Session.objects.count()] == [401, 1]
    assert other.get("/esap-api/jobs/").status_code == 200


def test_tokens_open_nothing_any_more(ada, as_user):
    _, text = services.make(ada, name="laptop", scopes=["read"])

    delete(as_user(ada), confirm="ada")

    assert services.find(text) is None


def test_the_audit_log_keeps_what_was_done_but_not_by_whom(ada, bob, as_user):
    audit.record(Action.LOGIN, ada, name="Ada Lovelace")
    audit.record(Action.LOGIN, bob, name="Bob")
    AuditEvent.objects.update(address="192.0.2.1", request_id="request-1")

    delete(as_user(ada), confirm="ada")

    kept = AuditEvent.objects.order_by("id").values_list(
        "user", "username", "action", "detail", "address", "request_id"
    )
    assert list(kept)[:2] == [
        (None, "", "login", {}, "", ""),
        (bob.pk, "bob", "login", {"name": "Bob"}, "192.0.2.1", "request-1"),
    ]
    last = AuditEvent.objects.order_by("id").last()
    assert AuditEvent.objects.count() == 3
    assert (last.user, last.username, last.action, last.detail, last.address) == (
        None,
        "",
        "account.deleted",
        {},
        "",
    )


def test_what_operators_did_to_the_account_is_forgotten_with_its_name(ada, bob, as_user):
    LogEntry.objects.log_actions(bob.pk, User.objects.filter(pk=ada.pk), CHANGE)
    LogEntry.objects.log_actions(bob.pk, User.objects.filter(pk=bob.pk), CHANGE)

    delete(as_user(ada), confirm="ada")

    assert [entry.object_repr for entry in LogEntry.objects.all()] == ["bob"]


@pytest.mark.parametrize(
    "said", [{}, {"confirm": ""}, {"confirm": "bob"}, {"confirm": "Ada"}, {"confirm": True}]
)
def test_without_the_user_name_nothing_is_deleted(ada, as_user, said):
    job = jobs.begin("query.search", {}, ada)

    answer = delete(as_user(ada), **said)

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert answer.json()["detail"].startswith("confirm: ")
    assert User.objects.filter(pk=ada.pk).exists()
    assert Job.objects.get(pk=job.pk).phase == "EXECUTING"


@pytest.mark.parametrize(
    "credential",
    [
        Credential("api-token", frozenset({"read", "write"}), uuid4()),
        Credential("display-token", frozenset({"read"})),
    ],
    ids=lambda credential: credential.kind,
)
def test_a_token_deletes_no_account(ada, as_user, credential):
    answer = delete(as_user(ada, credential), confirm="ada")

    assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")
    assert User.objects.filter(pk=ada.pk).exists()


def test_a_login_by_an_access_token_of_the_provider_may_delete(ada, as_user):
    answer = delete(as_user(ada, Credential("access-token")), confirm="ada")

    assert answer.status_code == 204
    assert not User.objects.exists()


def test_nobody_deletes_an_account_without_a_login(ada):
    assert delete(APIClient(), confirm="ada").status_code == 401
    assert User.objects.filter(pk=ada.pk).exists()


def test_a_form_of_another_site_deletes_nothing(ada):
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(ada, "django.contrib.auth.backends.ModelBackend")

    assert delete(browser, confirm="ada").status_code == 403
    assert User.objects.filter(pk=ada.pk).exists()


def test_a_peer_that_is_away_does_not_keep_the_account_alive(ada, settings):
    settings.ACCOUNT_ENDINGS = [f"{__name__}.away", f"{__name__}.forget"]

    delete_account(ada)

    assert not User.objects.exists()
    assert [name for name, _ in ended] == ["ada"]


def test_the_gateway_ends_jobs_and_logins_also_at_a_provider_that_it_knows_no_more(ada, settings):
    settings.ACCOUNT_ENDINGS = base.ACCOUNT_ENDINGS
    grant = Grant.objects.create(user=ada, kind="login", server="a-provider-of-before")
    grant.refresh_token = seal("secret", bound_to=refresh_place(grant))
    grant.save()
    jobs.begin("query.search", {}, ada)

    delete_account(ada)

    assert not User.objects.exists()
    assert not Grant.objects.exists()


def test_an_account_that_is_deleted_twice_at_once_is_deleted_once(ada):
    again = User.objects.get()
    delete_account(ada)

    delete_account(again)

    assert AuditEvent.objects.filter(action="account.deleted").count() == 1


def test_webhooks_go_with_the_account_and_nothing_is_sent_any_more(ada, bob):
    for user in (ada, bob):
        webhook, _ = webhooks.create(user, "https://a.example.org/hook", events=["phase"])
        Delivery.objects.create(webhook=webhook, event=1, body="{}")

    delete_account(ada)

    assert [webhook.owner for webhook in Webhook.objects.all()] == [bob]
    assert Delivery.objects.count() == 1


def test_jobs_of_all_sorts_go_with_the_account(ada, bob, settings):
    settings.ACCOUNT_ENDINGS = base.ACCOUNT_ENDINGS
    for user in (ada, bob):
        jobs.begin("query.search", {}, user)
        jobs.complete(jobs.begin("query.search", {}, user))

    delete_account(ada)

    assert {job.owner for job in Job.objects.all()} == {bob}


def test_the_jobs_of_a_closed_account_are_aborted(ada, bob):
    for user in (ada, bob):
        jobs.begin("query.search", {}, user)

    deactivate(ada, by=bob)

    assert [job.phase for job in Job.objects.order_by("owner__username")] == [
        "ABORTED",
        "EXECUTING",
    ]
