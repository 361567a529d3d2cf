"""All that UWS is answered in XML is valid by its schema, which DaCHS brings along."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from esap.errors import BackendTimedOut
from esap.jobs import moves, services
from esap.jobs.models import Job, Phase
from esap.jobs.services import Part, Result
from tests.support.peers import debian
from tests.unit.esap.jobs.clients import logged_in, on_sqlite  # noqa: F401 - a fixture
from tests.unit.esap.jobs.kinds import TABLE
from tests.unit.esap.jobs.uws import UWS, post

pytestmark = [pytest.mark.django_db, pytest.mark.peer("dachs")]


class _Beside(etree.Resolver):
    """Finds the schemas that a schema imports beside it, and nowhere else."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def resolve(self, url: str, _public_id: str, context: Any) -> Any:
        return self.resolve_filename(str(self._folder / url.rpartition("/")[2]), context)


@pytest.fixture(scope="module")
def valid():
    """Assert that an answer is a document that the schema allows."""
    (file,) = [file for file in debian.files("python3-gavo") if file.name == "UWS.xsd"]
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Beside(file.parent))
    schema = etree.XMLSchema(etree.parse(file, parser))

    def check(answer):
        assert answer["Content-Type"] == "text/xml"
        schema.assertValid(etree.fromstring(answer.content))

    return check


@pytest.fixture
def client(ada):
    return logged_in(ada)


def pending(ada):
    return services.submit("test.work", {}, ada, pending=True)


def waiting(ada):
    job = services.submit("test.work", {"a": 1, "b": [1, {"c": "<&>\x0b"}]}, ada, run_id="<mine>")
    return moves.hold(job, "Log in at the cluster & wait.", None)


def executing(ada):
    job = moves.claim(services.submit("test.work", {}, ada, execution_duration=9).pk)
    services.progress(job, 0.123456, "1 of 8")
    Job.objects.update(quote=job.created)
    return job


def completed(ada):
    job = services.submit("test.work", {}, ada)
    stored = Result("stars.all", "application/x", f"/esap-api/jobs/{job.pk}/results/stars.all", 9)
    plot = Result('a "plot" & more', "image/png", "https://example.org/?a=1&b=2")
    return moves.complete(moves.claim(job.pk), [TABLE, stored, plot])


def failed(ada):
    return moves.fail(services.submit("test.work", {}, ada), BackendTimedOut("<slow> & slower"))


def whole(ada):
    return services.submit_parts("test.parts", {}, [Part(kind="test.work", parameters={})], ada)


def nobodys(_ada):
    return services.begin("test.work", {})


STATES = [pending, waiting, executing, completed, failed, whole, nobodys]


@pytest.mark.parametrize("below", ["", "/parameters", "/results"])
@pytest.mark.parametrize("state", STATES)
def test_a_job_in_any_state_is(valid, client, ada, state, below):
    job = state(ada)

    valid(client.get(f"{UWS}/async/{job.pk}{below}"))


@pytest.mark.parametrize("phase", Phase.values)
def test_a_job_in_any_phase_is(valid, client, ada, phase):
    job = pending(ada)
    Job.objects.update(phase=phase)

    valid(client.get(f"{UWS}/jobs/{job.pk}"))


def test_the_list_is(valid, client, ada):
    valid(client.get(f"{UWS}/jobs"))
    for state in STATES:
        state(ada)
    valid(client.get(f"{UWS}/jobs"))


def test_what_comes_with_a_redirect_is(valid, client, settings):
    settings.UWS_KIND = "test.work"

    valid(post(client, "jobs", PHASE="RUN", RUNID="x", TARGET="M31 & <more>"))
