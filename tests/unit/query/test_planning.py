"""From a question to what each archive is asked."""

import pytest

from esap.errors import NotFound
from query.planning import plan
from query.questions import ask
from tests.support.entries import star_archive, write_entries

URL = "https://archive.example.org/tap"
OBSCORE = {
    "mapping": "obscore",
    "datasets": [
        {"id": "deep", "name": "Deep", "table": "ivoa.obscore", "collection": "deep-dr1",
         "level": "processed", "category": "imaging"},
        {"id": "wide", "name": "Wide", "table": "ivoa.obscore", "collection": "wide-pdr",
         "level": "raw", "category": "imaging"},
        {"id": "any", "name": "Any", "table": "ivoa.obscore"},
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def two_archives(tmp_path, settings):
    settings.ENTRY_FILES = write_entries(
        tmp_path,
        [
            star_archive("stars", URL),
            star_archive("images", URL, **OBSCORE),
            star_archive("hidden", URL, visible=False),
        ],
    )


def planned(**asked) -> dict[str, str]:
    return {
        errand.dataset.id: errand.query.text if errand.query else f"! {errand.refusal.detail}"
        for errand in plan(ask(asked))
    }


def test_a_question_goes_to_every_dataset_of_every_visible_archive() -> None:
    assert list(planned(ra=10, dec=20)) == ["stars-stars", "deep", "wide", "any"]


def test_a_datasets_collection_limits_its_rows() -> None:
    queries = planned(ra=10, dec=20, fov=0.5, archives=["images"], limit=5)

    assert "obs_collection = 'deep-dr1'" in queries["deep"]
    assert "obs_collection = 'wide-pdr'" in queries["wide"]
    assert "obs_collection" not in queries["any"]


def test_a_collection_selects_datasets_and_limits_those_that_have_none() -> None:
    queries = planned(collection="DEEP", archives=["images"])

    assert list(queries) == ["deep", "any"]
    assert "obs_collection = 'deep-dr1'" in queries["deep"]
    assert "obs_collection = 'DEEP'" in queries["any"]


def test_level_and_category_select_datasets() -> None:
    assert list(planned(level="raw", ra=1, dec=2, archives=["images"])) == ["wide"]
    assert list(planned(category="imag", ra=1, dec=2)) == ["deep", "wide"]


def test_parameters_become_columns_by_the_mapping() -> None:
    queries = planned(ra=10, dec=20, fov=0.5, magnitude="7.5", archives=["stars"], limit=5)

    assert "mag <= 7.5" in queries["stars-stars"]
    assert "CIRCLE('ICRS', 10.0, 20.0, 0.5)" in queries["stars-stars"]


def test_a_date_becomes_a_modified_julian_date() -> None:
    queries = planned(startdate="2000-01-01T12:00:00Z", datasets=["any"])

    assert "t_max >= 51544.5" in queries["any"]


def test_what_a_dataset_cannot_be_asked_is_a_refusal_not_silence() -> None:
    queries = planned(ra=10, dec=20, magnitude="five")

    assert queries["stars-stars"] == "! magnitude: 'five' is not a number."
    assert queries["deep"].startswith("! Deep cannot be asked by magnitude; it can by: ")


def test_an_experts_query_goes_to_the_archive_as_it_is() -> None:
    [errand] = plan(ask({"adql": "SELECT 1 AS one", "archives": ["stars"], "limit": 7}))

    assert (errand.names, errand.query.text, errand.query.limit) == (
        ("stars", ""),
        "SELECT 1 AS one",
        7,
    )


def test_an_archive_or_dataset_that_is_not_there_is_said() -> None:
    with pytest.raises(NotFound, match="'nowhere'"):
        planned(ra=1, dec=2, archives=["nowhere"])
    with pytest.raises(NotFound, match="'nothing'"):
        planned(ra=1, dec=2, datasets=["nothing"])
