"""A question as the caller writes it."""

import pytest

from esap.errors import InvalidRequest
from query.adql import Cone
from query.questions import ask, said_in


@pytest.mark.parametrize(
    "asked",
    [
        {"ra": 83.633, "dec": 22.0145, "fov": 0.5},
        {"ra": "83.633", "dec": "22.0145", "fov": "0.5"},
        {"position": "83.633 22.0145", "fov": 0.5},
        {"ra": "05:34:31.92", "dec": "+22:00:52.2", "fov": 0.5},
        {"position": "05h34m31.92s +22d00m52.2s", "fov": 0.5},
        {"position": "l=184.5574 b=-5.7843", "fov": 0.5},
    ],
)
def test_a_position_is_understood_however_it_is_written(asked) -> None:
    cone = ask(asked).cone

    assert cone.ra == pytest.approx(83.633, abs=2e-4)
    assert cone.dec == pytest.approx(22.0145, abs=2e-4)
    assert cone.radius == 0.5


def test_a_target_is_resolved_to_a_position_and_says_by_whom() -> None:
    question = ask({"target": "M 31"})

    assert question.cone.ra == pytest.approx(10.6847, abs=0.01)
    assert question.cone.radius == 0.1
    assert question.place.resolver == "openngc"
    assert question.target == ""


def test_a_target_beside_a_position_narrows_the_rows() -> None:
    question = ask({"target": "M31", "ra": 10, "dec": 41})

    assert question.cone == Cone(10.0, 41.0, 0.1)
    assert (question.target, question.place) == ("M31", None)


def test_empty_values_and_all_say_nothing() -> None:
    question = ask({"ra": 1, "dec": 2, "collection": "all", "level": "", "target": None})

    assert (question.collection, question.level, question.target) == ("", "", "")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "Say what to look for"),
        ({"limit": 5}, "Say what to look for"),
        ({"colection": "x"}, "colection: no such parameter"),
        ({"ra": 10}, "dec: a position needs both"),
        ({"fov": 1}, "fov: a radius needs a position"),
        ({"ra": 10, "dec": 95}, "dec"),
        ({"ra": 10, "dec": 5, "fov": 200}, "fov: 200 is not between 0 and 180"),
        ({"ra": 10, "dec": 5, "fov": "wide"}, "fov: 'wide' is not a number"),
        ({"ra": 10, "dec": 5, "fov": "nan"}, "fov"),
        ({"ra": 10, "dec": 5, "limit": 0}, "limit"),
        ({"ra": 10, "dec": 5, "timeout": 1e9}, "timeout"),
        ({"ra": 10, "dec": 5, "mode": "later"}, "mode: 'later'"),
        ({"ra": {"x": 1}, "dec": 5}, "ra: give a text or a number"),
        ({"position": "1 2", "ra": 3, "dec": 4}, "position: give either"),
        ({"archives": {"a": 1}, "target": "M31"}, "archives: give a list"),
        ({"adql": "SELECT 1"}, "adql: ADQL is written for one archive"),
        ({"adql": "SELECT 1", "archives": ["a"], "ra": 1, "dec": 1}, "adql: ADQL says all"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(asked, sentence) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        ask(asked)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"collection": "x" * 2_001}, "collection: the value is longer than 2000 characters"),
        ({"archives": ["a"], "adql": "x" * 100_001}, "adql: the value is longer than 100000"),
        ({"collection": "a\x00b"}, r"collection: take the control character U\+0000 out"),
        ({"datasets": ["x"] * 1_001}, "datasets: give at most 1000 ids"),
        ({"datasets": ["x" * 65]}, "each of at most 64 characters"),
    ],
)
def test_what_is_too_much_is_refused_before_it_is_kept(asked, sentence) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        ask(asked)


def test_a_thousand_unknown_parameters_are_not_all_repeated() -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask({f"{number:03}{'x' * 1000}": 1 for number in range(1000)})

    assert len(refused.value.extensions["errors"]) == 5
    assert len(refused.value.detail) < 1_000


def test_only_what_says_something_is_kept() -> None:
    assert said_in({"ra": 1, "dec": "", "fov": " ", "level": "all", "x": None, "archives": []}) == {
        "ra": 1
    }
