"""API9:2023 Improper Inventory Management: what can be asked for is known, and there is no more."""

import re
import tomllib

import pytest
from drf_spectacular.generators import EndpointEnumerator

from esap.settings.env import BASE_DIR
from tests.security.callers import Caller, verdict
from tests.security.routes import operations

# What the OpenAPI document does not describe, and why it is there.
KNOWN = {
    "/": "the first page",
    "/favicon.ico": "leads to a static file",
    "/esap-api": "another spelling of /esap-api/",
    "/esap-api/docs/": "a page that shows the document",
    "/esap-api/redoc/": "a page that shows the document",
    "/esap-api/schema/": "the document itself",
    "/esap-api/oidc/authenticate/": "for browsers: the way to the login",
    "/esap-api/oidc/callback/": "for browsers: the way back from it",
    "/esap-api/oidc/logout/": "for browsers",
    "/esap-api/oidc/local/": "for browsers: a page, or 404 where passwords are not wanted",
    "/esap-api/oidc/backchannel-logout/{provider}/": "for the provider",
}
NO_DEBUGGER = ("debug_toolbar", "silk", "django_extensions", "django_browser_reload", "werkzeug")
OFTEN_LEFT_OPEN = [
    "/__debug__/", "/silk/", "/metrics", "/.env", "/.git/config", "/server-status", "/phpinfo.php",
    "/actuator/env", "/graphql", "/swagger.json", "/esap-api/v1/", "/esap-api/v2/jobs/",
    "/esap-api/beta/", "/esap-api/internal/", "/esap-api/test/", "/esap-api/debug/", "/admin/",
    "/api/", "/esap-api/accounts/users/", "/esap-api/accounts/sessions/", "/static/../manage.py",
]  # fmt: skip


# TAP clients put /async behind the address that they are given: another spelling of uws/jobs/.
TWICE = ("/esap-api/uws/jobs/", "/esap-api/uws/async/")


def without_names(path):
    return re.sub(r"\{\w+\}", "{}", path)


def paths_of(routes):
    """Return routes as the document writes paths; those of the admin have their own rules."""
    enumerator = EndpointEnumerator()
    found = {enumerator.get_path_from_regex(route) for route in routes}
    return {without_names(path) for path in found if not path.startswith("/esap-api/admin/")}


def test_every_route_in_production_is_described_or_known(production):
    described = {without_names(each.path) for each in operations()}
    described |= {path.replace(*TWICE) for path in described}

    served = paths_of(production["routes"]["esap.urls"])

    assert served - described == {without_names(path) for path in KNOWN}
    assert described - served == set()


def test_the_events_process_serves_events_health_and_figures_only(production):
    served = paths_of(production["routes"]["esap.events.urls"])

    assert served == {
        "/esap-api/jobs/events/",
        "/esap-api/jobs/{}/events/",
        "/esap-api/query/searches/{}/events/",
        "/esap-api/health/jobs/",
        "/esap-api/health/live/",
        "/esap-api/health/peers/",
        "/esap-api/health/ready/",
        "/esap-api/metrics/",
    }


def test_production_has_no_debugger(production):
    settings = production["settings"]

    assert settings["DEBUG"] is False
    for name in NO_DEBUGGER:
        assert not any(name in each for each in settings["INSTALLED_APPS"] + settings["MIDDLEWARE"])
    assert settings["DEBUG_PROPAGATE_EXCEPTIONS"] is False


@pytest.mark.django_db
@pytest.mark.parametrize("path", OFTEN_LEFT_OPEN)
def test_what_is_often_left_open_is_not_there(path):
    assert verdict(Caller().get(path)) == (404, "not-found")


@pytest.mark.django_db
def test_there_is_one_version_and_all_say_which():
    caller = Caller()
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

    said = [
        caller.get("/esap-api/").json()["version"],
        caller.get("/esap-api/health/live").json()["version"],
        caller.get("/esap-api/schema/?format=json").json()["info"]["version"],
    ]

    assert said == [project] * 3
    assert not [each.path for each in operations() if re.search(r"/v\d", each.path)]


@pytest.mark.parametrize("asked", operations(), ids=str)
def test_no_operation_is_deprecated_and_left(asked):
    assert asked.is_current
