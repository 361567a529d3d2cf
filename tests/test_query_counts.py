"""How many SQL statements each endpoint takes: tests/query_counts.json keeps the figures.

UPDATE_QUERY_COUNTS=1 make test T=tests/test_query_counts.py writes them anew. BEGIN and COMMIT
count too. Whoever is logged in costs two more: the session, and the user.
"""

import json
import os
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from esap.health import readiness
from esap.jobs import services
from esap.jobs.moves import Result
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap

pytestmark = pytest.mark.django_db(transaction=True)

FILE = Path(__file__).with_name("query_counts.json")
SEARCHES = "/esap-api/query/searches/"
CONE = {"ra": 56.75, "dec": 24.12, "fov": 180}


@pytest.fixture(scope="module")
def counts():
    """The counts that are kept; those that a test sets are written down if they should be."""
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    yield kept
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        FILE.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@pytest.fixture
def must_take(counts):
    """Assert that an endpoint took so many statements as are kept; or keep them."""

    def check(endpoint, statements):
        if os.environ.get("UPDATE_QUERY_COUNTS"):
            counts[endpoint] = len(statements)
        assert len(statements) == counts.get(endpoint), "\n".join(statements)

    return check


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=20) as service:
        yield service


@pytest.fixture(autouse=True)
def archives(fake, tmp_path, settings):
    """Return a function that configures so many archives; there is one to begin with."""
    cache.clear()

    def configure(count):
        settings.ENTRY_FILES = write_entries(
            tmp_path, [star_archive(f"archive{n}", fake.url()) for n in range(count)]
        )

    configure(1)
    return configure


def statements(method, path, body=None, client=None, status=200, **headers):
    """Return the SQL statements that a request takes, until its whole answer is read."""
    asked = json.dumps(body) if body else ""
    with CaptureQueriesContext(connection) as captured:
        response = (client or Client()).generic(
            method, path, asked, "application/json", headers=headers
        )
        content = response.getvalue()
    assert response.status_code == status, content
    return [query["sql"] for query in captured]


@pytest.fixture
def ada(django_user_model):
    """A client who is logged in, with a few jobs of her own."""
    user = django_user_model.objects.create_user("ada")
    for number in range(3):
        job = services.begin("query.search", {"target": f"M{number}"}, user)
        services.complete(job, [Result("rows", "application/json", "/rows")])
    client = Client()
    client.force_login(user)
    client.job = job
    return client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/esap-api/",
        "/esap-api/problems",
        "/esap-api/health/live",
        "/esap-api/query/archives",
        "/esap-api/query/archives-uri",
        "/esap-api/query/archives-uri/archive0",
        "/esap-api/query/datasets",
        "/esap-api/query/datasets-uri",
        "/esap-api/query/datasets-uri/archive0-stars",
        "/esap-api/query/catalogs",
        "/esap-api/query/parameter-mapping",
        "/esap-api/query/get-tables-fields?dataset_uri=archive0-stars",
    ],
)
def test_what_entries_and_archives_tell_takes_no_statement(path):
    assert statements("GET", path) == []


@pytest.mark.parametrize("path", ["/esap-api/health/ready", "/esap-api/health/peers"])
def test_health_takes_few_statements(path, must_take, monkeypatch):
    monkeypatch.setitem(readiness._CHECKS, "broker", lambda: None)
    statements("GET", path)  # the first time looks for migrations

    must_take(f"GET {path}", statements("GET", path))


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson", "text/csv"])
def test_a_search_takes_as_many_statements_however_many_archives_there_are(
    accept, archives, must_take
):
    one = statements("POST", SEARCHES, CONE, accept=accept)
    archives(12)
    twelve = statements("POST", SEARCHES, CONE, accept=accept)

    assert len(twelve) == len(one), "\n".join(twelve)
    must_take(f"POST {SEARCHES} {accept}", one)


@pytest.mark.parametrize(
    "path",
    [
        "/esap-api/query/query?archive_uri=archive0&ra=56.75&dec=24.12&fov=1",
        "/esap-api/query/cone/archive0-stars?RA=56.75&DEC=24.12&SR=1",
    ],
)
def test_a_search_by_other_ways_takes_no_more(path, must_take):
    must_take(f"GET {path.partition('?')[0]}", statements("GET", path))


@pytest.mark.parametrize(
    "path", ["/esap-api/jobs/", SEARCHES, "/esap-api/uws/jobs/", "/esap-api/uws/jobs/?format=json"]
)
def test_a_list_takes_as_many_statements_however_long_it_is(path, ada, must_take):
    few = statements("GET", path, client=ada)
    for number in range(20):
        services.begin("query.search", {"target": f"NGC {number}"}, ada.job.owner)
    many = statements("GET", path, client=ada)

    assert len(many) == len(few), "\n".join(many)
    must_take(f"GET {path}", few)


@pytest.mark.parametrize("path", ["/esap-api/jobs/{}/", SEARCHES + "{}/", "/esap-api/uws/jobs/{}/"])
def test_one_of_them_takes_few_statements(path, ada, must_take):
    must_take(f"GET {path}", statements("GET", path.format(ada.job.pk), client=ada))


def test_to_abort_a_job_takes_few_statements(ada, must_take):
    job = services.begin("query.search", {"target": "M31"}, ada.job.owner)

    took = statements("POST", f"/esap-api/jobs/{job.pk}/cancel/", client=ada)

    must_take("POST /esap-api/jobs/{}/cancel/", took)


def test_a_job_that_is_not_yours_takes_no_more_than_your_own(ada, must_take):
    took = statements("GET", f"/esap-api/jobs/{ada.job.pk}/", status=404)

    must_take("GET /esap-api/jobs/{} of another", took)
