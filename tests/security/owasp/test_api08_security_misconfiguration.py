"""API8:2023 Security Misconfiguration: browsers, proxies and operators are told the safe thing."""

import pytest
from django.http import HttpRequest

from accounts.models import Basket
from esap.api.views import RoomRoot
from tests.security.callers import Caller, verdict
from tests.security.routes import operations, reads

pytestmark = pytest.mark.django_db

A = "/esap-api/accounts/"
GUI = "https://gui.example.org"
STRANGERS = [
    "https://evil.example.org",
    "https://gui.example.org.evil.example.org",
    "http://gui.example.org",
    "https://gui.example.org:8443",
    "https://GUI.example.org.",
    "null",
]
ITEM = {"archive": "stars", "record": {}}
SECRET = "what-only-the-log-may-know"
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'self' 'unsafe-inline' data: blob:; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def told_to_origin(answer):
    """Return what an answer tells a browser that a page of another origin may know of it."""
    names = [name for name in answer.headers if name.lower().startswith("access-control")]
    return {name: answer.headers[name] for name in names}


@pytest.fixture(autouse=True)
def origins(settings):
    """Let one front end in."""
    settings.CORS_ALLOWED_ORIGINS = [GUI]


@pytest.mark.parametrize("origin", STRANGERS)
def test_a_page_of_an_origin_that_is_not_let_in_reads_and_writes_nothing(origin, ada):
    read = ada.get(f"{A}whoami/", origin=origin, sec_fetch_site="cross-site")
    asks = {"access_control_request_method": "DELETE", "sec_fetch_site": "cross-site"}
    preflight = ada.ask("OPTIONS", f"{A}baskets/default/", None, origin=origin, **asks)
    write = ada.post(f"{A}basket/items/", ITEM, origin=origin, sec_fetch_site="cross-site")

    assert [told_to_origin(answer) for answer in (read, preflight, write)] == [{}, {}, {}]
    assert verdict(write) == (403, "not-allowed")
    assert not Basket.objects.exists()


def test_the_front_end_that_is_let_in_reads_and_writes_as_its_user(ada):
    read = ada.get(f"{A}whoami/", origin=GUI, sec_fetch_site="cross-site")
    write = ada.post(f"{A}basket/items/", ITEM, origin=GUI, sec_fetch_site="cross-site")

    assert told_to_origin(read) == {
        "access-control-allow-origin": GUI,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": (
            "Location, Link, ETag, X-Request-ID, Preference-Applied, RateLimit, RateLimit-Policy, "
            "Retry-After"
        ),
    }
    assert "origin" in read.headers["Vary"].lower()
    assert read.json()["user_name"] == "ada"
    assert write.status_code == 201


def test_the_front_end_may_send_what_our_writes_ask_for(ada):
    asks = {
        "access_control_request_method": "PUT",
        "access_control_request_headers": "if-match,content-type",
    }

    preflight = ada.ask("OPTIONS", f"{A}baskets/default/", None, origin=GUI, **asks)

    allowed = told_to_origin(preflight)["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "if-match", "prefer", "last-event-id"} <= {*allowed}
    assert "*" not in allowed


@pytest.mark.parametrize("asked", reads(), ids=str)
def test_every_answer_tells_browsers_to_be_careful(asked, ada):
    for accept, policy in (("application/json", DATA_POLICY), ("text/html", PAGE_POLICY)):
        answer = ada.get(asked.at("query"), accept=accept)
        answer.close()
        headers = answer.headers
        if headers.get("Content-Type", "").startswith("text/html") or policy is DATA_POLICY:
            assert headers["Content-Security-Policy"] == policy
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
        assert "Server" not in headers
        assert "X-Powered-By" not in headers


def test_answers_about_a_person_are_in_no_cache(ada, nobody):
    for caller in (ada, nobody):
        for each in reads(with_id=False):
            if each.path.startswith((A, "/esap-api/jobs", "/esap-api/query/searches")):
                answer = caller.get(each.path)
                answer.close()
                assert {"no-store", "private"} & {*answer.headers["Cache-Control"].split(", ")}


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_bug_is_told_without_its_stack(accept, ada, monkeypatch):
    def fall_over(self, request, room):
        key = SECRET
        raise RuntimeError(key)

    monkeypatch.setattr(RoomRoot, "get", fall_over)

    answer = ada.get("/esap-api/query/", accept=accept)

    text = answer.content.decode()
    assert answer.status_code == 500
    assert "The gateway made a mistake." in text
    for told in (SECRET, "RuntimeError", "Traceback", "fall_over", ".py", "site-packages"):
        assert told not in text


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/esap-api/nothing/here", {}, 404),
        ("/esap-api/jobs/?limit=x", {}, 400),
        ("/esap-api/jobs/?cursor=x", {}, 400),
        ("/esap-api/", {"host": "evil.example.org"}, 400),
        ("/esap-api/", {"host": "testserver:80:80"}, 400),
    ],
)
def test_a_mistake_of_the_caller_is_told_without_our_insides(path, headers, status, ada):
    answer = ada.get(path, **headers)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    for told in ("Traceback", ".py", "site-packages", "DEBUG", "ALLOWED_HOSTS", "django"):
        assert told not in answer.content.decode()


def test_no_method_mirrors_what_was_sent(ada):
    """TRACE would show a script the cookies that it cannot read (RFC 9110, section 9.3.8)."""
    for each in {operation.path for operation in operations()}:
        answer = ada.ask("TRACE", each.replace("{", "").replace("}", ""))
        assert answer.status_code in ({403} if "metrics" in each else {404, 405})
        assert "sessionid" not in answer.content.decode()


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(provider, configured, db):
    browser = Caller()
    provider.log_in(browser.http)

    cookies = browser.http.cookies

    assert {*cookies} == {"sessionid", "csrftoken"}
    assert {(one["samesite"], one["domain"]) for one in cookies.values()} == {("Lax", "")}
    assert cookies["sessionid"]["httponly"] is True


def test_in_production_the_safe_settings_hold(production):
    """And `check --deploy` has nothing to say, or there would be no such fixture."""
    settings = production["settings"]

    assert {name: settings[name] for name in settings if name in PRODUCTION} == PRODUCTION
    assert settings["SECRET_KEY"] not in {"", "tests-only"}
    assert settings["SILENCED_SYSTEM_CHECKS"] == ["security.W004", "security.W008"]


PRODUCTION = {
    "ALLOWED_HOSTS": ["esap.example.org"],
    "CORS_ALLOWED_ORIGINS": [],
    "CSRF_COOKIE_SECURE": True,
    "CSRF_TRUSTED_ORIGINS": [],
    "DEBUG": False,
    "DEBUG_PROPAGATE_EXCEPTIONS": False,
    "LOCAL_LOGIN": False,
    "SECURE_CONTENT_TYPE_NOSNIFF": True,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_SECURE": True,
    "SESSION_SERIALIZER": "django.contrib.sessions.serializers.JSONSerializer",
    "X_FRAME_OPTIONS": "DENY",
}


def test_a_proxy_is_believed_only_where_there_is_one(ada, rf):
    claims = {"x_forwarded_host": "evil.example.org", "x_forwarded_proto": "https"}

    told = ada.get("/esap-api/", **claims).json()["documentation"]["openapi"]

    assert told == "http://testserver/esap-api/schema"
    assert HttpRequest.is_secure(rf.get("/", headers={"x-forwarded-proto": "https"})) is False
