"""What a scope opens."""

import pytest

from accounts.api_tokens.scopes import ROOMS, SCOPES
from accounts.api_tokens.services import allows
from esap.urls import router

JOB = "/esap-api/jobs/1b4e28ba-2fa1-41d2-883f-0016d3cca427"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/esap-api/", JOB, "/esap-api/query/searches/"])
@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_safe_method_is_allowed_everywhere_to_read_and_to_write(scope, path, method):
    assert allows({scope}, method, path)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "get"])
def test_any_other_method_needs_to_write(method):
    assert not allows({"read", "jobs:read"}, method, JOB)
    assert allows({"write"}, method, JOB)
    assert allows({"jobs:write"}, method, JOB)


def test_a_scope_of_a_room_ends_at_its_door():
    assert allows({"jobs:write"}, "GET", JOB)
    assert allows({"jobs:read"}, "GET", "/esap-api/jobs")
    assert not allows({"query:read", "query:write"}, "GET", JOB)
    assert not allows({"jobs:read", "jobs:write"}, "GET", "/esap-api/")
    assert not allows({"jobs:read", "jobs:write"}, "GET", "/esap-api/jobsearch/")


@pytest.mark.parametrize(
    "scope",
    ["", "*", "admin", "READ", "Jobs:read", "jobs", "jobs:", ":read", "jobs:delete", "jobs:read "],
)
def test_an_unknown_scope_grants_nothing(scope):
    assert not allows({scope}, "GET", JOB)
    assert not allows({scope}, "GET", "/esap-api/")


def test_no_scope_grants_nothing():
    assert not allows([], "GET", JOB)


@pytest.mark.parametrize("room", ["health", "schema", "oidc", "nowhere"])
def test_a_room_that_no_scope_can_name_is_not_opened_by_its_name(room):
    assert not allows({f"{room}:read", f"{room}:write"}, "GET", f"/esap-api/{room}/")


@pytest.mark.parametrize("path", ["/esap-api/admin", "/esap-api/admin/accounts/user/"])
def test_no_scope_opens_the_admin(path):
    assert not allows(SCOPES, "GET", path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/static/x",
        "esap-api/jobs",
        "x/esap-api/jobs",
        "//esap-api/jobs",
        "/portal/esap-api/jobs",
    ],
)
def test_nothing_is_allowed_outside_of_the_api(path):
    assert not allows(SCOPES, "GET", path)


def test_every_room_of_the_api_has_scopes():
    rooms = {prefix.partition("/")[0] for prefix, _, _ in router.registry}

    assert rooms <= set(ROOMS)
