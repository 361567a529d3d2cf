"""API tokens over HTTP."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.api_tokens import services
from accounts.credentials import Credential
from accounts.models import ApiToken

pytestmark = pytest.mark.django_db

TOKENS = "/esap-api/accounts/api-tokens/"
API_TOKEN = Credential("api-token", frozenset({"write"}), uuid4())
DISPLAY_TOKEN = Credential("display-token", frozenset({"read"}))


def iso(time):
    return time.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_token_is_made_and_shown_once(ada, as_user, slash):
    me = as_user(ada)

    answer = me.post(
        f"/esap-api/accounts/api-tokens{slash}",
        {"name": "laptop", "scopes": ["query:write", "jobs:read"]},
        format="json",
    )

    token = ApiToken.objects.get()
    shown = {
        "id": str(token.pk),
        "url": f"http://testserver{TOKENS.rstrip('/')}/{token.pk}",
        "name": "laptop",
        "scopes": ["jobs:read", "query:write"],
        "state": "live",
        "created": iso(token.created),
        "expires": iso(token.expires),
        "last_used": None,
        "revoked": None,
    }
    text = answer.json()["token"]
    assert answer.status_code == 201
    assert answer.json() == {**shown, "token": text}
    assert answer.headers["Location"] == shown["url"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert services.find(text) == token
    assert me.get(shown["url"]).json() == shown
    assert me.get(TOKENS).json() == {"results": [shown], "next": None}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": ["read", "admin"]}, "scopes"),
        ({"scopes": ["health:read"]}, "scopes"),
        ({"expires": "tomorrow"}, "expires"),
        ({"expires": "2001-01-01T00:00:00Z"}, "expires"),
        ({"expires": "9999-12-31T23:59:59-14:00"}, "expires"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_the_field(ada, as_user, said, field):
    answer = as_user(ada).post(
        TOKENS, {"name": "laptop", "scopes": ["read"], **said}, format="json"
    )

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert answer.json()["detail"].startswith(f"{field}: ")
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("times", [1, 2])
def test_deleting_a_token_revokes_it_however_often(ada, as_user, times):
    token, text = services.make(ada, name="laptop", scopes=["read"])
    me = as_user(ada)

    answers = [me.delete(f"{TOKENS}{token.pk}/") for _ in range(times)]

    assert [answer.status_code for answer in answers] == [204] * times
    assert services.find(text) is None
    assert me.get(f"{TOKENS}{token.pk}").json()["state"] == "revoked"


def test_anothers_token_answers_404_and_lives_on(ada, bob, as_user):
    token, text = services.make(ada, name="laptop", scopes=["read"])
    stranger = as_user(bob)

    answers = [stranger.get(f"{TOKENS}{token.pk}/"), stranger.delete(f"{TOKENS}{token.pk}/")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert stranger.get(TOKENS).json()["results"] == []
    assert services.find(text) == token


def test_the_state_of_an_expired_token_is_told(ada, as_user):
    services.make(ada, name="old", scopes=["read"])
    ApiToken.objects.update(expires=timezone.now() - timedelta(seconds=1))

    (shown,) = as_user(ada).get(TOKENS).json()["results"]

    assert shown["state"] == "expired"


def test_the_list_is_paged_the_newest_first(ada, as_user):
    mine = [services.make(ada, name=f"t{n}", scopes=["read"])[0] for n in range(3)]
    me = as_user(ada)

    first = me.get(f"{TOKENS}?limit=2").json()
    second = me.get(first["next"]).json()

    seen = [token["id"] for token in first["results"] + second["results"]]
    assert seen == [str(token.pk) for token in reversed(mine)]
    assert second["next"] is None


def test_the_list_takes_as_many_statements_however_long_it_is(
    ada, as_user, django_assert_num_queries
):
    for number in range(20):
        services.make(ada, name=f"t{number}", scopes=["read"])
    me = as_user(ada)

    with django_assert_num_queries(3):  # session, user, tokens
        me.get(TOKENS)


def test_an_unknown_parameter_is_refused(ada, as_user):
    answer = as_user(ada).get(f"{TOKENS}?name=laptop")

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_a_login_there_are_no_tokens(method):
    answer = getattr(APIClient(), method)(TOKENS)

    assert (answer.status_code, answer.json()["slug"]) == (401, "login-required")


@pytest.mark.parametrize("credential", [API_TOKEN, DISPLAY_TOKEN], ids=lambda c: c.kind)
def test_a_token_makes_and_revokes_no_tokens(ada, as_user, credential):
    token, text = services.make(ada, name="laptop", scopes=["write"])
    robot = as_user(ada, credential)

    answers = [
        robot.post(TOKENS, {"name": "more", "scopes": ["write"]}, format="json"),
        robot.delete(f"{TOKENS}{token.pk}/"),
    ]

    assert [(a.status_code, a.json()["slug"]) for a in answers] == [(403, "not-allowed")] * 2
    assert "Use your browser login" in answers[0].json()["detail"]
    assert ApiToken.objects.count() == 1
    assert services.find(text) == token


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "accounts/api-tokens/"),
        ("delete", "accounts/api-tokens/{token}/"),
        ("get", "accounts/export/"),
        ("delete", "accounts/account/"),
        ("get", "accounts/connections/"),
    ],
)
def test_a_token_of_any_scope_does_nothing_that_is_for_people(ada, method, path):
    token, text = services.make(ada, name="robot", scopes=["read", "write", "accounts:write"])
    robot = APIClient(headers={"Authorization": f"Bearer {text}"})
    said = {"confirm": "ada", "name": "more", "scopes": ["write"]}

    answer = getattr(robot, method)(f"/esap-api/{path.format(token=token.pk)}", said, format="json")

    assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")
    assert "Use your browser login" in answer.json()["detail"]
    assert services.find(text) == token
    assert ApiToken.objects.count() == 1


def test_a_token_opens_what_its_scopes_allow_and_its_use_is_seen(ada):
    _, text = services.make(ada, name="robot", scopes=["jobs:read", "accounts:read"])
    robot = APIClient(headers={"Authorization": f"Bearer {text}"}, REMOTE_ADDR="192.0.2.1")

    answers = [robot.get(path) for path in ("/esap-api/jobs/", TOKENS, "/esap-api/query/searches/")]

    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[1].json()["results"][0]["last_used"] is not None
    assert ada.audit_events.get(action="token.used").address == "192.0.2.1"


def test_a_login_by_an_access_token_of_the_provider_makes_tokens(ada, as_user):
    answer = as_user(ada, Credential("access-token")).post(
        TOKENS, {"name": "laptop", "scopes": ["read"]}, format="json"
    )

    assert answer.status_code == 201


def test_a_browser_makes_a_token_by_a_form(ada, as_user):
    browser = as_user(ada)
    page = browser.get(TOKENS, headers={"Accept": "text/html"}).content.decode()

    answer = browser.post(
        TOKENS, {"name": "laptop", "scopes": ["jobs:read", "query:write"]}, format="multipart"
    )

    assert '<option value="query:write"' in page
    assert answer.status_code == 201
    assert ApiToken.objects.get().scopes == ["jobs:read", "query:write"]


def test_a_page_offers_no_form_to_a_token(ada, as_user):
    answer = as_user(ada, API_TOKEN).get(TOKENS, headers={"Accept": "text/html"})

    assert answer.status_code == 200
    assert "<option" not in answer.content.decode()


def test_a_form_of_another_site_makes_no_token(ada):
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(ada, "django.contrib.auth.backends.ModelBackend")

    answer = browser.post(TOKENS, {"name": "theirs", "scopes": ["write"]}, format="json")

    assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")
    assert not ApiToken.objects.exists()
