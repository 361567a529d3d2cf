"""`manage.py reseal`: all stored secrets, sealed anew with the first key."""

from datetime import timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.management.commands import reseal
from accounts.models import Grant, PeerToken
from accounts.sealed import SEALED, id_place, peer_token_place, refresh_place
from esap.vault import is_sealed_by_first_key, seal, unseal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]


@pytest.fixture(autouse=True)
def old_key(settings):
    settings.VAULT_KEYS = ["old"]


@pytest.fixture
def grant(ada):
    """A grant with all that is sealed of one."""
    grant = Grant.objects.create(user=ada, kind="login", server="iam")
    grant.refresh_token = seal("the refresh token", bound_to=refresh_place(grant))
    grant.id_token = seal("the ID token", bound_to=id_place(grant))
    grant.save()
    PeerToken.objects.create(
        grant=grant,
        audience="rucio",
        scope="openid",
        token=seal("the token", bound_to=peer_token_place(grant, "rucio", "openid")),
        expires=timezone.now() + timedelta(hours=1),
    )
    return grant


def run():
    told = StringIO()
    call_command("reseal", stdout=told)
    return told.getvalue().splitlines()


def opened(grant):
    grant.refresh_from_db()
    token = grant.tokens.get()
    return [
        unseal(grant.refresh_token, bound_to=refresh_place(grant)),
        unseal(grant.id_token, bound_to=id_place(grant)),
        unseal(token.token, bound_to=peer_token_place(grant, token.audience, token.scope)),
    ]


def test_all_secrets_open_when_the_old_key_is_gone(grant, settings):
    settings.VAULT_KEYS = ["new", "old"]

    told = run()

    settings.VAULT_KEYS = ["new"]
    assert opened(grant) == ["the refresh token", "the ID token", "the token"]
    assert told == [
        "Grant.refresh_token: 1 sealed anew, 0 were so already, 0 cannot be opened.",
        "Grant.id_token: 1 sealed anew, 0 were so already, 0 cannot be opened.",
        "PeerToken.token: 1 sealed anew, 0 were so already, 0 cannot be opened.",
    ]


def test_a_second_run_changes_nothing(grant, settings):
    settings.VAULT_KEYS = ["new", "old"]
    run()
    before = Grant.objects.values().get()

    told = run()

    assert Grant.objects.values().get() == before
    assert told[0] == "Grant.refresh_token: 0 sealed anew, 1 were so already, 0 cannot be opened."


def test_a_secret_that_cannot_be_opened_is_told_and_the_others_are_sealed_anew(
    grant, bob, settings
):
    settings.VAULT_KEYS = ["lost"]
    lost = Grant.objects.create(user=bob, kind="login", server="iam")
    lost.refresh_token = seal("gone", bound_to=refresh_place(lost))
    lost.save()
    settings.VAULT_KEYS = ["new", "old"]

    with pytest.raises(CommandError, match="1 secrets cannot be opened") as failure:
        run()

    settings.VAULT_KEYS = ["new"]
    assert failure.value.returncode == 1
    assert opened(grant) == ["the refresh token", "the ID token", "the token"]
    assert Grant.objects.get(pk=lost.pk).refresh_token == lost.refresh_token


def test_a_secret_that_was_moved_is_not_made_good(grant, bob, settings):
    thief = Grant.objects.create(
        user=bob, kind="login", server="iam", refresh_token=grant.refresh_token
    )
    settings.VAULT_KEYS = ["new", "old"]

    with pytest.raises(CommandError):
        run()

    thief.refresh_from_db()
    assert not is_sealed_by_first_key(thief.refresh_token)


def test_a_secret_that_is_replaced_meanwhile_is_not_overwritten(grant, settings, monkeypatch):
    settings.VAULT_KEYS = ["new", "old"]

    def replaced_by_the_gateway(secret, *, bound_to):
        newer = seal("newer", bound_to=bound_to)
        Grant.objects.filter(pk=grant.pk, refresh_token=grant.refresh_token).update(
            refresh_token=newer
        )
        return seal(secret, bound_to=bound_to)

    monkeypatch.setattr(reseal, "seal", replaced_by_the_gateway)
    run()

    assert opened(grant)[0] == "newer"


def test_batches_leave_no_row_out(ada, settings, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(reseal, "_ROWS_AT_ONCE", 2)
    for _ in range(5):
        grant = Grant.objects.create(user=ada, kind="login", server="iam")
        grant.refresh_token = seal("secret", bound_to=refresh_place(grant))
        grant.save()
    settings.VAULT_KEYS = ["new", "old"]

    told = run()

    assert told[0] == "Grant.refresh_token: 5 sealed anew, 0 were so already, 0 cannot be opened."


def test_every_column_that_is_sealed_is_known():
    sealed = {
        f"{model.__name__}.{field.name}"
        for model in apps.get_app_config("accounts").get_models()
        for field in model._meta.get_fields()
        if getattr(field, "help_text", "").startswith("Sealed")
    }

    assert sealed == {f"{column.model.__name__}.{column.column}" for column in SEALED}
