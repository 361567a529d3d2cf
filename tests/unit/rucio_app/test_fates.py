"""What becomes of the parts of a staging is told within bounds."""

from types import SimpleNamespace

import pytest

from esap.jobs.models import Job
from rucio_app.backends.values import FileAt, Listing
from rucio_app.services import fates as module
from rucio_app.services.fates import fates
from rucio_app.services.staging import PART


@pytest.fixture
def asked(monkeypatch):
    """How many files each question asks for, of a lake whose DIDs have six files each."""
    asked = []

    def replicas(items, token, *, rse_expression, most):
        asked.append(most)
        blank = {"adler32": None, "md5": None, "states": {}, "pfns": {}}
        files = [FileAt(scope="escape", name=str(n), size=1, **blank) for n in range(6)]
        return Listing(files[:most], most >= len(files))

    lake = SimpleNamespace(replicas=replicas)
    monkeypatch.setattr(module, "MOST", 10)
    monkeypatch.setattr(module, "lake_for", lambda user, peer: lake)
    monkeypatch.setattr(module, "as_user", lambda lake, user, question: question("user"))
    return asked


def part(name):
    asked = {"scope": "escape", "name": name, "rse_expression": "A"}
    return Job(kind=PART, peer="lake", phase="COMPLETED", remote_id="1", parameters=asked)


def test_all_parts_of_a_page_have_so_many_files_together(asked):
    told = fates(None, [part(name) for name in "abc"])

    assert asked == [10, 4]
    assert [len(each["files"]) for each in told] == [6, 4, 0]
    assert [each["complete"] for each in told] == [True, False, False]
