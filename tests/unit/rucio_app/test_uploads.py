"""What an upload asks of a lake, in which order, and what it takes back."""

import io
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from esap.clients.rucio import Login
from esap.errors import (
    AlreadyExists,
    BackendFailed,
    BackendUnavailable,
    EsapError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    OverQuota,
    TooLarge,
)
from rucio_app.backends.rucio import RucioConfig
from rucio_app.backends.values import Did, Item, Usage
from rucio_app.backends.writing import WritableLake
from rucio_app.services import access, uploads
from rucio_app.services.uploads import Incoming, Uploaded, upload

DATA = b"a result"
LINK = "https://storage.example/lake/a"


class Memory(WritableLake):
    """A lake in memory: it notes what is done to it, and fails where it is told to."""

    def __init__(self, fails=(), **changes):
        said = {
            "id": "lake",
            "type": "rucio",
            "title": "The lake",
            "url": "https://lake.example",
            "storage": "https://storage.example/lake/",
            "upload_rse": "HOME",
            "max_upload_bytes": 10,
            **changes,
        }
        self.config = RucioConfig(**said)
        self.fails = fails
        self.done = []
        self.dids = {"old": "file", "open": "dataset"}
        self.free = 100
        self.link = LINK

    def service_login(self):
        return Login("service", timezone.now() + timedelta(hours=1))

    def account(self, token):
        return "alice"

    def scopes_of(self, account, token):
        return ["user.alice"]

    def did(self, item, token):
        if item.name not in self.dids:
            raise NotFound("none")
        return Did(scope=item.scope, name=item.name, type=self.dids[item.name], open=True)

    def usage(self, account, token):
        limit = None if self.free is None else 100
        return [Usage(rse="HOME", bytes=0, files=0, limit=limit, remaining=self.free)]

    def place_for(self, item, rse, token):
        return self.link

    def write(self, link, file, token):
        self._do("write")
        file.read()

    def remove(self, link, token):
        self._do("remove")

    def register(self, file, rse, dataset, token):
        if "registers, and fails" in self.fails:
            self.dids[file.item.name] = "file"
            raise BackendUnavailable("It took too long.")
        self._do("register")
        self.dids[file.item.name] = "file"

    def let_go(self, item, rse, token):
        self._do(f"let go as {token}")

    def make_rules(self, items, token, **_parts):
        self._do("rule")
        return ["f" * 32 for _ in items]

    def _do(self, what):
        self.done.append(what)
        if what in self.fails:
            raise BackendFailed(f"No {what}.")


for method in WritableLake.__abstractmethods__ - vars(Memory).keys():
    setattr(Memory, method, None)
Memory.__abstractmethods__ = frozenset()


@pytest.fixture(autouse=True)
def tokens(monkeypatch):
    def give(*_args, **_parts):
        return SimpleNamespace(token="user")  # noqa: S106 - of nobody

    monkeypatch.setattr(access, "token_for", give)
    monkeypatch.setattr(uploads, "token_for", give)


def bring(lake, data=DATA, scope="user.alice", name="new", **changes):
    return upload(
        lake,
        SimpleNamespace(subject="s", issuer="i"),
        Incoming(item=Item(scope, name), file=io.BytesIO(data), size=len(data), **changes),
    )


def test_a_file_is_registered_after_it_is_written_and_then_kept():
    lake = Memory()

    found = bring(lake, lifetime=60)

    assert lake.done == ["write", "register", "rule"]
    assert isinstance(found, Uploaded)
    assert (found.rse, found.rule, found.lifetime) == ("HOME", "f" * 32, 60)
    assert (found.file.size, found.file.adler32) == (8, "0d0c0321")


def test_no_limit_is_room_for_all():
    lake = Memory()
    lake.free = None

    bring(lake)

    assert lake.done == ["write", "register", "rule"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"scope": "user.bob"}, NotAllowed),
        ({"name": "old"}, AlreadyExists),
        ({"data": b"x" * 11}, TooLarge),
        ({"rse": "ELSEWHERE"}, OverQuota),
        ({"dataset": "none"}, NotFound),
        ({"dataset": "old"}, InvalidRequest),
        ({"lifetime": 10**9}, InvalidRequest),
    ],
)
def test_what_cannot_be_done_is_refused_before_a_byte_is_sent(asked, error):
    lake = Memory()

    with pytest.raises(error):
        bring(lake, **asked)

    assert lake.done == []


def test_a_file_over_the_quota_is_refused_with_what_is_free():
    lake = Memory()
    lake.free = 7

    with pytest.raises(OverQuota) as refused:
        bring(lake)

    assert (refused.value.extensions["size"], refused.value.extensions["free"]) == (8, 7)
    assert lake.done == []


@pytest.mark.parametrize(
    "link",
    ["https://elsewhere.example/lake/a", "https://storage.example/lakes/a", "https://x@storage/a"],
)
def test_nothing_is_sent_outside_the_entrys_storage(link):
    lake = Memory()
    lake.link = link

    with pytest.raises(InvalidRequest, match="writes only to"):
        bring(lake)

    assert lake.done == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"storage": None}, NotAllowed), ({"upload_rse": ""}, InvalidRequest)],
)
def test_an_entry_that_names_no_place_takes_no_files(changes, error):
    with pytest.raises(error):
        bring(Memory(**changes))


@pytest.mark.parametrize(
    ("fails", "done"),
    [
        (["write"], ["write"]),
        (["register"], ["write", "register", "remove"]),
        (["registers, and fails"], ["write", "let go as service"]),
        (["rule"], ["write", "register", "rule", "let go as service"]),
    ],
)
def test_what_fails_is_taken_back(fails, done):
    lake = Memory(fails)

    with pytest.raises(BackendFailed) as failed:
        bring(lake)

    assert lake.done == done
    assert "could not be removed" not in failed.value.detail


@pytest.mark.parametrize(
    "fails", [["register", "remove"], ["rule", "let go as service"]], ids=["storage", "lake"]
)
def test_what_cannot_be_taken_back_is_told(fails):
    with pytest.raises(EsapError) as failed:
        bring(Memory(fails))

    assert failed.value.detail == (
        f"No {fails[0]}. The file that was written, {LINK}, could not be removed (No {fails[1]}.)"
    )
