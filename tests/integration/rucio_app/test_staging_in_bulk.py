"""Many DIDs in one staging, on the real Rucio: few requests, and each DID has its own fate."""

import pytest

from esap.jobs import services as jobs
from esap.jobs.models import Job
from rucio_app.backends.rucio import RucioLake
from tests.integration.rucio_app.test_staging import fates, stage
from tests.support.rucio import unique

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]


def test_a_hundred_dids_are_asked_for_in_one_request(lake, alice, worker, asked_of_rucio):
    names = [unique("file") for _ in range(100)]
    lake.files(dict.fromkeys(names, b"x"))
    with lake.held():
        staging = stage(alice, *names)
        asked_of_rucio.clear()

        parts = worker.hand_over(staging)

        assert asked_of_rucio == [("POST", "/rules/")]
        assert [lake.rule(part.remote_id)["name"] for part in parts] == names
        asked_of_rucio.clear()
        told = fates(alice, staging)
        assert asked_of_rucio == [("POST", "/replicas/list")]
        assert [fate["files"][0]["name"] for fate in told] == names[:50]
        jobs.abort(Job.objects.get(pk=staging))
        worker.look()


def test_a_rule_for_many_files_is_worked_out_by_the_lake_later(lake, alice, worker, monkeypatch):
    monkeypatch.setattr("rucio_app.services.staging.MOST_AT_ONCE", 1)
    later, make_rules = [], RucioLake.make_rules

    def noted(self, *args, **parts):
        later.append(parts["asynchronous"])
        return make_rules(self, *args, **parts)

    monkeypatch.setattr(RucioLake, "make_rules", noted)
    first, second = unique("file"), unique("file")
    dataset = lake.dataset({first: b"x", second: b"y"})

    staging = stage(alice, dataset)
    worker.follow(staging, "COMPLETED")

    assert later == [True]
    assert lake.bytes_at("ESAP-COMPUTE", second) == b"y"


def test_one_did_that_is_gone_does_not_keep_the_others_from_being_staged(lake, alice, worker):
    names = [unique("file") for _ in range(9)]
    lake.files({name: name.encode() for name in names})
    staging = stage(alice, *names)
    gone = worker.parts(staging)[4]
    Job.objects.filter(pk=gone.pk).update(parameters={**gone.parameters, "name": "nothing"})

    worker.follow(staging, "ERROR")

    assert [part.phase for part in worker.parts(staging)].count("COMPLETED") == 8
    assert Job.objects.get(pk=gone.pk).problem["detail"] == (
        "The lake does not know this: Data identifier escape:nothing is not valid."
    )
    here = [name for name in names if name != names[4]]
    assert [lake.bytes_at("ESAP-COMPUTE", name) for name in here] == [n.encode() for n in here]


def test_rules_that_are_there_are_found_among_many(lake, alice, worker):
    names = [unique("file") for _ in range(12)]
    lake.files(dict.fromkeys(names, b"x"))
    first = stage(alice, *names[3:7])
    worker.follow(first, "COMPLETED")

    second = stage(alice, *names)
    worker.follow(second, "COMPLETED")

    there = [part.remote_id for part in worker.parts(first)]
    assert [part.remote_id for part in worker.parts(second)][3:7] == there
    assert [len(lake.rules(name, account="alice")) for name in names] == [1] * 12
