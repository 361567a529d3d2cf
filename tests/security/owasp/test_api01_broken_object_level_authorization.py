"""API1:2023 Broken Object Level Authorization: what is one user's is nobody else's, by any id."""

from dataclasses import replace

import pytest

from accounts.models import Grant
from esap.events.reading import JobsOf, Reader
from esap.jobs.models import Job
from esap.webhooks import services as webhooks
from esap.webhooks.collecting import collect
from tests.security.callers import Caller, verdict
from tests.security.holdings import HOOK, NOTE, OWNED, below_of, by_jobs, by_uws, owned
from tests.security.routes import operations, reads
from tests.support.database import everything

pytestmark = pytest.mark.django_db

NO_SUCH_ID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
# What is asked of a data lake, in the caller's own name: the lake knows whose its rules are.
LAKES = {each.path for each in operations() if "/rucio/lakes/{lake}/" in each.path}
# Whose ids are those of entries. Each caller has a standing of their own with a connection.
OF_ENTRIES = {
    "/esap-api/{room}/",
    "/esap-api/accounts/connections/{connection}/",
    "/esap-api/accounts/connections/{connection}/connect/",
    "/esap-api/query/archives-uri/{id}/",
    "/esap-api/query/archives/{id}/",
    "/esap-api/query/catalogs/{id}/",
    "/esap-api/query/cone/{id}/",
    "/esap-api/query/datasets-uri/{id}/",
    "/esap-api/query/datasets/{id}/",
    "/esap-api/query/parameter-mapping/{id}/",
    *LAKES,
}
# Where nobody gets further without a login, so that ids do not matter.
FOR_USERS = (
    "/esap-api/accounts/api-tokens/",
    "/esap-api/accounts/user-profiles/",
    "/esap-api/jobs/webhooks/",
    "/esap-api/rucio/stagings/",
)
# Where a gateway without an events process has nothing for the owner either.
ELSEWHERE = {path for path in OWNED if path.endswith("/events/")}
BODIES = {
    ("PUT", "/esap-api/accounts/baskets/{name}/"): {"items": []},
    ("PATCH", "/esap-api/accounts/baskets/{name}/"): {"name": "stolen"},
    ("PATCH", "/esap-api/accounts/user-profiles/{user_name}/"): {"shopping_cart": []},
    ("PATCH", "/esap-api/jobs/{job_id}/"): {"run_id": "stolen"},
    ("PATCH", "/esap-api/jobs/webhooks/{webhook_id}/"): {"events": ["problem"]},
    ("POST", "/esap-api/rucio/stagings/{staging_id}/extend/"): {"lifetime": 86_400},
    ("POST", "/esap-api/uws/jobs/{job_id}/"): {"ACTION": "DELETE"},
    ("POST", "/esap-api/uws/jobs/{job_id}/destruction/"): {"DESTRUCTION": "2999-01-01T00:00:00Z"},
    ("POST", "/esap-api/uws/jobs/{job_id}/executionduration/"): {"EXECUTIONDURATION": "60"},
    ("POST", "/esap-api/uws/jobs/{job_id}/parameters/"): {"dec": "2"},
    ("POST", "/esap-api/uws/jobs/{job_id}/parameters/{name}/"): {"VALUE": "2"},
    ("PUT", "/esap-api/uws/jobs/{job_id}/parameters/{name}/"): {"VALUE": "2"},
    ("POST", "/esap-api/uws/jobs/{job_id}/phase/"): {"PHASE": "ABORT"},
}
# Lists in which ada's own things are.
TELL_THE_OWNER = {
    "/esap-api/accounts/api-tokens/",
    "/esap-api/accounts/audit/",
    "/esap-api/accounts/baskets/",
    "/esap-api/accounts/export/",
    "/esap-api/jobs/",
    "/esap-api/jobs/webhooks/",
    "/esap-api/query/searches/",
    "/esap-api/rucio/stagings/",
    "/esap-api/uws/jobs/",
}
LISTS = reads(with_id=False)
OWN = [each for each in operations() if owned(each)]
# What the document has once, and TAP clients find at another address.
OWN += [replace(each, path=by_uws(each.path)) for each in OWN if by_uws(each.path) != each.path]
CONE = {"ra": 56.75, "dec": 24.12, "fov": 1}
SHARED = [
    "/esap-api/jobs/{}/",
    "/esap-api/jobs/{}/results/",
    "/esap-api/jobs/{}/results/merged/",
    "/esap-api/query/searches/{}/provenance/",
    "/esap-api/query/searches/{}/results/",
    "/esap-api/query/searches/{}/results/merged/",
]


def test_every_id_in_an_address_is_an_owners_or_an_entrys():
    with_id = {each.path for each in operations() if each.has_id}

    assert with_id == OWNED.keys() | OF_ENTRIES


@pytest.mark.parametrize("asked", OWN, ids=str)
def test_others_find_nothing_at_an_owners_address(asked, adas, bob, nobody):
    visitor = Caller()
    visitor.post("/esap-api/accounts/basket/items/", {"archive": "stars", "record": {}})
    body = BODIES.get((asked.method, by_jobs(asked.path)))
    adas_id = adas.id_for(asked)
    before = everything()

    for caller in (bob, nobody, visitor):
        denied, unknown = (
            caller.ask(asked.method, asked.at(some_id, below_of(asked)), body, if_match="*")
            for some_id in (adas_id, NO_SUCH_ID)
        )
        is_closed = caller is not bob and asked.path.startswith(FOR_USERS)
        assert verdict(denied) == ((401, "login-required") if is_closed else (404, "not-found"))
        assert denied.content.decode().replace(adas_id, NO_SUCH_ID) == unknown.content.decode()
    assert everything() == before


@pytest.mark.parametrize("asked", OWN, ids=str)
def test_the_owner_finds_it_there(asked, adas, ada):
    body = BODIES.get((asked.method, by_jobs(asked.path)))

    answer = ada.ask(asked.method, adas.address(asked), body, if_match="*")

    found = {200, 201, 202, 204, 303}
    assert answer.status_code in ({404} if asked.path in ELSEWHERE else found), answer.content


@pytest.mark.parametrize("path", sorted(ELSEWHERE))
def test_the_events_process_tells_the_owner_only(path, adas, ada, bob, settings):
    settings.ROOT_URLCONF = "esap.events.urls"
    address = path.format(id=adas.job, job_id=adas.job)

    verdicts = [verdict(caller.get(address)) for caller in (ada, bob, Caller())]

    assert verdicts == [(200, ""), (404, "not-found"), (404, "not-found")]


def test_others_see_it_in_no_list(adas, ada, bob, nobody):
    def told(caller):
        answers = {each.path: caller.text(each.path) for each in LISTS}
        return {path for path, text in answers.items() if any(one in text for one in adas.ids)}

    assert told(bob) == told(nobody) == set()
    assert told(ada) == TELL_THE_OWNER


def test_a_token_reads_what_is_its_users_only(adas, bob):
    bobs = bob.make_token("read", "write")
    bobs.get("/esap-api/accounts/whoami/")  # its first use is written down
    before = everything()

    answers = [bobs.ask("DELETE", f"/esap-api/jobs/{adas.job}/"), bobs.get("/esap-api/jobs/")]

    assert verdict(answers[0]) == (404, "not-found")
    assert answers[1].json()["results"] == []
    assert everything() == before


def test_a_connection_is_each_users_own(adas, bob, nobody):
    address = "/esap-api/accounts/connections/hub/"
    before = everything()

    seen = bob.get(address).json()

    assert (seen["connected"], seen["subject"]) == (False, "")
    assert verdict(bob.ask("DELETE", address)) == (403, "not-connected")
    assert verdict(nobody.ask("DELETE", address)) == (401, "login-required")
    assert everything() == before
    assert Grant.objects.get(kind=Grant.Kind.CONNECTION).subject == "ada"


def test_a_job_is_not_made_anothers_by_its_maker(ada, bob):
    question = {"ra": 1, "dec": 1, "fov": 1}
    for owner in (bob.user.pk, bob.user.username):
        answer = ada.post(
            "/esap-api/query/searches/", {**question, "owner": owner}, prefer="respond-async"
        )
        assert verdict(answer) == (400, "invalid-request")

    assert not Job.objects.exists()


def test_filters_of_lists_find_no_jobs_of_others(adas, bob):
    Job.objects.filter(pk=adas.done).update(parent=adas.failed)

    found = [
        bob.get(f"/esap-api/{query}").json()["results"]
        for query in (
            f"jobs/?parent={adas.failed}",
            "jobs/?parts=true&phase=COMPLETED",
            "query/searches/?text=56.75",
            "uws/jobs/?PHASE=PENDING",
        )
    ]

    assert found == [[], [], [], []]


def test_jobs_of_others_do_not_count_as_ones_own(adas, ada, bob):
    running = [
        {
            one["what"]: one["running"]
            for one in caller.get("/esap-api/jobs/usage/").json()["results"]
        }
        for caller in (ada, bob)
    ]

    assert [one["jobs"] for one in running] == [2, 0]


@pytest.mark.parametrize("address", SHARED)
def test_a_shared_link_reads_one_job_and_no_other(address, adas, ada, bob, nobody):
    token = ada.post(f"/esap-api/jobs/{adas.done}/share/").json()["token"]
    bobs_job = bob.post("/esap-api/query/searches/", CONE, prefer="respond-async").json()["id"]

    def verdicts(job_id, token):
        path = f"{address.format(job_id)}?share={token}"
        return [verdict(caller.get(path)) for caller in (bob, nobody)]

    assert verdicts(adas.done, token) == [(200, "")] * 2
    assert verdicts(adas.failed, token) == [(404, "not-found")] * 2
    assert verdict(nobody.get(f"{address.format(bobs_job)}?share={token}")) == (404, "not-found")
    assert verdicts(adas.done, token[:-1]) == [(404, "not-found")] * 2
    ada.ask("DELETE", f"/esap-api/jobs/{adas.done}/share/")
    assert verdicts(adas.done, token) == [(404, "not-found")] * 2


@pytest.mark.parametrize("asked", [each for each in OWN if each.method != "GET"], ids=str)
def test_a_shared_link_changes_nothing(asked, adas, ada, bob, nobody):
    token = ada.post(f"/esap-api/jobs/{adas.job}/share/").json()["token"]
    Job.objects.update(share=Job.objects.get(pk=adas.job).share)  # as if it were of all of them
    body = BODIES.get((asked.method, by_jobs(asked.path)))
    before = everything()

    for caller in (bob, nobody):
        answer = caller.ask(
            asked.method, f"{adas.address(asked)}?share={token}", body, if_match="*"
        )
        assert answer.status_code in {401, 404}
    assert everything() == before


def test_a_shared_link_shows_neither_webhooks_nor_other_jobs(adas, ada, nobody):
    token = ada.post(f"/esap-api/jobs/{adas.done}/share/").json()["token"]

    told = {each.path: nobody.text(f"{each.path}?share={token}") for each in LISTS}

    assert {path for path, text in told.items() if any(one in text for one in adas.ids)} == set()


def test_the_stream_of_all_jobs_is_of_ones_own(adas, ada, bob):
    theirs = [Reader()({JobsOf(caller.user.pk): 0}).events for caller in (ada, bob)]

    heard = "".join(told.data for told in theirs[0])
    assert all(job in heard for job in (adas.job, adas.done, adas.failed))
    assert theirs[1] == []


def test_the_stream_of_all_jobs_is_for_users(nobody, settings):
    settings.ROOT_URLCONF = "esap.events.urls"

    assert verdict(nobody.get("/esap-api/jobs/events/?last_event_id=0"))[0] == 401


def test_a_webhook_is_told_of_its_owners_jobs_only(adas, ada, bob):
    bobs, _ = webhooks.create(bob.user, "https://hooks.example.org/bobs", events=["phase"])

    ada.post(f"/esap-api/jobs/{adas.job}/cancel/")
    collect()

    deliveries = "/esap-api/jobs/webhooks/{}/deliveries/"
    assert bob.get(deliveries.format(bobs.pk)).json()["results"] == []
    told = [one["body"] for one in ada.get(deliveries.format(adas.webhook)).json()["results"]]
    assert any(adas.job in body and "ABORTED" in body for body in told)


def test_the_key_of_another_makes_a_job_of_ones_own(ada, bob):
    made = [
        caller.post(
            "/esap-api/query/searches/", CONE, prefer="respond-async", idempotency_key='"the-key"'
        ).json()["id"]
        for caller in (ada, bob, ada)
    ]

    assert made[0] == made[2] != made[1]
    assert Job.objects.get(pk=made[1]).owner == bob.user


def test_what_is_kept_of_a_deleted_job_is_nobodys(adas, ada, bob):
    path = f"/esap-api/jobs/{adas.done}/results/merged/"
    assert NOTE in ada.text(path)

    assert ada.ask("DELETE", f"/esap-api/jobs/{adas.done}/").status_code == 204

    assert [verdict(caller.get(path)) for caller in (ada, bob)] == [(404, "not-found")] * 2


def test_a_webhook_of_another_is_seen_in_no_answer(adas, bob):
    assert HOOK not in bob.get("/esap-api/jobs/webhooks/").content.decode()
    assert HOOK not in bob.text("/esap-api/accounts/export/")
