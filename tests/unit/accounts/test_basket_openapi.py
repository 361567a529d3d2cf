"""Baskets and profiles answer users and visitors as the document says, whatever is sent."""

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given, settings

from esap.wsgi import application
from tests.unit.test_openapi_holds import CHECKS, PATHS

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = "/esap-api/accounts/"
OURS = ("basket", "shopping-items", "user-profiles", "whoami")
THEIRS = sorted(path for path in PATHS if path.removeprefix(ACCOUNTS).startswith(OURS))


@pytest.fixture(scope="module")
def api(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        return schemathesis.openapi.from_wsgi("/esap-api/schema", application)


@pytest.fixture(params=["user", "visitor"])
def cookies(request, ada):
    client = Client(headers={"Origin": "http://testserver"})
    if request.param == "user":
        client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    client.post(
        f"{ACCOUNTS}basket/items/", {"archive": "apertif", "record": {}}, "application/json"
    )
    return {"sessionid": client.cookies["sessionid"].value}


@pytest.mark.parametrize("path", THEIRS)
def test_answers_are_as_documented_whatever_is_sent(api, path, cookies):
    for operation in api[path].values():

        @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def asked(case):
            case.cookies = cookies
            case.headers["Origin"] = "http://localhost"
            if "name" in case.path_parameters:
                case.path_parameters["name"] = "default"
            if "user_name" in case.path_parameters:
                case.path_parameters["user_name"] = "ada"
            if case.method == "PUT":
                case.headers["If-Match"] = "*"
            case.call_and_validate(checks=CHECKS)

        asked()
