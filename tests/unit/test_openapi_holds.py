"""Whatever is sent, the gateway answers as its OpenAPI document says, and makes no mistake."""

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from schemathesis import checks

from esap.settings.env import BASE_DIR
from esap.wsgi import application
from tests.support.entries import write_entries

pytestmark = pytest.mark.django_db(transaction=True)
DOCUMENT = BASE_DIR / "docs" / "reference" / "openapi.yaml"
# Without a broker and workers, the gateway is right to say that it is not ready.
NOT_READY = {"/esap-api/health/ready/", "/esap-api/health/jobs/"}
PATHS = yaml.safe_load(DOCUMENT.read_text())["paths"].keys() - NOT_READY
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def api(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():  # for all tests of the file: reading it takes half a second
        return schemathesis.openapi.from_wsgi("/esap-api/schema", application)


@pytest.fixture(autouse=True)
def entries(settings, tmp_path):
    archive = {
        "id": "gaia_bright",
        "type": "embedded",
        "title": "Gaia's bright stars",
        "catalogues": ["gaia"],
        "mapping": "stars",
        "datasets": [{"id": "gaia-stars", "name": "Stars", "table": "gaia.stars"}],
    }
    openngc = {"id": "openngc", "type": "openngc", "title": "OpenNGC"}
    settings.ENTRY_FILES = write_entries(tmp_path, [archive], resolvers=[openngc])


@pytest.mark.parametrize("path", sorted(PATHS))
def test_answers_are_as_documented_whatever_is_asked(api, path) -> None:
    for operation in api[path].values():

        @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def asked(case):
            case.call_and_validate(checks=CHECKS)

        asked()
