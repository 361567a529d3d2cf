"""The audit log: what it tells, to whom, and that its page lists all it can tell."""

import ast
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import audit
from accounts.actions import Action
from accounts.models import AuditEvent
from esap.settings.env import BASE_DIR

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]

AUDIT = "/esap-api/accounts/audit/"


@pytest.mark.parametrize("slash", ["", "/"])
def test_users_read_what_was_done_in_their_own_name(ada, bob, as_user, slash):
    audit.record(Action.LOGIN, ada, provider="iam")
    audit.record(Action.LOGIN, bob)
    audit.record(Action.LOGIN_REFUSED, None)
    event = ada.audit_events.get()

    answer = as_user(ada).get(f"/esap-api/accounts/audit{slash}")

    assert answer.json() == {
        "results": [
            {
                "id": event.pk,
                "time": event.time.isoformat().replace("+00:00", "Z"),
                "action": "login",
                "meaning": "You logged in.",
                "detail": {"provider": "iam"},
                "address": "",
                "request_id": event.request_id,
            }
        ],
        "next": None,
    }


def test_an_event_of_a_request_tells_whence_it_came_and_its_id(ada, as_user):
    me = as_user(ada)
    me.post(
        "/esap-api/accounts/api-tokens/",
        {"name": "laptop", "scopes": ["read"]},
        format="json",
        headers={"X-Request-ID": "my-request-1"},
        REMOTE_ADDR="192.0.2.9",
    )

    (event,) = me.get(AUDIT).json()["results"]

    assert (event["address"], event["request_id"]) == ("192.0.2.9", "my-request-1")


def test_the_log_is_paged_the_newest_first(ada, as_user):
    for number in range(5):
        audit.record(Action.LOGIN, ada, number=number)
    me = as_user(ada)

    seen, url = [], f"{AUDIT}?limit=2"
    while url:
        page = me.get(url).json()
        seen += [event["detail"]["number"] for event in page["results"]]
        url = page["next"]

    assert seen == [4, 3, 2, 1, 0]


def test_the_log_is_filtered_by_action(ada, as_user):
    audit.record(Action.LOGIN, ada)
    audit.record(Action.LOGOUT, ada)

    results = as_user(ada).get(f"{AUDIT}?action=logout").json()["results"]

    assert [event["action"] for event in results] == ["logout"]


@pytest.mark.parametrize("query", ["action=drink", "user=bob", "limit=0", "cursor=x"])
def test_what_cannot_be_asked_is_refused(ada, as_user, query):
    answer = as_user(ada).get(f"{AUDIT}?{query}")

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")


def test_an_action_of_an_earlier_version_is_told_without_a_sentence(ada, as_user):
    AuditEvent.objects.create(user=ada, action="was.done")

    (event,) = as_user(ada).get(AUDIT).json()["results"]

    assert (event["action"], event["meaning"]) == ("was.done", "")


def test_the_log_takes_as_many_statements_however_long_it_is(
    ada, as_user, django_assert_num_queries
):
    for _ in range(30):
        audit.record(Action.LOGIN, ada)
    me = as_user(ada)

    with django_assert_num_queries(3):  # session, user, events
        me.get(AUDIT)


def test_nobody_reads_a_log_without_a_login():
    assert APIClient().get(AUDIT).status_code == 401


def test_nobody_changes_the_log(ada, as_user):
    audit.record(Action.LOGIN, ada)

    assert as_user(ada).delete(AUDIT).status_code == 405
    assert as_user(ada).post(AUDIT, {}).status_code == 405


def test_what_is_old_is_dropped(ada, settings):
    settings.AUDIT_DAYS = 10
    audit.record(Action.LOGIN, ada)
    audit.record(Action.LOGOUT, ada)
    old = timezone.now() - timedelta(days=10, seconds=1)
    AuditEvent.objects.filter(action="login").update(time=old)

    dropped = audit.drop_old()

    assert dropped == 1
    assert AuditEvent.objects.get().action == "logout"


@pytest.mark.parametrize("action", Action)
def test_every_action_is_on_the_page(action):
    page = (BASE_DIR / "docs" / "reference" / "audit.md").read_text(encoding="utf-8")

    assert f"\n| `{action.value}` | {action.label} |" in page


def recorded():
    """Yield what the code gives `record` for an action."""
    for file in sorted((BASE_DIR / "accounts").rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("record"):
                yield str(file.relative_to(BASE_DIR)), ast.unparse(call.args[0])


def test_only_known_actions_are_recorded_and_each_of_them_somewhere():
    told = dict.fromkeys(f"Action.{action.name}" for action in Action)
    used = {argument: file for file, argument in recorded()}

    assert {argument: file for argument, file in used.items() if argument not in told} == {}
    assert [name for name in told if name not in used] == []
