"""A search as TAP clients ask for it."""

import pytest

from esap.errors import InvalidRequest
from esap.jobs.models import Job
from query.jobs import KINDS
from query.searches import KIND
from query.tap_words import TAP_WORDS
from tests.support.entries import star_archive, write_entries


@pytest.fixture(autouse=True)
def archives(tmp_path, settings):
    """Return a function that configures archives; there is one, and one that is not shown."""

    def configure(*ids):
        folder = tmp_path / "-".join(ids)  # entries are read once from each file
        folder.mkdir()
        shown = [star_archive(archive, "http://127.0.0.1:9") for archive in ids]
        hidden = star_archive("hidden", "http://127.0.0.1:9", visible=False)
        settings.ENTRY_FILES = write_entries(folder, [*shown, hidden])

    configure("stars")
    return configure


def read(*pairs):
    return TAP_WORDS.read(pairs, None)


def test_searches_are_spoken_of_so():
    assert KINDS[KIND].wording is TAP_WORDS


def test_the_names_of_tap_are_understood_whatever_their_case():
    asked = read(
        ("REQUEST", "doQuery"),
        ("LANG", "ADQL"),
        ("VERSION", "1.1"),
        ("query", " SELECT 1 "),
        ("MaxRec", "7"),
        ("UPLOAD", ""),
    )

    assert asked == {"adql": "SELECT 1", "limit": 7, "archives": "stars"}


def test_our_own_names_are_understood_too():
    asked = read(("TARGET", "M31"), ("fov", "0.5"), ("ARCHIVE", "stars"), ("archives", "hidden"))

    assert asked == {"target": "M31", "fov": "0.5", "archives": "stars,hidden"}


def test_adql_goes_to_the_archive_that_is_named():
    asked = read(("QUERY", "SELECT 1"), ("ARCHIVES", "hidden"))

    assert asked["archives"] == "hidden"


def test_of_several_archives_none_is_chosen(archives):
    archives("stars", "galaxies")

    assert "archives" not in read(("QUERY", "SELECT 1"))


def test_another_search_asks_all_archives():
    assert read(("TARGET", "M31")) == {"target": "M31"}


def test_more_rows_than_there_may_be_are_as_many_as_there_may_be(settings):
    settings.SEARCH_ROWS_MAX = 50

    assert read(("MAXREC", "9" * 30)) == {"limit": 50}


@pytest.mark.parametrize(
    "pair",
    [("LANG", "PQL"), ("REQUEST", "getCapabilities"), ("UPLOAD", "t,param:t"), ("MAXREC", "-1")],
)
def test_what_can_never_be_done_is_refused_and_named(pair):
    with pytest.raises(InvalidRequest, match=f"^{pair[0]}"):
        read(("QUERY", "SELECT 1"), pair)


@pytest.mark.parametrize(
    ("parameters", "names", "main"),
    [
        ({"adql": "SELECT 1"}, ["merged", "stars.adql"], "stars.adql"),
        ({"adql": "SELECT 1"}, ["merged"], "merged"),
        ({"target": "M31"}, ["merged", "stars.stars"], "merged"),
    ],
)
def test_the_result_of_adql_is_the_archives_own_table(parameters, names, main):
    job = Job(parameters=parameters, results=[{"name": name} for name in names])

    assert TAP_WORDS.main_result(job) == main
