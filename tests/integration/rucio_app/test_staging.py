"""Stagings in the real Rucio: bytes arrive, or it is told why they do not."""

import zlib

import pytest

from esap.jobs import services as jobs
from esap.jobs.models import Job
from tests.support.rucio import unique
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]


def stage(client, *names, **asked):
    body = {"dids": [{"scope": "escape", "name": name} for name in names], "facility": "cluster"}
    answer = client.post("stagings/", {**body, **asked})
    assert answer.status_code == 202, answer.content
    return answer.json()["id"]


def refusal(client, *names, **asked):
    body = {"dids": [{"scope": "escape", "name": name} for name in names], "facility": "cluster"}
    answer = client.post("stagings/", {**body, **asked})
    return answer.status_code, answer.json()["slug"], answer.json()["detail"]


def fates(client, staging):
    return client.get(f"stagings/{staging}/files/").json()["results"]


def test_what_was_staged_is_there_with_its_bytes_path_and_checksum(lake, alice, worker):
    file, data = unique("file"), b"light of a far galaxy"
    dataset = lake.dataset({file: data})

    staging = stage(alice, dataset)
    worker.follow(staging, "COMPLETED")

    (fate,) = fates(alice, staging)
    (told,) = fate["files"]
    (replica,) = told["replicas"]
    assert (fate["phase"], told["size"], told["adler32"]) == (
        "COMPLETED",
        len(data),
        f"{zlib.adler32(data):08x}",
    )
    assert (replica["rse"], replica["state"]) == ("ESAP-COMPUTE", "AVAILABLE")
    assert replica["path"].startswith("/mnt/lake/")
    assert replica["path"].endswith(file)
    assert lake.bytes_at("ESAP-COMPUTE", file) == data


def test_a_staging_tells_how_far_it_is_while_files_are_on_their_way(lake, alice, worker):
    dataset = lake.dataset({unique("file"): b"x", unique("file"): b"y"})
    with lake.held():
        staging = stage(alice, dataset)
        (part,) = worker.hand_over(staging)

        worker.look()

        part.refresh_from_db()
        assert (part.phase, part.progress_fraction) == ("EXECUTING", 0.0)
        assert part.progress_sentence == "0 of 2 files are there, 2 on their way"
        assert Job.objects.get(pk=staging).phase == "EXECUTING"
    worker.follow(staging, "COMPLETED")


def test_a_rule_is_made_for_each_did_by_its_user_with_a_lifetime_and_our_mark(lake, alice, worker):
    first, second = unique("file"), unique("file")
    lake.files({first: b"x", second: b"y"})

    staging = stage(alice, first, second, lifetime=7200, comment="for my paper")
    parts = worker.hand_over(staging)

    rules = [lake.rule(part.remote_id) for part in parts]
    assert [rule["name"] for rule in rules] == [first, second]
    assert {rule["account"] for rule in rules} == {"alice"}
    assert {rule["rse_expression"] for rule in rules} == {"ESAP-COMPUTE"}
    assert [rule["comments"] for rule in rules] == [f"ESAP {staging}: for my paper"] * 2
    assert all(rule["expires_at"] for rule in rules)


def test_a_stuck_staging_fails_with_the_storages_reason(lake, alice, worker):
    dataset = lake.dataset({unique("file"): b"x"})

    staging = stage(alice, dataset, facility="", rse_expression="BROKEN-SITE")
    job = worker.follow(staging, "ERROR")

    (part,) = worker.parts(staging)
    assert job.problem["slug"] == "parts-failed"
    assert part.problem["slug"] == "backend-failed"
    assert "Not a directory" in part.problem["detail"]
    assert part.problem["files"][0]["rse"] == "BROKEN-SITE"


def test_a_stuck_staging_is_waited_for_as_long_as_the_entry_says(lake, configured, alice, worker):
    configured(patience=3600)
    dataset = lake.dataset({unique("file"): b"x"})

    staging = stage(alice, dataset, facility="", rse_expression="BROKEN-SITE")
    (part,) = worker.hand_over(staging)
    lake.wait_for(part.remote_id, "STUCK")
    worker.look()

    part.refresh_from_db()
    assert (part.phase, part.progress_sentence) == (
        "EXECUTING",
        "0 of 1 files are there, 1 stuck",
    )
    assert "Not a directory" in part.waits_for


def test_the_parts_that_worked_are_kept_when_another_failed(lake, alice, worker):
    good, bad = unique("file"), unique("file")
    lake.files({good: b"x", bad: b"y"})
    staging = stage(alice, good, bad)
    _, second = worker.parts(staging)
    second.parameters["name"] = unique("nothing")
    second.save()

    job = worker.follow(staging, "ERROR")

    assert [fate["phase"] for fate in fates(alice, staging)] == ["COMPLETED", "ERROR"]
    assert (job.problem["failed"], job.problem["total"]) == (1, 2)
    assert lake.bytes_at("ESAP-COMPUTE", good) == b"x"


def test_a_retry_stages_only_what_failed(lake, alice, worker):
    good, bad = unique("file"), unique("file")
    lake.files({good: b"x", bad: b"y"})
    staging = stage(alice, good, bad)
    first, second = worker.parts(staging)
    Job.objects.filter(pk=second.pk).update(parameters={**second.parameters, "name": "nothing"})
    worker.follow(staging, "ERROR")
    Job.objects.filter(pk=second.pk).update(parameters=second.parameters)
    before = Job.objects.get(pk=first.pk)

    jobs.retry(Job.objects.get(pk=staging))
    worker.follow(staging, "COMPLETED")

    after = Job.objects.get(pk=first.pk)
    assert (after.round, after.remote_id) == (1, before.remote_id)
    assert Job.objects.get(pk=second.pk).round == 2
    assert lake.bytes_at("ESAP-COMPUTE", bad) == b"y"


def test_what_is_too_much_for_the_quota_is_refused_before_a_rule_is_made(lake, alice):
    file = unique("file")
    lake.files({file: b"x" * 2000})

    status, slug, detail = refusal(alice, file, facility="", rse_expression="SMALL-SITE")

    assert (status, slug) == (409, "over-quota")
    assert detail.startswith("These are 2000 bytes, of which 0 are at SMALL-SITE already")
    assert lake.rules(file, account="alice") == []
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ({"rse_expression": "country=ZZ", "facility": ""}, "invalid-request"),
        ({"rse_expression": "", "facility": ""}, "invalid-request"),
        ({"facility": "nowhere"}, "not-found"),
        ({"copies": 2}, "invalid-request"),
        ({"lifetime": 10**9}, "invalid-request"),
    ],
)
def test_what_can_never_be_done_is_refused_at_once(lake, alice, asked, slug):
    file = unique("file")
    lake.files({file: b"x"})

    assert refusal(alice, file, **asked)[1] == slug
    assert Job.objects.count() == 0


def test_dids_that_are_not_there_are_refused_at_once_and_named(lake, alice):
    there, one, other = unique("file"), unique("nothing"), unique("nothing")
    lake.files({there: b"x"})

    status, slug, detail = refusal(alice, there, one, other)

    assert (status, slug) == (404, "not-found")
    assert detail == (
        f"The lake does not know escape:{one}, escape:{other}. Leave out what is gone."
    )
    assert Job.objects.count() == 0


def test_the_same_staging_again_finds_the_rule_that_is_there(lake, alice, worker):
    file = unique("file")
    lake.files({file: b"x"})
    first = stage(alice, file)
    worker.follow(first, "COMPLETED")

    second = stage(alice, file)
    worker.follow(second, "COMPLETED")

    rules = [part.remote_id for staging in (first, second) for part in worker.parts(staging)]
    assert len(set(rules)) == 1
    assert len([r for r in lake.rules(file) if r["account"] == "alice"]) == 1


def test_a_part_that_is_handed_over_twice_has_one_rule(lake, alice, worker):
    file = unique("file")
    lake.files({file: b"x"})
    staging = stage(alice, file)
    (part,) = worker.hand_over(staging)
    # As a worker leaves it that was killed before it could write down the rule's id.
    Job.objects.filter(pk=part.pk).update(remote_id="", lease=None)

    (again,) = worker.hand_over(staging)

    assert again.remote_id == part.remote_id
    assert len(lake.rules(file, account="alice")) == 1


def test_an_aborted_staging_is_gone_at_once_and_can_be_asked_for_again(lake, alice, worker):
    file = unique("file")
    lake.files({file: b"x"})
    with lake.held():
        staging = stage(alice, file)
        (part,) = worker.hand_over(staging)
        jobs.abort(Job.objects.get(pk=staging))
        worker.look()
        _gone(lake, part.remote_id)

    again = stage(alice, file)
    worker.follow(again, "COMPLETED")

    assert lake.bytes_at("ESAP-COMPUTE", file) == b"x"


def test_to_abort_leaves_a_rule_alone_that_another_staging_has(lake, alice, worker):
    file = unique("file")
    lake.files({file: b"x"})
    worker.follow(stage(alice, file), "COMPLETED")
    second = stage(alice, file)
    (part,) = worker.hand_over(second)
    before = lake.rule(part.remote_id)["expires_at"]

    jobs.abort(Job.objects.get(pk=second))
    worker.look()

    assert lake.rule(part.remote_id)["expires_at"] == before


def test_to_abort_leaves_a_rule_alone_that_its_user_made_by_hand(lake, alice, worker):
    file = unique("file")
    lake.files({file: b"x"})
    with lake.held():
        rule = lake.put_rule(file, account="alice", rse="ESAP-COMPUTE")
        staging = stage(alice, file)
        (part,) = worker.hand_over(staging)
        assert part.remote_id == rule

        jobs.abort(Job.objects.get(pk=staging))
        worker.look()

    assert lake.rule(rule)["expires_at"] is None


def test_a_new_staging_of_what_is_stuck_since_an_earlier_one_begins_afresh(lake, alice, worker):
    dataset = lake.dataset({unique("file"): b"x"})
    broken = {"facility": "", "rse_expression": "BROKEN-SITE"}
    first = stage(alice, dataset, **broken)
    worker.follow(first, "ERROR")
    (stuck,) = worker.parts(first)

    second = stage(alice, dataset, **broken)
    (part,) = worker.hand_over(second)

    assert (part.phase, part.remote_id) == ("QUEUED", "")
    assert "gives up the attempt that was stuck" in part.waits_for
    _gone(lake, stuck.remote_id)
    (part,) = worker.hand_over(second)
    assert part.remote_id not in {"", stuck.remote_id}


def test_what_was_staged_can_be_kept_longer(lake, alice, worker):
    file = unique("file")
    lake.files({file: b"x"})
    staging = stage(alice, file, lifetime=120)
    (part,) = worker.hand_over(staging)
    before = lake.rule(part.remote_id)["expires_at"]

    answer = alice.post(f"stagings/{staging}/extend/", {"lifetime": 86_400}).json()

    assert [(each["extended"], each["detail"]) for each in answer["results"]] == [(True, "")]
    assert lake.rule(part.remote_id)["expires_at"] != before


def test_two_users_do_not_see_each_others_stagings(lake, alice, bob, worker):
    file = unique("file")
    lake.files({file: b"x"})
    staging = stage(alice, file)

    assert bob.get("stagings/").json()["results"] == []
    assert [
        bob.get(f"stagings/{staging}/").status_code,
        bob.get(f"stagings/{staging}/files/").status_code,
        bob.post(f"stagings/{staging}/extend/", {"lifetime": 600}).status_code,
    ] == [404, 404, 404]
    assert [job["id"] for job in alice.get("stagings/").json()["results"]] == [staging]


def test_the_dids_of_a_basket_are_staged(lake, alice, worker):
    names = [unique("file") for _ in range(3)]
    lake.files({name: name.encode() for name in names})
    items = [
        {"kind": "did", "did": f"escape:{names[0]}"},
        {"kind": "did", "scope": "escape", "name": names[1]},
        {"archive": "esap_rucio", "record": {"scope": "escape", "name": names[2]}},
        {"archive": "stars", "record": {"ra": 1.0}},
    ]
    alice.browser.gateway.post(
        "/esap-api/accounts/baskets/",
        {"name": "paper", "items": items},
        content_type="application/json",
    )

    staging = alice.post("stagings/", {"basket": "paper", "facility": "cluster"}).json()["id"]
    worker.follow(staging, "COMPLETED")

    assert [lake.bytes_at("ESAP-COMPUTE", name) for name in names] == [
        name.encode() for name in names
    ]
    assert len(worker.parts(staging)) == 3


def test_a_basket_without_dids_is_nothing_to_stage(alice):
    answer = alice.post("stagings/", {"basket": "default", "facility": "cluster"})

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")


def test_the_same_request_under_the_same_key_is_one_staging(lake, alice):
    file = unique("file")
    lake.files({file: b"x"})
    body = {"dids": [{"scope": "escape", "name": file}], "facility": "cluster"}

    first = alice.post("stagings/", body, **{"idempotency-key": '"one"'}).json()["id"]
    second = alice.post("stagings/", body, **{"idempotency-key": '"one"'}).json()["id"]

    assert first == second


def test_a_part_is_not_to_be_had_without_its_checks(alice):
    answer = alice.browser.gateway.post(
        "/esap-api/jobs/",
        {
            "kind": "rucio.staging",
            "peer": "lake",
            "parameters": {
                "scope": "escape",
                "name": "x",
                "account": "bob",
                "rse_expression": "*",
                "lifetime": 10**9,
            },
        },
        content_type="application/json",
        headers={"accept": "application/json"},
    )

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert Job.objects.count() == 0


def _gone(lake, rule_id):
    assert wait_for(lambda: lake.status(f"/rules/{rule_id}") == 404, 30), "the rule is still there"
