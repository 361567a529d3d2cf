"""`manage.py api_token`: a token for scripts on a machine without a login provider."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.api_tokens.services import find
from accounts.models import User

pytestmark = pytest.mark.django_db


def printed(*arguments):
    out = io.StringIO()
    call_command("api_token", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_it_prints_a_token_that_works_and_nothing_else():
    text = printed("ada", "--scope", "query:read")

    token = find(text.strip())
    assert (token.user.username, token.scopes) == ("ada", ["query:read"])
    assert text == f"{text.strip()}\n"


def test_an_account_that_is_made_has_no_password_and_no_rights():
    printed("ada")

    user = User.objects.get()
    assert (user.has_usable_password(), user.is_staff, user.is_superuser) == (False, False, False)


def test_users_of_a_provider_make_their_own():
    User.objects.create_user("alice", issuer="https://iam.example.org/", subject="a11ce")

    with pytest.raises(CommandError, match="alice logs in at a provider"):
        printed("Alice")

    assert not User.objects.get().api_tokens.exists()
