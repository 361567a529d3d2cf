"""API5:2023 Broken Function Level Authorization: each operation, and who may have it done."""

import pytest
from django.contrib import admin

from accounts.models import ApiToken, AuditEvent, User
from tests.security.callers import Caller, make_user, verdict
from tests.security.routes import admin_pages, operations
from tests.support.database import everything
from tests.support.fakes.rucio import RULE

pytestmark = pytest.mark.django_db

A = "/esap-api/accounts/"
SOME_ID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
USERS_PAGE = "/esap-api/admin/accounts/user/"
# What an operation needs: a session ("browser"), a login of a person and no token of ours
# ("person"), that somebody is known ("login"), or an operator. What is not here is open to anybody.
NEEDS = {
    f"DELETE {A}account/": "person",
    f"GET {A}export/": "person",
    f"GET {A}api-tokens/": "login",
    f"GET {A}api-tokens/{{token_id}}/": "login",
    f"POST {A}api-tokens/": "person",
    f"DELETE {A}api-tokens/{{token_id}}/": "person",
    f"GET {A}audit/": "login",
    f"GET {A}connections/": "person",
    f"GET {A}connections/{{connection}}/": "person",
    f"DELETE {A}connections/{{connection}}/": "person",
    f"GET {A}connections/{{connection}}/connect/": "browser",
    f"GET {A}connections/callback/": "browser",
    f"GET {A}user-profiles/{{user_name}}/": "login",
    f"PATCH {A}user-profiles/{{user_name}}/": "login",
    "GET /esap-api/metrics/": "operator",
    "GET /esap-api/jobs/": "login",
    "POST /esap-api/jobs/": "login",
    "GET /esap-api/jobs/events/": "login",
    "GET /esap-api/jobs/usage/": "login",
    "GET /esap-api/jobs/webhooks/": "login",
    "POST /esap-api/jobs/webhooks/": "login",
    "GET /esap-api/jobs/webhooks/{webhook_id}/": "login",
    "PATCH /esap-api/jobs/webhooks/{webhook_id}/": "login",
    "DELETE /esap-api/jobs/webhooks/{webhook_id}/": "login",
    "GET /esap-api/jobs/webhooks/{webhook_id}/deliveries/": "login",
    "POST /esap-api/jobs/webhooks/{webhook_id}/secret/": "login",
    "GET /esap-api/rucio/lakes/{lake}/account/": "login",
    "GET /esap-api/rucio/lakes/{lake}/rules/": "login",
    "GET /esap-api/rucio/lakes/{lake}/rules/{rule_id}/": "login",
    "POST /esap-api/rucio/lakes/{lake}/estimate/": "login",
    "POST /esap-api/rucio/lakes/{lake}/upload/": "login",
    "GET /esap-api/rucio/stagings/": "login",
    "POST /esap-api/rucio/stagings/": "login",
    "GET /esap-api/rucio/stagings/{staging_id}/": "login",
    "POST /esap-api/rucio/stagings/{staging_id}/extend/": "login",
    "GET /esap-api/rucio/stagings/{staging_id}/files/": "login",
    "POST /esap-api/uws/jobs/": "login",
}
# These ask nobody who they are, and so refuse no token.
BLIND = {
    "GET /esap-api/health/jobs/",
    "GET /esap-api/health/live/",
    "GET /esap-api/health/ready/",
}
# What is written by whoever may, also without a login: it is theirs, or nobody's.
OPEN_WRITES = {
    f"POST {A}basket/items/",
    f"DELETE {A}basket/items/{{item_id}}/",
    f"POST {A}baskets/",
    f"PUT {A}baskets/{{name}}/",
    f"PATCH {A}baskets/{{name}}/",
    f"DELETE {A}baskets/{{name}}/",
    "PATCH /esap-api/jobs/{job_id}/",
    "DELETE /esap-api/jobs/{job_id}/",
    "POST /esap-api/jobs/{job_id}/cancel/",
    "POST /esap-api/jobs/{job_id}/retry/",
    "POST /esap-api/jobs/{job_id}/share/",
    "DELETE /esap-api/jobs/{job_id}/share/",
    "POST /esap-api/query/searches/",
    "POST /esap-api/uws/jobs/{job_id}/",
    "DELETE /esap-api/uws/jobs/{job_id}/",
    "POST /esap-api/uws/jobs/{job_id}/destruction/",
    "POST /esap-api/uws/jobs/{job_id}/executionduration/",
    "POST /esap-api/uws/jobs/{job_id}/parameters/",
    "POST /esap-api/uws/jobs/{job_id}/parameters/{name}/",
    "PUT /esap-api/uws/jobs/{job_id}/parameters/{name}/",
    "POST /esap-api/uws/jobs/{job_id}/phase/",
}
ALL = {f"{each.method} {each.path}": each for each in operations()}
TOKENS = [
    ("read",),
    ("write",),
    ("query:read",),
    ("accounts:write",),
    ("accounts:read", "jobs:write"),
]
REFUSALS = {(401, "login-required"), (401, "invalid-token"), (403, "not-allowed")}


def test_every_operation_that_needs_somebody_is_there():
    assert NEEDS.keys() | OPEN_WRITES | BLIND <= ALL.keys()
    assert {
        name for name, each in ALL.items() if each.method != "GET"
    } <= NEEDS.keys() | OPEN_WRITES


def in_scope(name, scopes):
    """Say whether a token with these scopes may ask for an operation at all."""
    method, _, path = name.partition(" ")
    room = path.split("/")[2].replace("{room}", "query")
    wanted = {"write"} | ({"read"} if method == "GET" else set())
    return bool({*wanted, *(f"{room}:{each}" for each in wanted)} & set(scopes))


def refusal(name, kind, scopes=None):
    """Return how a kind of caller is refused an operation; None if it is not."""
    needed = NEEDS.get(name)
    if name in BLIND:
        return None
    if scopes is not None and not in_scope(name, scopes):
        return (403, "not-allowed")
    if needed in {"person", "browser"} and kind == "token of ours":
        return (403, "not-allowed")
    if needed == "browser" and kind == "access token":
        return (403, "not-allowed")
    if needed == "operator" and kind not in {"nobody", "operator"}:
        return (403, "not-allowed")
    return (401, "login-required") if needed and kind == "nobody" else None


def ask(caller, name):
    each = ALL[name]
    below = RULE if "{rule_id}" in each.path else ""
    some_id = "query" if "{room}" in each.path else SOME_ID
    answer = caller.ask(each.method, each.at(some_id, below))
    answer.close()
    return verdict(answer)


def walk(caller, kind, scopes=None):
    """Ask for all operations, those that are refused first: they change nothing."""
    ask(caller, f"GET {A}whoami/")  # the first use of a token is written down
    expected = {name: refusal(name, kind, scopes) for name in ALL}
    before = everything()

    refused = {name: ask(caller, name) for name in ALL if expected[name]}

    assert refused == {name: verdict for name, verdict in expected.items() if verdict}
    assert everything() == before
    passed = {name: ask(caller, name) for name in ALL if not expected[name]}
    assert {name: how for name, how in passed.items() if how in REFUSALS} == {}


def test_nobody_does_what_needs_a_login(nobody):
    walk(nobody, "nobody")


@pytest.mark.parametrize("role", ["user", "operator", "admin"])
def test_whoever_logs_in_does_what_users_do_and_the_role_gives_figures_only(role, configured, db):
    flags = {"is_staff": role != "user", "is_superuser": role == "admin"}
    walk(Caller(make_user(role, role=role, **flags)), "user" if role == "user" else "operator")


@pytest.mark.parametrize("scopes", TOKENS, ids=" ".join)
def test_an_api_token_does_what_its_scopes_say(scopes, ada):
    walk(ada.make_token(*scopes), "token of ours", scopes)


def test_the_token_that_a_profile_shows_reads(ada):
    walk(ada.display_token(), "token of ours", ["read"])


def test_an_access_token_does_what_its_user_does_but_in_a_browser(provider, configured, db):
    walk(Caller(token=provider.sign()), "access token")


def test_a_token_for_rucio_reads_the_profile_and_nothing_else(provider, configured, db):
    caller = Caller(token=provider.sign(aud="rucio"))
    profile = f"GET {A}user-profiles/"
    assert ask(caller, profile) == (200, "")
    before = everything()

    others = {name: ask(caller, name) for name in ALL.keys() - BLIND - {profile}}

    assert set(others.values()) == {(403, "not-allowed")}
    assert everything() == before


@pytest.mark.parametrize("kind", ["nobody", "user", "token of an admin"])
def test_the_admin_is_closed_to(kind, ada):
    root = Caller(make_user("root", role="admin", is_staff=True, is_superuser=True))
    callers = {"nobody": Caller(), "user": ada, "token of an admin": root.make_token("write")}
    caller = callers[kind]
    form = {"action": "close_accounts", "_selected_action": [str(ada.user.pk)]}
    caller.get(f"{A}whoami/")
    before = everything()

    answers = [caller.get(page, accept="text/html") for page in admin_pages()]
    answers.append(caller.send_form(USERS_PAGE, form))

    assert {answer.status_code for answer in answers} == {302}
    assert all(answer.url.startswith("/esap-api/admin/login/?next=") for answer in answers)
    assert everything() == before


def test_operators_look_at_all_and_change_nothing_of_it(ada):
    ada.make_token("read")
    operator = Caller(make_user("operator", role="operator", is_staff=True))
    pages = admin_pages()
    assert {operator.get(page, accept="text/html").status_code for page in pages} == {200}
    before = everything()

    for model in admin.site._registry:
        base = f"/esap-api/admin/{model._meta.app_label}/{model._meta.model_name}"
        assert operator.send_form(f"{base}/add/", {}).status_code == 403
        for pk in model._default_manager.values_list("pk", flat=True)[:2]:
            assert operator.send_form(f"{base}/{pk}/delete/", {"post": "yes"}).status_code == 403
            if model is not User:
                assert operator.send_form(f"{base}/{pk}/change/", {}).status_code == 403
    chosen = {"action": "revoke", "_selected_action": [str(ApiToken.objects.get().pk)]}
    operator.send_form("/esap-api/admin/accounts/apitoken/", chosen)

    assert everything() == before


def test_admins_rewrite_no_history(ada):
    ada.make_token("read")
    event = AuditEvent.objects.get()
    root = Caller(make_user("root", role="admin", is_staff=True, is_superuser=True))
    page = f"/esap-api/admin/accounts/auditevent/{event.pk}"

    answers = [
        root.send_form(f"{page}/change/", {"action": "login", "username": "nobody"}),
        root.send_form(f"{page}/delete/", {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert AuditEvent.objects.get().action == "token.made"


def test_an_account_is_closed_by_operators_but_not_an_admins_and_not_ones_own(ada, bob):
    operator = Caller(make_user("operator", role="operator", is_staff=True))
    root = make_user("root", role="admin", is_staff=True, is_superuser=True)

    def close(by, *users):
        chosen = [str(user.pk) for user in users]
        by.send_form(USERS_PAGE, {"action": "close_accounts", "_selected_action": chosen})
        by.send_form(f"{USERS_PAGE}{users[0].pk}/change/", {"_save": "Save"})

    close(ada, bob.user)
    close(operator, root, operator.user)
    assert User.objects.filter(is_active=True).count() == 4

    close(operator, bob.user)

    assert list(User.objects.filter(is_active=False)) == [bob.user]
    assert AuditEvent.objects.filter(action="user.deactivated").get().user == bob.user
    assert bob.get(f"{A}whoami/").json()["authenticated"] is False


def test_no_role_makes_others_data_ones_own(adas, bob):
    User.objects.filter(pk=bob.user.pk).update(role="admin", is_staff=True, is_superuser=True)
    before = everything()

    job, done, hook = (f"/esap-api/jobs/{each}" for each in (adas.job, adas.done, ""))
    answers = [
        bob.get(f"{job}/"),
        bob.post(f"{job}/cancel/"),
        bob.ask("DELETE", f"{done}/"),
        bob.get(f"{done}/results/merged/"),
        bob.post(f"/esap-api/jobs/{adas.failed}/retry/"),
        bob.get(f"{hook}webhooks/{adas.webhook}/deliveries/"),
        bob.get(f"/esap-api/uws/jobs/{adas.draft}/"),
        bob.get(f"{A}user-profiles/ada/"),
        bob.get(f"{A}api-tokens/{adas.token}/"),
    ]

    assert [verdict(answer) for answer in answers] == [(404, "not-found")] * len(answers)
    assert everything() == before
