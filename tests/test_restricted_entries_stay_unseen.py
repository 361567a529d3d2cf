"""Whatever a caller asks, an entry that is for others is in no answer, also of routes to come.

Every GET of the OpenAPI document is asked: as it stands, with what can be seen, and with the ids
that only members know. Those must be answered as ids that nobody has.
"""

import re
from urllib.parse import urlencode

import pytest
import yaml
from django.core.cache import cache
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from query import published_query
from tests.support.fakes.tap import FakeTap
from tests.support.restricted import ABOUT, GROUP, SECRETS, Callers, configure, vault_was_asked

pytestmark = pytest.mark.django_db

CONE = {"ra": "56.75", "dec": "24.12", "fov": "180", "RA": "56.75", "DEC": "24.12", "SR": "180"}
SEEN = {
    "name": "multiple_archives", "dataset_uri": "open-stars", "archive_uri": "open",
    "target_name": "M31", "id": "open-stars",
}  # fmt: skip
# What names the archive, its dataset, its catalog and its mapping, a connection, a resolver and a
# lake; and numbers as in the published paths.
NAMES = ["vault", "vault-stars", "vault-tap", "vaulted", "vault-hub", "vault-names", "vault-lake"]
NUMBERS = {"7": "9", "71": "91", "77": "97", "66": "96"}  # and numbers that nobody has
HUB = {
    "id": "vault-hub", "type": "oauth", "title": "The Crypt's hub", "groups": [GROUP],
    "url": "https://hub.example.org", "authorization_url": "https://hub.example.org/authorize",
    "token_url": "https://hub.example.org/token", "client_id": "esap",
    "client_authentication": "none",
}  # fmt: skip
# Its members let others look around in it: so those are asked for their groups, not for a login.
LAKE = {
    "id": "vault-lake", "type": "rucio", "title": "The Crypt's lake", "groups": [GROUP],
    "url": "https://lake.example.org", "anyone_reads": True,
}  # fmt: skip
TOLD_TO_MEMBERS = {
    "/esap-api/accounts/connections/",
    "/esap-api/health/peers/",
    "/esap-api/query/archives-uri/",
    "/esap-api/query/archives/",
    "/esap-api/query/catalogs/",
    "/esap-api/query/configuration/",
    "/esap-api/query/datasets-uri/",
    "/esap-api/query/datasets/",
    "/esap-api/query/parameter-mapping/",
    "/esap-api/rucio/lakes/",
}


def operations():
    """Return each path that can be read, with the names of its parameters in path and query."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    for path, methods in sorted(paths.items()):
        if "get" in methods:
            parameters = methods["get"].get("parameters", [])
            query = [p["name"] for p in parameters if p["in"] == "query"]
            yield path, [p["name"] for p in parameters if p["in"] == "path"], query


GETS = list(operations())


def each(cases):
    return {"argvalues": cases, "ids": [path for path, _, _ in cases]}


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=5) as service:
        yield service


@pytest.fixture(autouse=True)
def entries(settings, tmp_path, fake):
    cache.clear()
    published_query._ANSWERS._flights.clear()
    openngc = {"id": "openngc", "type": "openngc", "title": "OpenNGC"}
    names = {
        "id": "vault-names",
        "type": "openngc",
        "title": "The Crypt's names",
        "groups": [GROUP],
    }
    settings.EVENTS_URL = "https://events.example.org"
    configure(settings, tmp_path, fake, resolvers=[openngc, names])
    others = tmp_path / "others.yaml"
    others.write_text(
        yaml.safe_dump({"accounts": {"connections": [HUB]}, "rucio_app": {"lakes": [LAKE]}})
    )
    settings.ENTRY_FILES = [*settings.ENTRY_FILES, others]


@pytest.fixture
def others():
    """Clients of those who may not use the entry."""
    callers = Callers.make()
    return [callers.nobody, callers.stranger]


def told(client, path, accept="application/json", **query):
    """Return all that an answer says, but for what follows from the text of its address."""
    response = client.get(f"{path}?{urlencode(query)}" if query else path, HTTP_ACCEPT=accept)
    passed = {"X-Request-ID", "ETag", "Content-Length"}
    headers = {key: value for key, value in response.items() if key not in passed}
    return f"{response.status_code} {headers} {response.getvalue().decode()}"


def secrets_in(text):
    return [secret for secret in SECRETS if secret in text.lower()]


def unlike(text):
    """Return a text with its names made into such as nobody has."""
    return text.replace("vault", "cargo").replace("VAULT", "CARGO")  # phases are told in capitals


def filled(path, value):
    return re.sub(r"\{\w+\}", value, path)


@pytest.mark.parametrize(("path", "placed", "query"), **each(GETS))
def test_no_answer_tells_of_it(path, placed, query, others, fake) -> None:
    plain = {name: value for name, value in {**CONE, **SEEN}.items() if name in query}
    ways = [
        (client, filled(path, value), accept, some)
        for client in others
        for value in (["8", "open", "open-stars", "query"] if placed else [""])
        for accept in ("application/json", "text/html")
        for some in ({}, plain)
    ]

    answers = [told(client, at, accept, **some) for client, at, accept, some in ways]

    assert [answer for answer in answers if secrets_in(answer)] == []
    assert not vault_was_asked(fake)


@pytest.mark.parametrize(("path", "placed", "query"), **each([case for case in GETS if case[1]]))
def test_its_address_is_as_one_that_is_not_there(path, placed, query, others, fake) -> None:
    plain = {name: value for name, value in CONE.items() if name in query}
    twins = {key: unlike(key) for key in NAMES} | NUMBERS

    for client in others:
        for key, unknown in twins.items():
            answers = [
                told(client, filled(path, value), **plain)
                .replace(f"/{value}/", "/?/")
                .replace(repr(value), "?")
                for value in (key, unknown)
            ]
            assert answers[0] == answers[1], key
    assert not vault_was_asked(fake)


@pytest.mark.parametrize(
    ("path", "placed", "query"), **each([case for case in GETS if not case[1]])
)
def test_to_ask_by_its_name_is_to_ask_by_one_that_is_not_there(path, placed, query, fake) -> None:
    client = Client()
    plain = {name: value for name, value in CONE.items() if name in query}

    for name in query:
        for key in NAMES[:2]:
            hidden = told(client, path, **plain | {name: key})
            unknown = told(client, path, **plain | {name: unlike(key)})
            assert unlike(hidden) == unknown, (name, key)
        assert secrets_in(told(client, path, **plain | {name: "7"})) == []
    assert not vault_was_asked(fake)


def test_members_are_told_of_it_at_these() -> None:
    """So the tests above look where there is something to be seen."""
    member = Callers.make().member

    said = {
        path
        for path, placed, _ in GETS
        if not placed and any(text in told(member, path).lower() for text in ABOUT)
    }

    assert said == TOLD_TO_MEMBERS
