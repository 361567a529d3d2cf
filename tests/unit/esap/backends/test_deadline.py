"""A total deadline, and a way to cancel."""

import os
import threading
import time

import pytest

from esap.backends.deadline import Scope, apart, current_scope, within
from esap.errors import BackendTimedOut, Cancelled


def test_there_is_no_scope_outside_a_block():
    assert current_scope() is None

    with within(1) as scope:
        assert current_scope() is scope

    assert current_scope() is None


@pytest.mark.parametrize(("outer", "inner"), [(1, 60), (60, 1)])
def test_the_nearer_end_wins(outer, inner):
    with within(outer), within(inner) as scope:
        assert 0.9 < scope.remaining() <= 1


def test_a_scope_without_seconds_takes_the_end_of_the_one_around_it():
    with within(1), within(None) as scope:
        assert scope.remaining() <= 1


def test_work_that_stands_apart_ends_with_neither_the_time_nor_the_caller_around_it():
    with within(0.01) as around:
        around.cancel()
        with apart(60) as scope:
            assert current_scope() is scope
            assert scope.remaining() > 59

        assert current_scope() is around


def test_what_is_over_says_so():
    with within(0.01) as scope:
        time.sleep(0.02)

        with pytest.raises(BackendTimedOut, match=r"not done within the 0\.01 s"):
            scope.check()


def test_cancelling_reaches_the_scopes_inside_but_not_outside():
    outer = Scope(60)
    middle = Scope(60, outer)
    inner = Scope(None, middle)

    middle.cancel()

    with pytest.raises(Cancelled):
        inner.check()
    with pytest.raises(Cancelled):
        middle.check()
    outer.check()


def test_a_thread_gets_its_scope_by_hand():
    found = []

    def work(parent):
        assert current_scope() is None
        with within(None, parent) as scope:
            found.append(scope.parent is parent)

    with within(5) as scope:
        thread = threading.Thread(target=work, args=[scope])
        thread.start()
        thread.join()

    assert found == [True]


def test_the_blocked_are_woken_at_the_deadline(takes):
    woken = threading.Event()
    scope = Scope(0.2)

    with takes(0.2):
        watch = scope.on_end(woken.set)
        assert woken.wait(2)
        watch.stop()


def test_a_later_deadline_does_not_delay_a_nearer_one(takes):
    late, soon = threading.Event(), threading.Event()
    watches = [Scope(5).on_end(late.set)]

    with takes(0.1):
        watches.append(Scope(0.1).on_end(soon.set))
        assert soon.wait(2)

    assert not late.is_set()
    for watch in watches:
        watch.stop()


def test_a_stopped_watch_wakes_nobody():
    woken = threading.Event()
    scope = Scope(60)
    scope.on_end(woken.set).stop()

    scope.cancel()

    assert not woken.is_set()


def test_who_blocks_after_the_cancel_is_woken_too():
    woken = threading.Event()
    scope = Scope(60)
    scope.cancel()

    scope.on_end(woken.set)

    assert woken.is_set()


def test_a_careless_callback_does_not_end_the_deadlines_of_others():
    def careless():
        raise RuntimeError("oops")

    woken = threading.Event()
    Scope(0.05).on_end(careless)
    Scope(0.1).on_end(woken.set)

    assert woken.wait(2)


def test_sleep_ends_with_the_scope(takes):
    scope = Scope(60)
    threading.Timer(0.1, scope.cancel).start()

    with takes(0.1), pytest.raises(Cancelled):
        scope.sleep(30)


def test_sleep_lasts_as_long_as_was_asked(takes):
    with takes(0.1):
        Scope(60).sleep(0.1)


def test_a_thousand_scopes_end_in_time(takes):
    woken = [threading.Event() for _ in range(1000)]

    with takes(0.3):
        for event in woken:
            Scope(0.3).on_end(event.set)
        assert all(event.wait(2) for event in woken)


def test_deadlines_work_in_a_forked_child():
    Scope(0.01).on_end(threading.Event().set)  # the parent's watchdog runs

    child = os.fork()
    if child == 0:
        woken = threading.Event()
        Scope(0.05).on_end(woken.set)
        os._exit(0 if woken.wait(2) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
