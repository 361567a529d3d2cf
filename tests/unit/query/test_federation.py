"""Many archives at once: each for itself, and none at the cost of another."""

import threading
import time

import pytest

from esap.backends.deadline import within
from query.federation import Columns, Outcome, Rows, federate
from query.planning import plan
from query.questions import ask
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap

pytestmark = pytest.mark.django_db
EVERYWHERE = {"ra": 56.75, "dec": 24.12, "fov": 180}


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=300) as service:
        yield service


@pytest.fixture
def ask_archives(tmp_path, settings):
    """Return a function that asks archives at these addresses, and collects what happens."""

    def ask_them(addresses: dict[str, str], timeout: float = 10.0, **more):
        settings.ENTRY_FILES = write_entries(
            tmp_path, [star_archive(name, url) for name, url in addresses.items()]
        )
        errands = plan(ask({**EVERYWHERE, **more}))
        with within(None) as scope:
            return list(federate(errands, timeout=timeout, scope=scope))

    return ask_them


def outcomes(events) -> dict[str, Outcome]:
    return {event.archive: event for event in events if isinstance(event, Outcome)}


def ids_of(events, archive: str) -> list[int]:
    return [
        row
        for event in events
        if isinstance(event, Rows) and event.archive == archive
        for row in event.batch.column("id").to_pylist()
    ]


def test_every_dataset_says_columns_then_rows_then_how_it_ended(fake, ask_archives) -> None:
    events = ask_archives({"one": fake.url()})

    kinds = [type(event) for event in events]
    assert kinds[0] is Columns
    assert kinds[-1] is Outcome
    assert set(kinds[1:-1]) == {Rows}
    assert events[0].schema.names == ["id", "name", "ra", "dec", "mag", "class", "nobs"]
    assert len(ids_of(events, "one")) == 300


@pytest.mark.parametrize(
    ("mode", "status", "slug"),
    [
        ("ok", "ok", ""),
        ("error200", "refused", "query-rejected"),
        ("error400", "refused", "query-rejected"),
        ("error500", "error", "backend-failed"),
        ("busy", "error", "backend-unavailable"),
        ("login", "refused", "backend-refused"),
        ("forbidden", "refused", "backend-refused"),
        ("html", "error", "unreadable-answer"),
        ("empty", "error", "unreadable-answer"),
        ("truncate", "error", "unreadable-answer"),
        ("chunk-truncate", "error", "unreadable-answer"),
        ("short-length", "error", "unreadable-answer"),
        ("hang", "timeout", "backend-timed-out"),
        ("drip", "timeout", "backend-timed-out"),
        ("stall", "timeout", "backend-timed-out"),
        ("late-error", "refused", "query-rejected"),
    ],
)
def test_what_an_archive_does_wrong_is_told_by_name(fake, ask_archives, mode, status, slug) -> None:
    events = ask_archives({"one": fake.url(mode)}, timeout=1.0)

    outcome = outcomes(events)["one"]
    assert (outcome.status, outcome.slug) == (status, slug), outcome.detail
    assert outcome.detail
    assert "SELECT TOP" in outcome.query
    assert outcome.url == fake.url(mode)


def test_an_archive_with_nothing_is_empty_and_one_with_more_says_so(fake, ask_archives) -> None:
    nothing = outcomes(ask_archives({"one": fake.url()}, magnitude="-90"))["one"]
    more = outcomes(ask_archives({"one": fake.url()}, limit=299))["one"]
    exactly = outcomes(ask_archives({"one": fake.url()}, limit=300))["one"]

    assert (nothing.status, nothing.rows) == ("empty", 0)
    assert (more.status, more.rows) == ("overflow", 299)
    assert (exactly.status, exactly.rows) == ("ok", 300)


@pytest.mark.parametrize(
    "mode", ["hang", "drip", "stall", "truncate", "late-error", "html", "reset"]
)
def test_one_bad_archive_leaves_the_others_rows_the_same(fake, ask_archives, mode) -> None:
    good = {f"good{n}": fake.url(number=n, latency=0.3) for n in range(4)}
    alone = ask_archives(good)

    together = ask_archives({**good, "bad": fake.url(mode)}, timeout=2.0)

    for name in good:
        assert ids_of(together, name) == ids_of(alone, name)
        assert outcomes(together)[name].status == "ok"
        assert outcomes(together)[name].elapsed < 1.0


def test_rows_come_as_each_archive_answers(fake, ask_archives) -> None:
    events = ask_archives({"slow": fake.url(latency=1.0), "quick": fake.url()})

    assert list(outcomes(events)) == ["quick", "slow"]


def test_many_archives_take_the_time_of_one(fake, ask_archives) -> None:
    addresses = {f"a{n}": fake.url(number=n, latency=0.5) for n in range(20)}
    began = time.monotonic()

    found = outcomes(ask_archives(addresses))

    assert {outcome.status for outcome in found.values()} == {"ok"}
    assert len(found) == 20
    assert time.monotonic() - began < 3.0  # one after another: 10 s


def test_a_caller_who_leaves_cuts_every_call_off(fake, tmp_path, settings) -> None:
    settings.ENTRY_FILES = write_entries(
        tmp_path, [star_archive(f"a{n}", fake.url("hang", number=n)) for n in range(5)]
    )
    left = threading.Event()
    threading.Timer(0.5, left.set).start()
    began = time.monotonic()

    with within(None) as scope:
        events = list(
            federate(plan(ask(EVERYWHERE)), timeout=30, scope=scope, unwanted=left.is_set)
        )

    assert events == []
    assert time.monotonic() - began < 1.5
    deadline = time.monotonic() + 2
    while fake.open_connections and time.monotonic() < deadline:
        time.sleep(0.02)
    assert fake.open_connections == 0


def test_a_dataset_that_cannot_be_asked_is_refused_without_a_call(fake, ask_archives) -> None:
    before = len(fake.requests)

    outcome = outcomes(ask_archives({"one": fake.url()}, dataproduct_type="image"))["one"]

    assert outcome.status == "refused"
    assert outcome.detail == (
        "Stars cannot be asked by dataproduct_type; it can by: class, dec, magnitude, ra, target."
    )
    assert len(fake.requests) == before
