"""The promise: a new kind of archive is one file and one entry."""

import sys

import pytest

from query.backends.base import archives

NEW_ARCHIVE = '''
from query.backends.base import Archive


class ListArchive(Archive):
    """An archive held in memory."""

    def ping(self): ...
    def phrase(self, selection): ...
    def run(self, query): ...
    def tables(self):
        return []
'''
ENTRY = """
query:
  archives:
    - {id: mine, type: listed, title: Mine}
"""


@pytest.fixture
def one_new_file(tmp_path, monkeypatch, settings):
    import query.backends

    (tmp_path / "listed.py").write_text(NEW_ARCHIVE)
    monkeypatch.setattr(query.backends, "__path__", [*query.backends.__path__, str(tmp_path)])
    (tmp_path / "entries.yaml").write_text(ENTRY)
    settings.ENTRY_FILES = [tmp_path / "entries.yaml"]
    yield
    sys.modules.pop("query.backends.listed", None)


def test_one_file_and_one_entry_make_a_new_kind_of_archive(one_new_file) -> None:
    archive = archives.for_caller(None).get("mine")

    assert type(archive).__name__ == "ListArchive"
    assert archive.config.title == "Mine"
    assert archive.tables() == []


def test_a_peer_is_built_once_and_kept(one_new_file) -> None:
    assert archives.for_caller(None).get("mine") is archives.for_gateway().get("mine")
