"""API6:2023 Unrestricted Access to Sensitive Business Flows: what a script must not do for one.

Whoever finds a token must not be able to make it last, to take all that there is at once, or to
destroy it; and a page of another site does nothing in its visitor's name.
"""

import pytest

from accounts.models import ApiToken, AuditEvent, Grant, User
from esap.jobs.models import Job
from tests.security.callers import Caller, verdict
from tests.support.database import everything

pytestmark = pytest.mark.django_db

A = "/esap-api/accounts/"
ACCOUNT = f"{A}account/"
TOKENS = f"{A}api-tokens/"
NEW_TOKEN = {"name": "forever", "scopes": ["write"]}
ELSEWHERE = [
    {"origin": "https://evil.example.org"},
    {"origin": "null"},
    {"origin": "http://testserver.evil.example.org"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": ""},
]


@pytest.mark.parametrize("kind", ["api-token", "display-token"])
@pytest.mark.parametrize(
    "asked",
    [
        ("POST", TOKENS, NEW_TOKEN),
        ("DELETE", "token", None),
        ("DELETE", ACCOUNT, {"confirm": "ada"}),
        ("GET", f"{A}export/", None),
        ("DELETE", f"{A}connections/hub/", None),
    ],
    ids=["makes a token", "revokes one", "deletes the account", "copies it", "disconnects"],
)
def test_no_token_of_ours(kind, asked, adas, ada):
    method, path, body = asked
    caller = ada.make_token("read", "write") if kind == "api-token" else ada.display_token()
    caller.get(f"{A}whoami/")  # the first use is written down
    before = everything()

    answer = caller.ask(method, f"{TOKENS}{adas.token}/" if path == "token" else path, body)

    assert verdict(answer) == (403, "not-allowed")
    assert everything() == before


@pytest.mark.parametrize(
    "body",
    [None, {}, {"confirm": ""}, {"confirm": "bob"}, {"confirm": "ADA"}, {"confirm": True}, []],
    ids=str,
)
def test_an_account_is_deleted_by_its_name_only(body, adas, ada):
    before = everything()

    answer = ada.ask("DELETE", ACCOUNT, body)

    assert verdict(answer) == (400, "invalid-request")
    assert everything() == before


def test_an_account_is_deleted_by_its_user_with_all_that_they_had(adas, ada, bob):
    bobs_token = bob.make_token("read")

    assert ada.ask("DELETE", ACCOUNT, {"confirm": "ada"}).status_code == 204

    assert list(User.objects.values_list("username", flat=True)) == ["bob"]
    assert (Job.objects.count(), Grant.objects.count()) == (0, 0)
    assert ApiToken.objects.get().user == bob.user
    assert verdict(Caller(token=adas.token_text).get(TOKENS)) == (401, "invalid-token")
    assert ada.get(f"{A}whoami/").json()["authenticated"] is False
    assert verdict(bobs_token.get(TOKENS)) == (200, "")


def test_nobody_deletes_anothers_account(adas, bob, nobody):
    before = everything()

    answers = [caller.ask("DELETE", ACCOUNT, {"confirm": "ada"}) for caller in (bob, nobody)]

    assert [verdict(a) for a in answers] == [(400, "invalid-request"), (401, "login-required")]
    assert everything() == before


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", TOKENS, NEW_TOKEN),
        ("DELETE", ACCOUNT, {"confirm": "ada"}),
        ("POST", f"{A}basket/items/", {"archive": "stars", "record": {}}),
        ("PATCH", f"{A}user-profiles/ada/", {"shopping_cart": []}),
        ("POST", "/esap-api/query/searches/", {"ra": 1, "dec": 1, "fov": 1}),
        ("POST", "/esap-api/oidc/logout", None),
    ],
    ids=["token", "account", "basket", "cart", "search", "logout"],
)
def test_a_page_of_another_site_does_nothing_by_its_visitors_cookie(
    method, path, body, headers, ada
):
    before = everything()

    answer = ada.ask(method, path, body, **{"sec_fetch_site": "", **headers})

    assert verdict(answer) == (403, "not-allowed")
    assert everything() == before
    assert ada.get(f"{A}whoami/").json()["user_name"] == "ada"


def test_a_page_of_another_site_does_nothing_by_a_visitors_cookie(nobody):
    item = {"archive": "stars", "record": {}}
    nobody.post(f"{A}basket/items/", item)
    before = everything()

    answers = [
        nobody.ask("DELETE", f"{A}baskets/default/", None, **{"sec_fetch_site": "", **headers})
        for headers in ELSEWHERE
    ]

    assert {verdict(answer) for answer in answers} == {(403, "not-allowed")}
    assert everything() == before


@pytest.mark.parametrize(
    "path",
    ["/esap-api/oidc/logout", f"{A}account/", f"{A}baskets/default/?_method=DELETE"],
)
def test_an_image_on_a_foreign_page_changes_nothing(path, adas, ada):
    before = everything()

    ada.get(path, sec_fetch_site="cross-site", x_http_method_override="DELETE")

    assert everything() == before
    assert ada.get(f"{A}whoami/").json()["user_name"] == "ada"


def test_what_is_sensitive_is_written_down(adas, ada, nobody):
    ada.get(f"{A}export/").close()
    ada.ask("DELETE", f"{TOKENS}{adas.token}/")
    ada.ask("DELETE", ACCOUNT, {"confirm": "ada"})

    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)

    assert [*actions] == ["token.made", "account.exported", "token.revoked", "account.deleted"]
