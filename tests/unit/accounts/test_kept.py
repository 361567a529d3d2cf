"""What a provider tells of itself is fetched once, kept, and kept on while it is away."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.backends import kept
from accounts.backends.kept import PAUSE, Kept
from esap.backends.deadline import current_scope, within
from esap.errors import BackendUnavailable


class Provider:
    """Counts how often it is asked, and may be away."""

    def __init__(self):
        self.asked = 0
        self.is_away = False

    def tell(self):
        self.asked += 1
        if self.is_away:
            raise BackendUnavailable("away")
        return self.asked


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def clock(monkeypatch):
    """A function that lets seconds pass."""
    now = 0.0
    monkeypatch.setattr(kept, "monotonic", lambda: now)

    def tick(seconds):
        nonlocal now
        now += seconds

    return tick


def kept_of(fetch):
    return Kept("it", fetch, seconds=600, last_resort=86_400, patience=10)


def test_it_is_fetched_when_it_is_needed_and_then_kept(provider, clock):
    value = kept_of(provider.tell)
    assert provider.asked == 0

    first = value.get()
    clock(599)

    assert (first, value.get(), provider.asked) == (1, 1, 1)


def test_it_is_fetched_again_when_it_is_old(provider, clock):
    value = kept_of(provider.tell)
    value.get()
    clock(600)

    assert value.get() == 2


def test_without_a_value_each_caller_is_told_of_the_failure(provider, clock):
    value = kept_of(provider.tell)
    provider.is_away = True
    for _ in range(2):
        with pytest.raises(BackendUnavailable):
            value.get()

    provider.is_away = False

    assert value.get() == 3


def test_an_old_value_serves_on_while_the_provider_is_away(provider, clock):
    value = kept_of(provider.tell)
    value.get()
    provider.is_away = True
    clock(600)

    assert [value.get() for _ in range(5)] == [1] * 5
    assert provider.asked == 2


def test_a_provider_that_was_away_is_asked_again_after_a_pause(provider, clock):
    value = kept_of(provider.tell)
    value.get()
    provider.is_away = True
    clock(600)
    value.get()
    provider.is_away = False

    clock(PAUSE)

    assert value.get() == 3


def test_an_old_value_does_not_serve_on_for_ever(provider, clock):
    value = kept_of(provider.tell)
    value.get()
    provider.is_away = True
    clock(86_401)

    for _ in range(2):
        with pytest.raises(BackendUnavailable):
            value.get()


def test_somebody_who_misses_something_has_it_fetched_at_once(provider, clock):
    value = kept_of(provider.tell)
    value.get()

    assert value.renewed() == 2
    assert value.get() == 2


def test_many_who_miss_something_have_it_fetched_once(provider, clock):
    value = kept_of(provider.tell)
    value.get()

    assert {value.renewed() for _ in range(100)} == {2}

    clock(PAUSE)
    assert value.renewed() == 3


def test_somebody_who_misses_something_is_told_that_the_provider_is_away(provider, clock):
    value = kept_of(provider.tell)
    value.get()
    provider.is_away = True

    with pytest.raises(BackendUnavailable):
        value.renewed()

    assert value.get() == 1


def test_of_many_threads_without_a_value_one_asks_and_all_are_told():
    may_answer = threading.Event()
    asked = []

    def slow():
        asked.append(1)
        may_answer.wait(10)
        raise BackendUnavailable("away")

    value = kept_of(slow)
    callers = threading.Barrier(9)

    def outcome():
        callers.wait(10)
        with pytest.raises(BackendUnavailable):
            value.get()

    with ThreadPoolExecutor(8) as pool:
        told = [pool.submit(outcome) for _ in range(8)]
        callers.wait(10)
        time.sleep(0.2)  # for all to arrive
        may_answer.set()
        for each in told:
            each.result(10)

    assert len(asked) == 1


def test_while_one_waits_for_a_newer_value_the_others_go_on_with_the_old_one(clock):
    answers = iter(["old", "new"])
    asking, may_answer = threading.Event(), threading.Event()

    def slow_the_second_time():
        answer = next(answers)
        if answer == "new":
            asking.set()
            may_answer.wait(10)
        return answer

    value = kept_of(slow_the_second_time)
    value.get()
    clock(600)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(value.get)
        asking.wait(10)
        meanwhile = value.get()
        may_answer.set()

        assert (meanwhile, waiting.result(10)) == ("old", "new")


def test_it_is_fetched_for_all_and_not_for_the_time_of_one_caller():
    left = []
    value = kept_of(lambda: left.append(current_scope().remaining()))

    with within(0.5):
        value.get()

    assert left[0] > 9
