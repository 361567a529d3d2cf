"""Clients that nobody here wrote make searches by UWS: pyvo, and STILTS."""

import csv
import gc
import io
import subprocess
from datetime import datetime, timedelta

import pytest
from pyvo.dal import AsyncTAPJob, DALQueryError, DALServiceError, TAPService
from pyvo.dal.exceptions import DALOverflowWarning

from tests.support.served import served

# pyvo leaves the sockets open from which it read a table.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

GAIA = {
    "id": "gaia_bright",
    "type": "embedded",
    "title": "Gaia's bright stars",
    "catalogues": ["gaia"],
    "mapping": "stars",
    "datasets": [{"id": "gaia-stars", "name": "Stars", "table": "gaia.stars"}],
}
BRIGHTEST = (
    "SELECT TOP 3 ra, dec, phot_g_mean_mag AS g FROM gaia.stars "
    "WHERE phot_g_mean_mag < 0 ORDER BY phot_g_mean_mag"
)
SIRIUS, CANOPUS, ARCTURUS = 101.28462, 95.98810, 213.91015


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, django_db_setup, django_db_blocker):
    """A gateway with one archive, of real stars."""
    with django_db_blocker.unblock(), served(tmp_path_factory.mktemp("gateway"), [GAIA]) as gateway:
        yield gateway
        gc.collect()


@pytest.fixture
def job(gateway):
    """Return a job that pyvo has made, not run yet."""

    def create(adql, **keywords):
        return AsyncTAPJob.create(f"{gateway.url}/uws", adql, session=gateway.ada, **keywords)

    return create


def ended(job):
    return job.run().wait(phases={"COMPLETED", "ERROR", "ABORTED"})


class TestPyvo:
    def test_it_makes_a_search_follows_it_and_reads_its_rows(self, job):
        made = job(BRIGHTEST)
        assert (made.phase, made.query, made.owner) == ("PENDING", BRIGHTEST, "ada")
        assert made.uws_version == "1.1"

        rows = ended(made).fetch_result().to_table()

        assert made.phase == "COMPLETED"
        assert rows.colnames == ["ra", "dec", "g"]
        assert rows["ra"].tolist() == pytest.approx([SIRIUS, CANOPUS, ARCTURUS], abs=1e-4)
        assert (rows["ra"].unit, rows["g"].unit) == ("deg", "mag")

    def test_it_hears_why_a_search_failed(self, job):
        failed = ended(job("SELECT nope FROM gaia.stars"))

        assert failed.phase == "ERROR"
        with pytest.raises(DALQueryError, match="nope"):
            failed.fetch_result()

    def test_it_is_told_when_there_were_more_rows(self, job):
        with pytest.warns(DALOverflowWarning):
            rows = ended(job("SELECT ra FROM gaia.stars")).fetch_result()

        assert len(rows) == 1000

    def test_it_gets_as_many_rows_as_it_asks_for(self, job):
        made = job("SELECT ra FROM gaia.stars", maxrec=7, archives="gaia_bright")

        rows = ended(made).fetch_result()

        assert (len(rows), rows.query_status) == (7, "OVERFLOW")

    def test_it_changes_a_job_that_has_not_run(self, job):
        made = job("SELECT nope FROM gaia.stars")
        soon = datetime.now() + timedelta(days=1)  # noqa: DTZ005 - pyvo's times are bare, in UTC

        made.query = BRIGHTEST
        made.execution_duration = 60
        made.destruction = soon

        assert made.query == BRIGHTEST
        assert made.execution_duration.sec == 60
        assert abs(made.destruction.to_datetime() - soon) < timedelta(seconds=1)
        assert ended(made).phase == "COMPLETED"

    def test_it_aborts_a_job_and_deletes_it(self, gateway, job):
        made = job(BRIGHTEST)
        url = made.url

        made.abort()
        assert made.phase == "ABORTED"
        made.delete()

        assert gateway.ada.get(url).status_code == 404

    def test_it_lists_jobs_by_phase_and_number(self, gateway, job):
        first, second = job(BRIGHTEST), job(BRIGHTEST)
        service = TAPService(f"{gateway.url}/uws", session=gateway.ada)

        pending = service.get_job_list(phases=["PENDING"], last=2)

        assert [one.jobid for one in pending] == [second.job_id, first.job_id]

    def test_without_a_login_it_makes_no_job(self, gateway):
        with pytest.raises(DALServiceError, match="401"):
            AsyncTAPJob.create(f"{gateway.url}/uws", BRIGHTEST, session=gateway.nobody)


class TestStilts:
    @pytest.fixture
    def run(self, stilts):
        """Return what a command of STILTS said, as an answer and as a complaint."""

        def run(*command):
            done = subprocess.run(
                [stilts.url, *command], capture_output=True, text=True, timeout=60, check=False
            )
            return done.stdout, done.stderr

        return run

    def test_it_makes_a_search_reads_its_rows_and_deletes_it(self, gateway, run):
        answer, complaint = run(
            "tapquery",
            f"tapurl={gateway.adas_url}/uws",
            "sync=false",
            "poll=50",
            "ofmt=csv",
            f"adql={BRIGHTEST}",
        )

        rows = list(csv.DictReader(io.StringIO(answer)))
        assert list(rows[0]) == ["ra", "dec", "g"], complaint
        found = [float(row["ra"]) for row in rows]
        assert found == pytest.approx([SIRIUS, CANOPUS, ARCTURUS], abs=1e-4)
        (url,) = [line for line in complaint.splitlines() if "/uws/async/" in line]
        assert gateway.ada.get(url).status_code == 404

    def test_it_says_why_a_search_failed(self, gateway, run):
        answer, complaint = run(
            "tapquery",
            f"tapurl={gateway.adas_url}/uws",
            "sync=false",
            "poll=50",
            "adql=SELECT nope FROM gaia.stars",
        )

        assert answer == ""
        assert "nope" in complaint.partition("ERROR")[2], complaint

    def test_it_takes_up_a_job_that_another_client_made(self, gateway, run, job):
        made = job(BRIGHTEST).run()

        answer, complaint = run(
            "tapresume",
            f"joburl={gateway.adas_url}/uws/async/{made.job_id}",
            "poll=50",
            "delete=never",
            "ofmt=csv",
        )

        assert len(list(csv.DictReader(io.StringIO(answer)))) == 3, complaint
        assert made.phase == "COMPLETED"
