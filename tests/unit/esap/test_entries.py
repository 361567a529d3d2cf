"""Entries: every mistake has a file, a line and a mend."""

import pytest

from esap.backends.entries import load_entries
from esap.checks import check_entries
from esap.errors import NotFound
from query.backends.base import archives, mappings

GOOD = """\
query:
  mappings:
    - id: sky
      parameters: {ra: s_ra, dec: s_dec}
  archives:
    - id: mine
      type: tap
      title: Mine
      url: https://mine.example.org/tap
      mapping: sky
      datasets:
        - id: stars
          name: Stars
          table: mine.stars
"""


@pytest.fixture
def entries(tmp_path, settings):
    """Return a function that makes a text the only entry file, and says what the checks find."""

    def use(*texts: str):
        files = []
        for number, text in enumerate(texts):
            file = tmp_path / f"entries-{number}.yaml"
            file.write_text(text)
            files.append(file)
        settings.ENTRY_FILES = files
        return [
            (message.msg.replace(f"{tmp_path}/", ""), message.hint) for message in check_entries()
        ]

    return use


def test_one_entry_makes_an_archive(entries) -> None:
    assert entries(GOOD) == []

    archive = archives.for_gateway().get("mine")

    assert archives.for_gateway().ids() == ["mine"]
    assert archive.config.base_url == "https://mine.example.org/tap"
    assert archive.config.datasets[0].table == "mine.stars"
    assert mappings.for_gateway().get("sky").rule("ra").column == "s_ra"


def test_a_misspelt_key_is_told_with_its_line_and_its_mend(entries) -> None:
    found = entries(GOOD.replace("table: mine.stars", "tabel: mine.stars"))

    assert found == [
        (
            "entries-0.yaml, line 12: 'datasets.0.table' is missing (entry 'mine').",
            "Add it to the entry.",
        ),
        (
            "entries-0.yaml, line 14: 'datasets.0.tabel' is not a known key (entry 'mine').",
            "Did you mean 'table'?",
        ),
    ]


def test_an_unknown_type_is_told_with_the_known_ones(entries) -> None:
    [(message, hint)] = entries(GOOD.replace("type: tap", "type: tapp"))

    assert message == "entries-0.yaml, line 7: there is no type 'tapp'."
    assert hint.startswith("Known types: ")
    assert "tap" in hint


def test_an_unknown_section_is_told_with_the_known_ones(entries) -> None:
    [(message, hint)] = entries("query:\n  archivs:\n    - id: a\n")

    assert message == "entries-0.yaml, line 3: 'query: archivs:' is not a section."
    assert "query: archives" in hint


def test_text_that_is_not_yaml_is_told_with_its_line(entries) -> None:
    [(message, _)] = entries("query:\n  archives: [\n")

    assert message.startswith("entries-0.yaml, line 3: this is not YAML")


def test_an_id_used_twice_in_one_file_is_told(entries) -> None:
    second = GOOD[GOOD.index("    - id: mine") :]

    [(message, _)] = entries(GOOD + second)

    assert message == "entries-0.yaml, line 15: the id 'mine' is already used on line 6."


def test_a_key_written_twice_is_told(entries) -> None:
    [(message, _)] = entries(GOOD.replace("title: Mine", "title: Mine\n      title: Yours"))

    assert message == "entries-0.yaml, line 9: the key 'title' is written twice."


def test_a_file_that_is_not_there_is_told(tmp_path) -> None:
    [problem] = load_entries([tmp_path / "absent.yaml"]).problems

    assert str(problem) == (
        f"{tmp_path}/absent.yaml: the file cannot be read (No such file or directory). "
        "Check ESAP_PEERS."
    )


def test_the_operators_entry_replaces_the_one_that_ships(entries) -> None:
    assert entries(GOOD, GOOD.replace("title: Mine", "title: Ours")) == []

    assert [archive.config.title for archive in archives.for_gateway()] == ["Ours"]


def test_a_folder_of_files_is_read_in_the_order_of_names(tmp_path, settings) -> None:
    (tmp_path / "b.yaml").write_text(GOOD.replace("title: Mine", "title: Last"))
    (tmp_path / "a.yaml").write_text(GOOD)
    settings.ENTRY_FILES = [tmp_path]

    assert archives.for_gateway().get("mine").config.title == "Last"


def test_an_archive_that_no_entry_has_is_not_found(entries) -> None:
    entries(GOOD)

    with pytest.raises(NotFound, match=r"There is no 'yours'.*There are: mine\."):
        archives.for_gateway().get("yours")


@pytest.mark.parametrize(
    ("title", "found"),
    [
        (
            "2020-13-45",
            "entries-0.yaml, line 8: '2020-13-45' is not a value of the kind that it looks like.",
        ),
        (
            "!!python/name:os.system x",
            "entries-0.yaml, line 8: 'x' is not a value of the kind that it looks like.",
        ),
        ("&a [*a]", "entries-0.yaml, line 6: an entry holds itself."),
    ],
)
def test_values_that_yaml_cannot_make_have_a_line_and_a_mend(entries, title, found) -> None:
    [(message, hint)] = entries(GOOD.replace("title: Mine", f"title: {title}"))

    assert message == found
    assert hint
