"""The same request, sent again, finds the job that it made."""

import pytest

from esap.errors import InvalidRequest, KeyReused, TooManyRequests
from esap.jobs import services
from esap.jobs.idempotency import same_request
from esap.jobs.models import IdempotencyKey, Job
from esap.jobs.services import Part
from tests.unit.esap.jobs import kinds

pytestmark = pytest.mark.django_db


def mark(key='"k-1"', caller="user 1", asked=None):
    return same_request(key, caller=caller, asked=asked or {"path": "/jobs", "body": {"rows": 1}})


def test_the_same_key_gives_the_same_job(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        first = services.submit("test.work", {}, mark=mark())
        again = services.submit("test.work", {}, mark=mark())

    assert again == first
    assert Job.objects.count() == 1
    assert kinds.calls == [str(first.pk)]


def test_without_a_key_each_request_makes_a_job():
    assert mark(key=None) is None

    services.submit("test.work", {}, mark=None)
    services.submit("test.work", {}, mark=None)

    assert Job.objects.count() == 2


def test_another_body_under_the_same_key_is_refused():
    first = services.submit("test.work", {}, mark=mark())

    with pytest.raises(KeyReused, match="'k-1'") as refusal:
        services.submit("test.work", {}, mark=mark(asked={"path": "/jobs", "body": {"rows": 2}}))

    assert refusal.value.status == 422
    assert refusal.value.extensions == {"job": str(first.pk)}
    assert Job.objects.count() == 1


def test_bodies_that_say_the_same_are_the_same():
    services.submit("test.work", {}, mark=mark(asked={"a": 1, "b": [1, 2]}))
    services.submit("test.work", {}, mark=mark(asked={"b": [1, 2], "a": 1}))

    assert Job.objects.count() == 1


def test_two_callers_may_choose_equal_keys():
    services.submit("test.work", {}, mark=mark(caller="user 1"))
    services.submit("test.work", {}, mark=mark(caller="user 2"))

    assert Job.objects.count() == 2


def test_a_request_that_was_refused_may_come_again_under_its_key(ada, settings):
    settings.JOBS_IN_FLIGHT = 1
    running = services.submit("test.work", {}, ada)
    with pytest.raises(TooManyRequests):
        services.submit("test.work", {}, ada, mark=mark())
    assert not IdempotencyKey.objects.exists()
    services.abort(running)

    assert services.submit("test.work", {}, ada, mark=mark()).phase == "QUEUED"


def test_who_repeats_a_request_is_not_refused_for_having_made_it(ada, settings):
    settings.JOBS_IN_FLIGHT = 1

    first = services.submit("test.work", {}, ada, mark=mark())

    assert services.submit("test.work", {}, ada, mark=mark()) == first


def test_a_job_of_parts_is_made_once_as_well():
    parts = [Part(kind="test.work", parameters={})] * 2

    first = services.submit_parts("test.parts", {}, parts, mark=mark())
    again = services.submit_parts("test.parts", {}, parts, mark=mark())

    assert again == first
    assert Job.objects.count() == 3


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("bare-key", "bare-key"),
        (r' "a \"quoted\" \\ one" ', r'a "quoted" \ one'),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_key_is_read_as_the_standard_writes_it(header, key):
    assert mark(header).key == key


@pytest.mark.parametrize("header", ["", '""', '"open', '"a"b"', "x" * 256, "ключ", "tab\there"])
def test_a_header_that_is_no_key_is_refused(header):
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        mark(header)
