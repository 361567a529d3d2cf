"""A TAP archive keeps the promises of every archive: by sync and by jobs."""

from dataclasses import replace

import pytest

from query.adql import Cone
from query.backends.base import Query
from query.backends.tap import TapArchive
from tests.contracts.archive import Known, RemoteArchiveContract
from tests.support.fakes.tap import FakeTap
from tests.support.fakes.tap.archives import NOBODY, tap_archive
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def fake():
    with FakeTap() as fake:
        yield fake
        assert wait_for(fake.is_let_go)


class TestTapArchive(RemoteArchiveContract):
    @pytest.fixture
    def known(self):
        return Known(
            table="sky.stars",
            position=("ra", "dec"),
            cone=Cone(56.75, 24.12, 0.5),
            rows_in_cone=24,
            row={
                "id": 1,
                "name": "O'Neill's Star",
                "ra": 58.176219,
                "dec": 24.134776,
                "mag": 14.015625,
                "class": "STAR",
                "nobs": 1,
            },
            text=("class", "QSO", 75),
            fragment=("name", "O'NEILL'S", 1),
            number=("mag", 11.9375, 185, 87),
            units_and_ucds={
                "id": (None, "meta.id;meta.main"),
                "ra": ("deg", "pos.eq.ra;meta.main"),
                "mag": ("mag", "phot.mag;em.opt"),
            },
        )

    @pytest.fixture
    def archive(self, fake):
        return tap_archive(fake.url())

    @pytest.fixture
    def endless(self, fake):
        return tap_archive(fake.url("hang")), Query("SELECT * FROM sky.stars", limit=10)

    @pytest.fixture
    def unreachable(self):
        return tap_archive(NOBODY)


class JobsArchive(TapArchive):
    """A TAP archive that runs every query as a job."""

    def run(self, query):
        return super().run(replace(query, mode="async"))


class TestTapArchiveByJobs(TestTapArchive):
    @pytest.fixture
    def archive(self, fake):
        made = tap_archive(fake.url(step=0.01))
        return JobsArchive(made.config, made.http)

    @pytest.fixture
    def endless(self, fake):
        query = Query("SELECT * FROM sky.stars", limit=10, mode="async")
        return tap_archive(fake.url(step=3600)), query
