"""API7:2023 Server Side Request Forgery: nobody has the gateway connect to where they say."""

import pytest

from accounts.models import Grant, User
from tests.security.callers import Caller, verdict
from tests.support.fakes.http import FakePeer, answer, redirect
from tests.support.fakes.openid import CALLBACK, as_json

pytestmark = pytest.mark.django_db

A = "/esap-api/accounts/"
FOREIGN = [
    "https://evil.example.org/",
    "//evil.example.org/",
    "/\\evil.example.org/",
    "\\\\evil.example.org",
    "https:evil.example.org",
    "javascript:alert(1)",
    "\thttps://evil.example.org/",
    "http://testserver@evil.example.org/",
    "http://testserver.evil.example.org/",
]


@pytest.fixture
def inside():
    """A server in the gateway's own network, of whom no entry speaks."""
    with FakePeer(answer(b"{}", Content_Type="application/json"), host="127.0.0.2") as server:
        yield server
        assert server.connections == 0


@pytest.mark.parametrize("kind", ["url", "file", "table"])
def test_an_address_in_a_basket_is_kept_and_never_opened(kind, inside, ada):
    item = {"kind": kind, "url": f"{inside.url}secret", "archive": "stars", "record": {}}

    assert ada.post(f"{A}basket/items/", item).status_code == 201

    for path in (f"{A}baskets/default/", f"{A}user-profiles/", f"{A}export/"):
        for accept in ("application/json", "text/html"):
            assert f"{inside.url}secret" in ada.text(path, accept=accept)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://", "x"])
def test_what_is_no_address_of_the_web_is_not_kept(address, ada):
    refused = ada.post(f"{A}basket/items/", {"kind": "url", "url": address})

    assert verdict(refused) == (400, "invalid-request")
    assert ada.get(f"{A}basket/items/").json()["results"] == []


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("get-tables-fields/?access_url={url}", (401, "login-required")),
        ("get-tables-fields/?dataset_uri={url}", (404, "not-found")),
        ("cone/{url}/?RA=1&DEC=1&SR=1", (404, "not-found")),
    ],
)
def test_an_archive_is_one_of_the_entries(path, how, inside, nobody):
    assert verdict(nobody.get(f"/esap-api/query/{path.format(url=inside.url)}")) == how


@pytest.mark.parametrize("place", ["archive_uri={url}", "dataset_uri={url}", "catalog={url}"])
def test_a_search_asks_an_entry_only(place, inside, nobody):
    asked = f"{place.format(url=inside.url)}&ra=1&dec=1&fov=1"

    told = nobody.get(f"/esap-api/query/query/?{asked}").json()

    assert told.get("results", []) == []


@pytest.mark.parametrize("wanted", FOREIGN)
def test_a_login_leads_back_to_us_and_nowhere_else(wanted, provider, configured, db):
    browser = Caller()
    state = provider.noted(browser.http.get("/esap-api/oidc/authenticate", {"next": wanted}))

    back = browser.http.get(f"{CALLBACK}?code=a-code&state={state}")

    assert (back.status_code, back.url) == (302, "/")
    assert User.objects.count() == 1


@pytest.mark.parametrize("wanted", FOREIGN)
def test_a_connection_leads_back_to_us_and_nowhere_else(wanted, provider, ada):
    state = provider.noted(ada.http.get(f"{A}connections/hub/connect", {"next": wanted}))

    back = ada.http.get(f"{A}connections/callback?code=a-code&state={state}")

    assert (back.status_code, back.url) == (302, f"{A}connections")
    assert Grant.objects.get().server == "hub"


def test_an_answer_to_a_connection_names_no_server(inside, provider, ada):
    state = provider.noted(ada.http.get(f"{A}connections/hub/connect"))
    asked = {"code": "c", "state": state, "redirect_uri": inside.url, "token_url": inside.url,
             "iss": inside.origin}  # fmt: skip

    ada.http.get(f"{A}connections/callback", asked)

    (redeemed,) = [heard for heard in provider.peer.heard if heard.target == "/token"]
    assert b"redirect_uri=http%3A%2F%2Ftestserver%2Fesap-api%2F" in redeemed.body


def test_a_token_names_no_place_for_its_key(inside, provider, ada):
    for header in ("jku", "x5u"):
        token = provider.sign(headers={header: f"{inside.url}keys", "kid": "another"})
        assert verdict(Caller(token=token).get(f"{A}whoami/")) == (401, "invalid-token")


DISCOVERY = "/.well-known/openid-configuration"


PLACES = ["inside", "http://169.254.169.254/latest/meta-data", "http://127.0.0.3:1/"]


@pytest.mark.parametrize("path", [DISCOVERY, "/keys", "/userinfo", "/token"])
@pytest.mark.parametrize("place", PLACES)
def test_a_provider_sends_us_into_no_network(path, place, inside, provider, ada):
    browser = Caller()
    begins = path != DISCOVERY
    state = provider.begin(browser.http) if begins else "none"
    target = inside.url if place == "inside" else place
    provider.says[path] = redirect(target, "307 Temporary Redirect")
    users = User.objects.count()

    login = CALLBACK if begins else "/esap-api/oidc/authenticate"
    refused = browser.get(f"{login}?code=a-code&state={state}")

    # A redirect of the token endpoint is not even looked at: it would carry the code elsewhere.
    expected = (502, "backend-failed") if path == "/token" else (403, "forbidden-address")
    assert verdict(refused) == expected
    assert (User.objects.count(), Grant.objects.count()) == (users, 0)


def test_a_code_goes_where_it_was_meant_to_go_only(provider, configured, db):
    browser = Caller()
    state = provider.begin(browser.http)
    provider.says["/token"] = redirect(f"{provider.url}/elsewhere", "307 Temporary Redirect")

    refused = browser.get(f"{CALLBACK}?code=a-code&state={state}")

    assert verdict(refused) == (502, "backend-failed")
    assert (provider.asked("/token"), provider.asked("/elsewhere")) == (1, 0)


@pytest.mark.parametrize("name", ["token_endpoint", "userinfo_endpoint", "jwks_uri"])
def test_a_provider_names_no_endpoint_in_another_network(name, inside, provider, configured, db):
    browser = Caller()
    truth = provider._discovery()
    provider.says[DISCOVERY] = as_json({**truth, name: f"{inside.url}endpoint"})
    state = provider.begin(browser.http)

    refused = browser.get(f"{CALLBACK}?code=a-code&state={state}")

    assert verdict(refused) == (403, "forbidden-address")
    assert (User.objects.count(), Grant.objects.count()) == (0, 0)


def test_a_peer_that_is_connected_to_sends_us_into_no_network(inside, provider, ada):
    state = provider.noted(ada.http.get(f"{A}connections/hub/connect"))
    provider.says["/userinfo"] = redirect(inside.url)

    back = ada.get(f"{A}connections/callback?code=a-code&state={state}")

    assert back.status_code == 302
    assert Grant.objects.get().subject == ""  # the connection is as good without a name
