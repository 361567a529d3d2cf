"""A peer that keeps failing is left alone for a while."""

import threading
from contextlib import suppress

import pytest

from esap.backends.breaker import Breaker
from esap.errors import BackendUnavailable


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker("astron_vo", "ASTRON VO", clock=clock)


def fail(breaker, times=5):
    for _ in range(times):
        breaker.failed("ASTRON VO answered 500.")


def test_it_opens_after_five_failures_in_a_row(breaker):
    fail(breaker, 4)
    assert breaker.state == "closed"

    fail(breaker, 1)

    assert breaker.state == "open"


def test_a_success_in_between_starts_the_count_anew(breaker):
    fail(breaker, 4)
    breaker.succeeded()
    fail(breaker, 4)

    assert breaker.state == "closed"
    assert breaker.admit() is False


def test_while_open_it_says_why_and_until_when(breaker, clock):
    fail(breaker)
    clock.now += 12.5

    with pytest.raises(BackendUnavailable) as refusal:
        breaker.admit()

    assert refusal.value.detail == (
        "ASTRON VO is not asked just now, because its last 5 calls failed. "
        "It is tried again in 18 s. Its last error: ASTRON VO answered 500."
    )
    assert refusal.value.extensions == {"peer": "astron_vo", "retry_after": 18}
    assert breaker.retry_after == 17.5


def test_after_the_pause_one_call_tries(breaker, clock):
    fail(breaker)
    clock.now += 30
    assert breaker.state == "half-open"

    assert breaker.admit() is True

    with pytest.raises(BackendUnavailable):
        breaker.admit()


def test_a_successful_trial_closes_it(breaker, clock):
    fail(breaker)
    clock.now += 30
    breaker.admit()

    breaker.succeeded()

    assert breaker.state == "closed"
    assert breaker.admit() is False


def test_a_failed_trial_opens_it_again_at_once(breaker, clock):
    fail(breaker)
    clock.now += 30
    breaker.admit()

    breaker.failed("ASTRON VO cannot be reached.")

    assert breaker.state == "open"
    assert breaker.retry_after == 30
    assert breaker.last_error == "ASTRON VO cannot be reached."


def test_an_abandoned_trial_leaves_room_for_the_next(breaker, clock):
    fail(breaker)
    clock.now += 30

    breaker.abandoned(trial=breaker.admit())

    assert breaker.admit() is True


def test_an_abandoned_call_that_was_no_trial_changes_nothing(breaker):
    fail(breaker)

    breaker.abandoned(trial=False)

    assert breaker.state == "open"


def test_a_trial_whose_end_is_never_told_is_followed_by_another(breaker, clock):
    fail(breaker)
    clock.now += 30
    breaker.admit()

    clock.now += 30

    assert breaker.admit() is True


def test_the_last_error_is_remembered_when_the_peer_is_well_again(breaker):
    assert breaker.last_error_at is None

    fail(breaker, 1)
    breaker.succeeded()

    assert breaker.last_error == "ASTRON VO answered 500."
    assert breaker.last_error_at is not None
    assert breaker.last_error_at.utcoffset().total_seconds() == 0


def test_of_many_threads_one_tries(breaker, clock):
    fail(breaker)
    clock.now += 30
    admitted = []
    start = threading.Barrier(16)

    def call():
        start.wait()
        with suppress(BackendUnavailable):
            admitted.append(breaker.admit())

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert admitted == [True]
