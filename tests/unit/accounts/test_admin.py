"""The admin as operators and admins meet it."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.actions import Action
from accounts.api_tokens import services
from accounts.audit import record
from accounts.models import ApiToken, Basket, BasketItem, Grant, PeerToken, Role, Session, User
from accounts.roles import apply_role
from accounts.sealed import peer_token_place
from accounts.session_store import stored_key
from accounts.tokens import token_for
from esap.errors import LoginAgain
from esap.health.models import PeerHealth
from esap.jobs import services as jobs
from esap.mail.models import Letter
from esap.vault import seal
from esap.webhooks.models import Webhook

pytestmark = pytest.mark.django_db

ADMIN = "/esap-api/admin/"
USERS = f"{ADMIN}accounts/user/"
SEALED = "gAAAAA-sealed"


@pytest.fixture
def operator(bob, as_user):
    apply_role(bob, Role.OPERATOR)
    return as_user(bob)


@pytest.fixture
def rows(ada):
    """One row on every page."""
    token, _ = services.make(ada, name="laptop", scopes=["read"])
    grant = Grant.objects.create(
        user=ada,
        kind="login",
        server="iam",
        session_key="the-key-of-a-session",
        id_token=SEALED,
        refresh_token=SEALED,
    )
    PeerToken.objects.create(grant=grant, token=SEALED, expires=timezone.now())
    basket = Basket.objects.create(user=ada, name="stars", visitor="digest-of-a-visitor")
    BasketItem.objects.create(basket=basket, position=1, kind="row", digest="d", data="{}")
    peer = PeerHealth.objects.create(
        room="query", section="archives", peer="vizier", checked=timezone.now()
    )
    job = jobs.begin("query.search", {}, ada)
    return {
        "accounts/user": ada,
        "accounts/apitoken": token,
        "accounts/grant": grant,
        "accounts/basket": basket,
        "accounts/auditevent": ada.audit_events.get(),
        "jobs/job": job,
        "mail/letter": Letter.objects.create(job=job, round=1, subject="", body=""),
        "webhooks/webhook": Webhook.objects.create(
            owner=ada, url="https://a.example.org", events=[], sealed_secret=SEALED, cursor=0
        ),
        "health/peerhealth": peer,
    }


def test_operators_see_every_page(operator, rows):
    index = operator.get(ADMIN).content.decode()

    registered = {
        f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry
    }
    assert registered == rows.keys()
    for page, row in rows.items():
        assert f"{ADMIN}{page}/" in index
        assert operator.get(f"{ADMIN}{page}/").status_code == 200
        assert operator.get(f"{ADMIN}{page}/?q=a").status_code == 200
        assert operator.get(f"{ADMIN}{page}/{row.pk}/change/").status_code == 200


def test_no_page_shows_a_secret_even_to_admins(admin_client, rows):
    secrets = [
        SEALED,
        ApiToken.objects.get().digest,
        "digest-of-a-visitor",
        "the-key-of-a-session",
    ]

    for page, row in rows.items():
        for address in (f"{ADMIN}{page}/", f"{ADMIN}{page}/{row.pk}/change/"):
            shown = admin_client.get(address).content.decode()
            assert [secret for secret in secrets if secret in shown] == []


def test_nobody_adds_or_deletes_anything_there_but_admins_webhooks(operator, admin_client, rows):
    for client in (operator, admin_client):
        for page, row in rows.items():
            assert client.get(f"{ADMIN}{page}/add/").status_code == 403
            if page == "webhooks/webhook" and client is admin_client:
                continue
            deleted = client.post(f"{ADMIN}{page}/{row.pk}/delete/", {"post": "yes"})
            assert deleted.status_code == 403
            row.refresh_from_db()


def test_nobody_changes_anything_but_users(operator, admin_client, rows):
    for client in (operator, admin_client):
        for page, row in rows.items():
            if page != "accounts/user":
                assert client.post(f"{ADMIN}{page}/{row.pk}/change/", {}).status_code == 403


def test_an_operator_closes_an_account_and_it_is_shut_at_once(operator, ada, bob, as_user):
    browser = as_user(ada)
    _, text = services.make(ada, name="laptop", scopes=["read"])
    assert browser.get("/esap-api/jobs/").status_code == 200

    answer = operator.post(f"{USERS}{ada.pk}/change/", {"_save": "Save"})

    assert answer.status_code == 302
    assert not User.objects.get(pk=ada.pk).is_active
    assert browser.get("/esap-api/jobs/").status_code == 401
    assert services.find(text) is None
    event = ada.audit_events.get(action="user.deactivated")
    assert event.detail == {"by": bob.pk}


def test_an_account_that_is_opened_again_has_its_tokens_but_no_sessions(operator, ada, as_user):
    browser = as_user(ada)
    token, text = services.make(ada, name="laptop", scopes=["read"])
    operator.post(f"{USERS}{ada.pk}/change/", {"_save": "Save"})

    operator.post(f"{USERS}{ada.pk}/change/", {"is_active": "on", "_save": "Save"})

    assert services.find(text) == token
    assert browser.get("/esap-api/jobs/").status_code == 401
    assert Session.objects.count() == 1  # the operator's
    assert ada.audit_events.filter(action="user.activated").count() == 1


def test_a_form_that_was_tampered_with_changes_nothing_else(operator, ada):
    operator.post(
        f"{USERS}{ada.pk}/change/",
        {"is_active": "on", "is_superuser": "on", "role": "admin", "username": "eve"},
    )

    ada.refresh_from_db()
    assert (ada.username, ada.role, ada.is_superuser) == ("ada", "user", False)


def test_many_accounts_are_closed_and_opened_at_once(operator, ada):
    for name, active in (("close_accounts", False), ("open_accounts", True)):
        operator.post(USERS, {"action": name, "_selected_action": [ada.pk]})

        ada.refresh_from_db()
        assert ada.is_active == active


@pytest.mark.parametrize("way", ["form", "action"])
@pytest.mark.parametrize("whose", ["an admin's", "their own"])
def test_an_operator_cannot_close(operator, bob, django_user_model, whose, way):
    root = django_user_model.objects.create_superuser("root")
    target = root if whose == "an admin's" else bob

    if way == "form":
        answer = operator.post(f"{USERS}{target.pk}/change/", {"_save": "Save"})
        assert answer.status_code == 403
    else:
        operator.post(USERS, {"action": "close_accounts", "_selected_action": [target.pk]})

    target.refresh_from_db()
    assert target.is_active


def test_an_admin_closes_an_operators_account(admin_client, bob):
    apply_role(bob, Role.OPERATOR)

    admin_client.post(f"{USERS}{bob.pk}/change/", {"_save": "Save"})

    bob.refresh_from_db()
    assert not bob.is_active


def test_admins_revoke_tokens_and_operators_do_not(operator, admin_client, admin_user, ada):
    token, text = services.make(ada, name="laptop", scopes=["read"])
    asked = {"action": "revoke", "_selected_action": [str(token.pk)]}

    operator.post(f"{ADMIN}accounts/apitoken/", asked)
    assert services.find(text) == token

    admin_client.post(f"{ADMIN}accounts/apitoken/", asked)
    assert services.find(text) is None
    assert ada.audit_events.get(action="token.revoked").detail["by"] == admin_user.pk


def test_users_do_not_come_in(ada, as_user):
    answer = as_user(ada).get(ADMIN)

    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (
        302,
        f"{ADMIN}login/",
    )


def test_an_api_token_of_an_operator_does_not_come_in(bob):
    apply_role(bob, Role.OPERATOR)
    _, text = services.make(bob, name="robot", scopes=["read", "write"])

    answer = APIClient().get(USERS, headers={"Authorization": f"Bearer {text}"})

    assert answer.status_code == 302


def test_the_login_page_leads_to_the_provider_and_back(client, settings):
    settings.LOCAL_LOGIN = False

    page = client.get(USERS, follow=True).content.decode()

    there = f"/esap-api/oidc/authenticate?next={quote(USERS, safe='')}"
    assert f'href="{there}"' in page
    assert 'type="password"' not in page


def test_the_login_page_is_the_only_one_that_takes_a_password(client, settings, django_user_model):
    settings.LOCAL_LOGIN = True
    django_user_model.objects.create_superuser("root", password="correct")  # noqa: S106

    client.post(f"{ADMIN}login/", {"username": "root", "password": "correct"})

    assert client.get(USERS).status_code == 302
    assert not Session.objects.exists()


def test_who_may_not_see_the_admin_is_told_who_they_are(ada, as_user):
    page = as_user(ada).get(f"{ADMIN}login/").content.decode()

    assert "You are logged in as ada, who may not see this." in page


def test_a_logout_from_the_admin_forgets_the_tokens_too(client, ada):
    apply_role(ada, Role.OPERATOR)
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    key = stored_key(client.session.session_key)
    Grant.objects.create(user=ada, kind="login", server="iam", session_key=key)

    client.post(f"{ADMIN}logout/", headers={"sec-fetch-site": "same-origin"})

    assert client.get(USERS).status_code == 302
    assert not Grant.objects.exists()
    assert ada.audit_events.filter(action="logout").count() == 1


def test_a_closed_account_gets_no_token_for_a_peer(operator, ada):
    grant = Grant.objects.create(user=ada, kind="login", server="iam")
    PeerToken.objects.create(
        grant=grant,
        audience="rucio",
        token=seal("secret", bound_to=peer_token_place(grant, "rucio", "")),
        expires=timezone.now() + timedelta(hours=1),
    )
    assert token_for(ada, "rucio").token == "secret"  # noqa: S105

    operator.post(f"{USERS}{ada.pk}/change/", {"_save": "Save"})

    with pytest.raises(LoginAgain):
        token_for(ada, "rucio")


def test_a_text_in_the_audit_log_is_no_markup(operator, ada):
    record(Action.LOGIN, ada, note="<script>alert(1)</script>")

    shown = operator.get(f"{ADMIN}accounts/auditevent/").content.decode()

    assert "<script>alert(1)" not in shown
