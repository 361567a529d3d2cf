"""Logins at a real provider, from the first page to the last, and those that are refused."""

import pytest

from accounts.models import AuditEvent, Grant, User

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_user_logs_in_and_is_the_subject_of_the_issuer(gateway, browser):
    answer = browser.log_in("alice", "?next=/esap-api/accounts/whoami/")

    assert (answer.status_code, answer.url) == (302, "/esap-api/accounts/whoami/")
    user = User.objects.get()
    assert (user.issuer, user.subject) == (gateway.url, gateway.users()["alice"]["sub"])
    assert (user.username, user.full_name, user.email) == (
        "alice",
        "Alice Astronomer",
        "alice@example.org",
    )
    assert user.group_names == {"escape", "escape/esap", "escape/esap/admins"}
    assert user.role == "admin"
    assert browser.get("/esap-api/accounts/whoami/").json()["user_name"] == "alice"
    assert AuditEvent.objects.filter(action="login", user=user).count() == 1
    assert Grant.objects.get().server == "iam"
