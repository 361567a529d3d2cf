"""Identical questions that arrive together are one question upstream."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from esap.backends.single_flight import SingleFlight


def test_a_hundred_who_ask_at_once_share_one_answer() -> None:
    flights: SingleFlight[int] = SingleFlight()
    asked, gate = [], threading.Barrier(101)
    answered = threading.Event()

    def find() -> int:
        asked.append(1)
        answered.wait(5)
        return 42

    def ask() -> int:
        gate.wait()
        return flights.do("key", find)

    with ThreadPoolExecutor(100) as pool:
        futures = [pool.submit(ask) for _ in range(100)]
        gate.wait()
        threading.Timer(0.2, answered.set).start()
        answers = [future.result() for future in futures]

    assert answers == [42] * 100
    assert len(asked) == 1


def test_an_answer_is_kept_for_its_time_and_a_failure_is_not() -> None:
    flights: SingleFlight[int] = SingleFlight(seconds=60)
    answers = iter([ValueError("first"), 2, 3])

    def find() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ValueError, match="first"):
        flights.do("key", find)

    assert flights.do("key", find) == 2
    assert flights.do("key", find) == 2
    assert flights.do("other", find) == 3


def test_an_answer_not_worth_keeping_is_not_kept() -> None:
    flights: SingleFlight[int] = SingleFlight(seconds=60, keep=lambda answer: answer > 1)
    answers = iter([1, 2])

    assert [flights.do("key", lambda: next(answers)) for _ in range(3)] == [1, 2, 2]


def test_no_more_answers_are_kept_than_allowed() -> None:
    flights: SingleFlight[int] = SingleFlight(seconds=60, size=2)

    for number in range(5):
        flights.do(number, lambda number=number: number)

    assert flights.do(4, lambda: -1) == 4
    assert flights.do(0, lambda: -1) == -1
