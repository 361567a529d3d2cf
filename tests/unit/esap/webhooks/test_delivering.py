"""What happens to jobs is sent to webhooks: signed, at least once each, for up to a day."""

import base64
import hashlib
import hmac
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from esap.jobs import services as jobs
from esap.jobs.kinds import JobKind
from esap.jobs.models import Job
from esap.outbox import pause_after
from esap.webhooks import delivering, services
from esap.webhooks.collecting import collect
from esap.webhooks.delivering import deliver_due, forget
from esap.webhooks.models import Delivery, Webhook
from esap.webhooks.signing import signature_headers
from esap.webhooks.tasks import send
from tests.support.fakes.http import FakePeer, answer

pytestmark = pytest.mark.django_db


def test_the_owner_is_told_of_the_jobs_phases(ada, webhook, receiver):
    job = jobs.begin("query.search", {}, ada)
    jobs.abort(job)

    send()

    about = {"job": str(job.pk), "kind": "query.search", "parent": None}
    times = [event.time.isoformat().replace("+00:00", "Z") for event in job.events.all()]
    assert sorted(receiver.told, key=lambda told: told["timestamp"]) == [
        {
            "type": "job.phase",
            "timestamp": when,
            "data": {**about, "data": {"phase": phase}},
        }
        for when, phase in zip(times, ["EXECUTING", "ABORTED"], strict=True)
    ]


def test_the_receiver_can_prove_who_sent_it_and_when(ada, webhook, receiver):
    jobs.begin("query.search", {}, ada)

    send()

    (heard,) = receiver.peer.heard
    headers = {name.lower(): value for name, value in heard.headers.items()}
    delivery = Delivery.objects.get()
    assert headers["webhook-id"] == f"msg_{delivery.pk.hex}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + heard.body
    digest = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert headers["content-type"] == "application/json"
    assert (heard.method, heard.target) == ("POST", "/hook")


def test_a_signature_is_that_of_the_standard():
    """By hand: printf '%s' msg_1.1700000000.{} | openssl dgst -sha256 -mac HMAC."""
    headers = signature_headers(
        "whsec_" + base64.b64encode(b"k" * 24).decode(), message="msg_1", seconds=7, body=b"{}"
    )

    digest = hmac.digest(b"k" * 24, b"msg_1.7.{}", "sha256")
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_what_was_told_is_not_told_again(ada, webhook, receiver):
    jobs.begin("query.search", {}, ada)

    send()
    send()

    assert len(receiver.told) == 1


def test_others_jobs_are_not_told(webhook, receiver, django_user_model):
    jobs.begin("query.search", {}, django_user_model.objects.create_user("bob"))
    jobs.begin("query.search", {})

    send()

    assert receiver.told == []


def test_what_happened_before_is_not_told(ada, receiver):
    jobs.begin("query.search", {}, ada)
    services.create(ada, receiver.url, events=["phase"])

    send()

    assert receiver.told == []


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"events": ["ABORTED"]}, [("phase", "ABORTED")]),
        ({"events": ["progress"]}, [("progress", None)]),
        ({"events": ["phase"], "kinds": ["test.other"]}, []),
        ({"events": ["COMPLETED", "problem"]}, []),
    ],
)
def test_only_what_was_asked_for_is_told(ada, receiver, settings, wanted, told):
    settings.JOB_KINDS = ["tests.unit.esap.webhooks.test_delivering.KINDS"]
    services.create(ada, receiver.url, **wanted)
    job = jobs.begin("query.search", {}, ada)
    jobs.progress(job, 0.5)
    jobs.abort(job)

    send()

    assert [
        (one["type"].removeprefix("job."), one["data"]["data"].get("phase"))
        for one in receiver.told
    ] == told


KINDS = {name: JobKind(name, lambda _job: None) for name in ("test.other", "query.search")}


@pytest.mark.parametrize(("parts", "count"), [(False, 1), (True, 2)])
def test_parts_are_told_only_if_asked_for(ada, receiver, parts, count):
    services.create(ada, receiver.url, events=["phase"], parts=parts)
    whole = Job.objects.create(kind="test.work", owner=ada)
    part = Job.objects.create(kind="test.work", owner=ada, parent=whole)
    for job in (whole, part):
        job.events.create(name="phase", data={"phase": "QUEUED"})

    send()

    assert len(receiver.told) == count


def test_what_is_not_taken_is_sent_again_with_the_same_id(ada, webhook, receiver, later):
    receiver.status = 503
    jobs.begin("query.search", {}, ada)
    send()
    later(minutes=1)
    receiver.status = 200

    send()

    delivery = Delivery.objects.get()
    assert [tried["status"] for tried in delivery.attempts] == [503, 200]
    assert (delivery.due, delivery.delivered is None) == (None, False)
    ids = {heard.headers["webhook-id"] for heard in receiver.peer.heard}
    assert (len(receiver.peer.heard), len(ids)) == (2, 1)
    webhook.refresh_from_db()
    assert webhook.failing_since is None


def test_before_its_time_nothing_is_sent_again(ada, webhook, receiver):
    receiver.status = 500
    jobs.begin("query.search", {}, ada)

    send()
    send()

    assert len(receiver.told) == 1
    webhook.refresh_from_db()
    assert webhook.failing_since is not None


def test_pauses_grow_up_to_six_hours_and_are_never_quite_the_same():
    pauses = [pause_after(tries).total_seconds() for tries in range(1, 12)]

    expected = [10.0 * 4**n for n in range(6)] + [21_600.0] * 5
    assert all(
        0.8 * most <= pause <= 1.2 * most for pause, most in zip(pauses, expected, strict=True)
    )
    assert len({pause_after(1) for _ in range(20)}) > 1


def test_after_a_day_of_failures_it_is_disabled_and_the_owner_sees_why(
    ada, webhook, receiver, later
):
    receiver.status = 500
    jobs.begin("query.search", {}, ada)
    send()
    later(hours=23, minutes=59, seconds=45)

    send()

    webhook.refresh_from_db()
    assert webhook.disabled_because == "Nothing could be delivered for a day."
    assert Delivery.objects.get().due is None
    jobs.begin("query.search", {}, ada)
    send()
    assert len(receiver.told) == 2


def test_one_message_that_is_never_taken_does_not_disable_what_takes_others(
    ada, webhook, receiver, later
):
    receiver.status = 500
    jobs.begin("query.search", {}, ada)
    send()
    Webhook.objects.update(failing_since=None)  # another was taken
    later(hours=23, minutes=59, seconds=45)

    send()

    webhook.refresh_from_db()
    assert (webhook.disabled, Delivery.objects.get().due) == (None, None)


def test_a_receiver_that_says_it_is_gone_is_told_nothing_more(ada, webhook, receiver):
    receiver.status = 410
    jobs.begin("query.search", {}, ada)

    send()

    webhook.refresh_from_db()
    assert webhook.disabled_because == "It answered 410: nobody is there any more."
    assert Delivery.objects.get().due is None


def test_a_redirect_is_not_followed(ada, webhook, receiver):
    with FakePeer(answer(b"")) as elsewhere:
        receiver.status, receiver.headers = 307, f"Location: {elsewhere.url}\r\n"
        jobs.begin("query.search", {}, ada)

        send()

        assert elsewhere.heard == []
    (tried,) = Delivery.objects.get().attempts
    assert tried["status"] == 307
    assert "redirects" in tried["error"]


def test_a_private_address_is_not_asked(ada, webhook, receiver, settings):
    settings.WEBHOOKS_PRIVATE_NETWORK = False
    jobs.begin("query.search", {}, ada)

    send()

    assert receiver.peer.connections == 0
    (tried,) = Delivery.objects.get().attempts
    assert tried["status"] is None
    assert "127.0.0.1" in tried["error"]


def test_a_receiver_that_hangs_is_given_up_in_time(ada, webhook, monkeypatch, settings):
    monkeypatch.setattr(delivering, "TIMEOUT_SECONDS", 0.3)

    def silent(_heard):
        yield 30.0

    with FakePeer(silent) as peer:
        Webhook.objects.update(url=peer.url)
        jobs.begin("query.search", {}, ada)
        send()

    (tried,) = Delivery.objects.get().attempts
    assert tried["status"] is None
    assert tried["seconds"] < 5


def test_two_passes_do_not_send_the_same(ada, webhook, receiver, monkeypatch):
    jobs.begin("query.search", {}, ada)
    collect()
    attempt = delivering._attempt

    def while_another_passes(delivery):
        return attempt(delivery)

    taken = delivering._claimed()
    assert deliver_due() == 0
    assert len(taken) == 1
    assert receiver.told == []
    assert while_another_passes(taken[0]).is_taken


def test_what_a_pass_that_died_had_taken_is_sent_by_a_later_one(ada, webhook, receiver):
    jobs.begin("query.search", {}, ada)
    collect()
    delivering._claimed()
    Delivery.objects.update(due=timezone.now())

    assert deliver_due() == 1


def test_one_webhook_does_not_keep_the_others_waiting(ada, webhook, receiver, monkeypatch):
    monkeypatch.setattr(delivering, "MOST_A_WEBHOOK", 2)
    other, _ = services.create(ada, receiver.url, events=["ABORTED"])
    job = jobs.begin("query.search", {}, ada)
    for _ in range(3):
        jobs.begin("query.search", {}, ada)
    jobs.abort(job)
    collect()

    deliver_due()

    done = Delivery.objects.filter(due=None)
    assert done.filter(webhook=webhook).count() == 2
    assert done.filter(webhook=other).count() == 1


def test_when_much_waits_further_events_wait_in_the_table(ada, webhook, receiver, monkeypatch):
    monkeypatch.setattr("esap.webhooks.collecting.MOST_WAITING", 1)
    jobs.begin("query.search", {}, ada)
    collect()
    jobs.begin("query.search", {}, ada)
    assert collect() == 0

    deliver_due()

    assert collect() == 1


def test_the_log_is_forgotten_with_the_jobs(ada, webhook, receiver, settings, later):
    jobs.begin("query.search", {}, ada)
    send()
    later(days=settings.JOB_DAYS + 1)

    forget()

    assert Delivery.objects.count() == 0


def test_a_new_secret_signs_from_now_on(ada, webhook, receiver):
    secret = services.new_secret_for(webhook)
    jobs.begin("query.search", {}, ada)

    send()

    (heard,) = receiver.peer.heard
    expected = signature_headers(
        secret,
        message=heard.headers["webhook-id"],
        seconds=int(heard.headers["webhook-timestamp"]),
        body=heard.body,
    )
    assert heard.headers["webhook-signature"] == expected["webhook-signature"]
    assert secret not in Webhook.objects.get().sealed_secret


def test_what_happens_while_it_is_disabled_is_not_told(ada, webhook, receiver):
    webhook = services.change(webhook, disabled=True)
    jobs.begin("query.search", {}, ada)
    send()
    services.change(webhook, disabled=False)
    job = jobs.begin("query.search", {}, ada)

    send()

    assert [told["data"]["job"] for told in receiver.told] == [str(job.pk)]
    assert timezone.now() - Webhook.objects.get().created < timedelta(minutes=5)
