"""A copy of all that is kept of a user."""

import json
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.api_tokens import services
from accounts.credentials import Credential
from accounts.data.export import document
from accounts.models import Basket, BasketItem, Grant, PeerToken
from esap.jobs import services as jobs
from esap.jobs.models import Job
from esap.webhooks import services as webhooks
from esap.webhooks.models import Delivery

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]

EXPORT = "/esap-api/accounts/export/"


def iso(time):
    return time.isoformat().replace("+00:00", "Z")


def taken(user):
    return json.loads(b"".join(document(user)))


def filled(basket, *texts):
    for position, text in enumerate(texts):
        BasketItem.objects.create(
            basket=basket, position=position, kind="row", digest="d", data=text
        )


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_copy_is_a_file_with_a_member_for_each_kind_of_data(ada, as_user, slash):
    answer = as_user(ada).get(f"/esap-api/accounts/export{slash}")

    copy = json.loads(answer.getvalue())
    answer.close()  # or a copy would still be under way
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="esap-account.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(copy) == [
        "exported",
        "profile",
        "grants",
        "api_tokens",
        "baskets",
        "jobs",
        "webhooks",
        "audit",
    ]
    assert [event["action"] for event in copy["audit"]] == ["account.exported"]


def test_the_profile_is_what_the_provider_told_and_what_follows(ada):
    ada.claimed_groups = ["/escape"]
    ada.full_name = "Ada Lovelace"

    assert taken(ada)["profile"] == {
        "user_name": "ada",
        "full_name": "Ada Lovelace",
        "email": "ada@example.org",
        "provider": "",
        "issuer": "https://login.example.org/",
        "subject": "ada-1",
        "groups": ["/escape"],
        "role": "user",
        "joined": iso(ada.date_joined),
        "last_login": None,
    }


def test_jobs_come_with_parameters_results_and_events(ada):
    job = jobs.begin("query.search", {"target": "M31"}, ada, run_id="mine")
    jobs.record_event(job, "rows", {"rows": [[1, None, "é"]]})
    jobs.complete(job, [jobs.Result("stars", "text/csv", "/results/stars.csv", 12)])

    (held,) = taken(ada)["jobs"]

    assert held["id"] == str(job.pk)
    assert held["parameters"] == {"target": "M31"}
    assert held["run_id"] == "mine"
    assert held["results"] == [
        {"name": "stars", "media_type": "text/csv", "link": "/results/stars.csv", "size": 12}
    ]
    assert [(event["name"], event["data"]) for event in held["events"]] == [
        ("phase", {"phase": "EXECUTING"}),
        ("rows", {"rows": [[1, None, "é"]]}),
        ("result", held["results"][0]),
        ("phase", {"phase": "COMPLETED"}),
    ]
    assert [sorted(event) for event in held["events"]] == [["data", "name", "time"]] * 4


def test_each_event_is_with_its_job(ada):
    made = [jobs.begin("query.search", {"n": n}, ada) for n in range(20)]
    for job in made:
        jobs.record_event(job, "message", {"of": str(job.pk)})

    held = taken(ada)["jobs"]

    assert {job["id"] for job in held} == {str(job.pk) for job in made}
    assert all(job["events"][1]["data"] == {"of": job["id"]} for job in held)


def test_a_job_without_events_is_there_and_takes_nobody_elses(ada):
    first, middle, last = (UUID(int=number) for number in (1, 2, 3))
    for pk in (first, middle, last):
        Job.objects.create(pk=pk, kind="query.search", owner=ada)
    for pk in (first, last):
        jobs.record_event(Job.objects.get(pk=pk), "message", {"of": str(pk)})

    held = {job["id"]: [event["data"] for event in job["events"]] for job in taken(ada)["jobs"]}

    assert held == {
        str(first): [{"of": str(first)}],
        str(middle): [],
        str(last): [{"of": str(last)}],
    }


def test_baskets_come_with_their_items_as_they_were_sent(ada):
    filled(Basket.objects.create(user=ada, name="b"), '{"z": 1, "a": 1.10}', '{"archive":"x"}')
    Basket.objects.create(user=ada, name="empty")

    raw = b"".join(document(ada))

    assert b'"data":{"z": 1, "a": 1.10}' in raw
    held = {basket["name"]: basket["items"] for basket in json.loads(raw)["baskets"]}
    assert [item["data"] for item in held["b"]] == [{"z": 1, "a": 1.1}, {"archive": "x"}]
    assert held["empty"] == []


def test_tokens_are_told_of_but_never_told(ada):
    token, text = services.make(ada, name="laptop", scopes=["read"])
    sealed = {"id_token": "sealed-id", "refresh_token": "sealed-refresh"}
    grant = Grant.objects.create(
        user=ada, kind="login", server="iam", session_key="the-session", **sealed
    )
    token_of_peer = {"audience": "rucio", "token": "sealed-token"}
    PeerToken.objects.create(grant=grant, expires=timezone.now(), **token_of_peer)

    raw = b"".join(document(ada)).decode()

    held = json.loads(raw)
    secrets = [text, token.digest, "the-session", "sealed-id", "sealed-refresh", "sealed-token"]
    assert [secret for secret in [*secrets, ada.password] if secret in raw] == []
    assert [kept["name"] for kept in held["api_tokens"]] == ["laptop"]
    assert [kept["tokens"][0]["audience"] for kept in held["grants"]] == ["rucio"]


def test_nothing_of_others_is_in_it(ada, bob):
    services.make(bob, name="bobs-token", scopes=["read"])
    jobs.begin("query.search", {"target": "bobs-target"}, bob)
    jobs.begin("query.search", {"target": "nobodys-target"})
    filled(Basket.objects.create(user=bob, name="bobs-basket"), "{}")
    filled(Basket.objects.create(visitor="digest", name="visitors-basket"), "{}")
    Grant.objects.create(user=bob, kind="login", server="bobs-server")

    raw = b"".join(document(ada)).decode()

    assert "bobs-" not in raw
    assert "nobodys-" not in raw
    assert "visitors-" not in raw


def test_a_copy_takes_as_many_statements_however_much_there_is(ada, django_assert_num_queries):
    for number in range(15):
        jobs.begin("query.search", {}, ada)
        services.make(ada, name="t", scopes=["read"])
        filled(Basket.objects.create(user=ada, name=f"b{number}"), "{}", "{}")
        Grant.objects.create(user=ada, kind="login", server="iam")

    with django_assert_num_queries(10):  # grants, their tokens, API tokens, baskets, items, ...
        b"".join(document(ada))


def test_a_copy_comes_in_chunks(ada):
    for _ in range(5):
        jobs.begin("query.search", {"text": "x" * 40_000}, ada)

    sizes = [len(chunk) for chunk in document(ada)]

    assert len(sizes) >= 3
    assert max(sizes) < 120_000


def rooms_data(user):
    return "ida", {"servers": [user.get_username()]}


def test_a_room_adds_what_it_keeps_by_a_setting(ada, settings):
    settings.ACCOUNT_DATA = [*settings.ACCOUNT_DATA, f"{__name__}.rooms_data"]

    assert taken(ada)["ida"] == {"servers": ["ada"]}


def test_a_source_that_fails_is_a_problem_and_no_broken_file(ada, as_user, settings):
    settings.ACCOUNT_DATA = ["esap.jobs.services.submit"]
    client = as_user(ada)
    client.raise_request_exception = False

    first, second = client.get(EXPORT), client.get(EXPORT)

    assert [answer.status_code for answer in (first, second)] == [500, 500]


def test_one_copy_is_made_at_a_time(ada, as_user):
    client = as_user(ada)
    first = client.get(EXPORT)

    meanwhile = client.get(EXPORT)

    assert (meanwhile.status_code, meanwhile.json()["slug"]) == (429, "too-many-requests")
    first.getvalue()
    again = client.get(EXPORT)
    again.close()
    assert again.status_code == 200


@pytest.mark.parametrize(
    "credential",
    [
        Credential("api-token", frozenset({"read", "write"}), uuid4()),
        Credential("display-token", frozenset({"read"})),
    ],
    ids=lambda credential: credential.kind,
)
def test_a_token_takes_no_copy(ada, as_user, credential):
    answer = as_user(ada, credential).get(EXPORT)

    assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")
    assert not ada.audit_events.exists()


def test_nobody_takes_a_copy_without_a_login():
    assert APIClient().get(EXPORT).status_code == 401


def test_webhooks_are_there_with_what_was_sent_and_without_their_secrets(ada, bob):
    webhook, secret = webhooks.create(ada, "https://a.example.org/hook", events=["phase"])
    webhooks.create(bob, "https://b.example.org/hook", events=["phase"])
    Delivery.objects.create(webhook=webhook, event=1, body='{"data": 1}')

    (held,) = taken(ada)["webhooks"]

    assert (held["id"], held["url"]) == (str(webhook.pk), "https://a.example.org/hook")
    assert [sent["body"] for sent in held["deliveries"]] == ['{"data": 1}']
    assert secret not in json.dumps(taken(ada))
    assert webhook.sealed_secret not in json.dumps(taken(ada))


def test_a_job_is_there_with_the_list_of_its_results(ada):
    table = jobs.Result("merged", "text/csv", "/results/merged", 12)
    jobs.complete(jobs.begin("query.search", {"ra": 1}, ada), [table])

    (held,) = taken(ada)["jobs"]

    assert held["parameters"] == {"ra": 1}
    assert held["results"] == [
        {"name": "merged", "media_type": "text/csv", "link": "/results/merged", "size": 12}
    ]
