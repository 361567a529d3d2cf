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

from accounts.baskets import services as baskets
from esap.health import readiness
from esap.jobs import services
from esap.jobs.moves import Result
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap

pytestmark = pytest.mark.django_db(transaction=True)

FILE = Path(__file__).with_name("query_counts.json")
SEARCHES = "/esap-api/query/searches/"
ACCOUNTS = "/esap-api/accounts/"
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

    def configure(count, sections=(), **changes):
        folder = tmp_path / f"{count}-{len(changes)}"  # a file is read once
        folder.mkdir()
        settings.ENTRY_FILES = write_entries(
            folder,
            [star_archive(f"archive{n}", fake.url(), **changes) for n in range(count)],
            **dict(sections),
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


@pytest.mark.parametrize("of", ["archives", "datasets-uri", "configuration?name=navbar"])
def test_where_entries_are_for_groups_only_a_login_is_looked_up(of, archives, ada):
    menu = {"id": "navbar", "items": []}
    archives(1, sections={"menus": [menu]}, groups=["escape"])
    path = f"/esap-api/query/{of}"

    assert statements("GET", path) == []
    assert len(statements("GET", path, client=ada)) == 2  # the session, and the user


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


@pytest.fixture
def basket(ada):
    """The default basket of the client who is logged in, with three items."""
    added = baskets.add(baskets.Owner(user=ada.job.owner), [item(n) for n in range(3)])
    return added.basket


def item(number):
    return {"archive": "archive0", "record": {"number": number}}


@pytest.mark.parametrize(
    "path",
    [
        f"{ACCOUNTS}user-profiles/",
        f"{ACCOUNTS}user-profiles/ada/",
        f"{ACCOUNTS}shopping-items/",
        f"{ACCOUNTS}baskets/",
        f"{ACCOUNTS}baskets/default/",
        f"{ACCOUNTS}basket/items/",
        f"{ACCOUNTS}whoami/",
    ],
)
def test_to_look_at_what_is_yours_takes_as_many_statements_however_much_it_is(
    path, ada, basket, must_take
):
    few = statements("GET", path, client=ada)
    owner = baskets.Owner(user=ada.job.owner)
    baskets.add(owner, [item(n) for n in range(40)])
    for number in range(5):
        baskets.create(owner, f"b{number}", [item(number)])
    many = statements("GET", path, client=ada)

    assert len(many) == len(few), "\n".join(many)
    must_take(f"GET {path}", few)


@pytest.mark.parametrize(
    "call",
    [
        ("POST", "basket/items/", item(9), 201),
        ("POST", "basket/items/", item(1), 200),
        ("PUT", "baskets/default/", {"items": [item(1), item(9)]}, 200),
        ("POST", "baskets/", {"name": "new", "items": [item(9)]}, 201),
        ("PATCH", "baskets/other/", {"name": "new"}, 200),
        ("DELETE", "baskets/other/", None, 204),
        ("PATCH", "user-profiles/ada/", {"shopping_cart": [item(9)]}, 200),
    ],
)
@pytest.mark.usefixtures("basket")
def test_a_change_of_a_basket_takes_few_statements(call, ada, must_take):
    method, path, body, status = call
    baskets.create(baskets.Owner(user=ada.job.owner), "other", [item(5)])
    headers = {"If-Match": "*"} if method == "PUT" else {}

    took = statements(method, ACCOUNTS + path, body, ada, status, **headers)

    must_take(f"{method} {ACCOUNTS}{path} {status}", took)


def test_to_take_an_item_out_takes_few_statements(ada, basket, must_take):
    path = f"{ACCOUNTS}basket/items/{basket.items.first().pk}/"

    must_take(f"DELETE {ACCOUNTS}basket/items/{{}}/", statements("DELETE", path, None, ada, 204))


def test_what_a_visitor_asks_takes_few_statements(must_take):
    visitor = Client(headers={"Origin": "http://testserver"})

    for path in ("user-profiles/", "baskets/default/", "basket/items/", "whoami/"):
        must_take(f"GET {ACCOUNTS}{path} of a visitor", statements("GET", ACCOUNTS + path))
    for what in ("first", "second"):
        took = statements(
            "POST", f"{ACCOUNTS}basket/items/", {**item(9), "what": what}, visitor, 201
        )
        must_take(f"POST {ACCOUNTS}basket/items/ of a visitor, the {what}", took)
