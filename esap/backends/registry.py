"""Find what the entries configure.

An entry ``{"id": "astron_vo", "type": "tap", ...}`` under ``query: archives:`` is served by the
one subclass of the room's interface defined in ``query/backends/tap.py``. Adding a kind of peer is
adding that file; adding a peer is adding the entry.
"""

import zlib
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from inspect import getmembers, isabstract, isclass
from pathlib import Path
from threading import RLock
from typing import Generic, TypeVar

from django.conf import settings
from pydantic import BaseModel, ValidationError

from esap.backends.base import Backend, BackendConfig
from esap.backends.entries import Entries, Entry, EntryProblem, describe, load_entries
from esap.backends.http import open_session
from esap.errors import NotFound

__all__ = ["Registry", "Section", "entries", "fingerprint", "stable_number"]

M = TypeVar("M", bound=BaseModel)
B = TypeVar("B", bound=Backend)


def stable_number(slug: str) -> int:
    """Return an integer id that follows from the slug, for entries that were given none.

    It keeps clear of the small numbers that shipped entries carry.
    """
    return 100_000 + zlib.crc32(slug.encode()) % 2_000_000_000


def entries() -> Entries:
    """Return all entries of the configured files, read once."""
    return _load(tuple(settings.ENTRY_FILES))


def fingerprint() -> str:
    """Return a text that changes when the entries do, for ETags."""
    return _fingerprint(tuple(settings.ENTRY_FILES))


@lru_cache(maxsize=8)
def _load(files: tuple[Path, ...]) -> Entries:
    return load_entries(files)


@lru_cache(maxsize=8)
def _fingerprint(files: tuple[Path, ...]) -> str:
    found = _load(files).sections
    text = repr([(key, [entry.values for entry in found[key]]) for key in sorted(found)])
    return f"{zlib.crc32(text.encode()):08x}"


class Section(Generic[M]):
    """The entries of one section, as models."""

    def __init__(self, room: str, name: str, model: type[M]) -> None:
        self.room = room
        self.name = name
        self.model = model
        self._lock = RLock()
        self._built: tuple[Entries, dict[str, M]] | None = None

    def __iter__(self) -> Iterator[M]:
        return iter(self._all().values())

    def get(self, entry_id: str) -> M:
        """Return the entry with this id."""
        try:
            return self._all()[entry_id]
        except KeyError:
            raise NotFound(_unknown(self.name, entry_id, self._all())) from None

    def problems(self) -> list[EntryProblem]:
        """Return all that is wrong with the entries of this section."""
        found: list[EntryProblem] = []
        for entry in entries().sections.get((self.room, self.name), []):
            try:
                self.model.model_validate(entry.values)
            except ValidationError as error:
                found += describe(entry, error, self.model)
        return found

    def _all(self) -> dict[str, M]:
        current = entries()
        with self._lock:
            if self._built is None or self._built[0] is not current:
                written = current.sections.get((self.room, self.name), [])
                models = {entry.id: self.model.model_validate(entry.values) for entry in written}
                self._built = (current, models)
            return self._built[1]


class Registry(Generic[B]):
    """The configured peers of one section; each is built on first use and then kept."""

    def __init__(self, room: str, name: str, interface: type[B]) -> None:
        self.room = room
        self.name = name
        self.interface = interface
        self._lock = RLock()
        self._built: tuple[Entries, dict[str, B]] | None = None

    def __iter__(self) -> Iterator[B]:
        return (self.get(peer_id) for peer_id in self.ids())

    def __len__(self) -> int:
        return len(self._entries())

    def ids(self) -> list[str]:
        """Return the ids of all peers, in the order of the entries."""
        return [entry.id for entry in self._entries()]

    def get(self, peer_id: str) -> B:
        """Return the peer with this id."""
        current = entries()
        with self._lock:
            if self._built is None or self._built[0] is not current:
                self._built = (current, {})
            peers = self._built[1]
            if peer_id not in peers:
                written = {entry.id: entry for entry in self._entries()}
                if peer_id not in written:
                    raise NotFound(_unknown(self.name, peer_id, written))
                peers[peer_id] = self._build(written[peer_id])
            return peers[peer_id]

    def load(self, type_name: str) -> type[B]:
        """Import ``<room>/backends/<type_name>.py`` and return its backend class."""
        module = import_module(f"{self.room}.backends.{type_name}")
        found = [
            cls
            for _, cls in getmembers(module, isclass)
            if issubclass(cls, self.interface)
            and cls.__module__ == module.__name__
            and not isabstract(cls)
        ]
        if len(found) != 1:
            message = f"{module.__name__} must define exactly one {self.interface.__name__}"
            raise TypeError(message)
        return found[0]

    def problems(self) -> list[EntryProblem]:
        """Return all that is wrong with the entries of this section."""
        return [problem for entry in self._entries() for problem in self._problems_of(entry)]

    def _problems_of(self, entry: Entry) -> Iterator[EntryProblem]:
        kind = str(entry.values.get("type", ""))
        if not kind:
            yield entry.problem((), "'type' is missing.", f"Choose one of: {self._kinds()}.")
            return
        try:
            cls = self.load(kind)
        except ModuleNotFoundError as error:
            if error.name != f"{self.room}.backends.{kind}":
                raise  # The type is there, and lacks something itself.
            known = self._kinds()
            yield entry.problem(("type",), f"there is no type {kind!r}.", f"Known types: {known}.")
            return
        try:
            self._config(cls, entry)
        except ValidationError as error:
            yield from describe(entry, error, cls.Config)

    def _kinds(self) -> str:
        folder = import_module(f"{self.room}.backends").__path__
        names = {file.stem for part in folder for file in Path(part).glob("[a-z]*.py")} - {"base"}
        return ", ".join(sorted(name for name in names if self._serves(name)))

    def _serves(self, type_name: str) -> bool:
        try:
            self.load(type_name)
        except TypeError:
            return False
        return True

    def _entries(self) -> list[Entry]:
        return entries().sections.get((self.room, self.name), [])

    def _config(self, cls: type[B], entry: Entry) -> BackendConfig:
        return cls.Config.model_validate(entry.values, context={"data_dir": settings.DATA_DIR})

    def _build(self, entry: Entry) -> B:
        cls = self.load(str(entry.values["type"]))
        config = cls.Config.model_validate(entry.values, context={"data_dir": settings.DATA_DIR})
        http = open_session(
            config,
            proxy=settings.OUTBOUND_PROXY,
            ca_bundle=settings.OUTBOUND_CA_BUNDLE,
            user_agent=f"esap-api-gateway/{settings.VERSION}",
        )
        return cls(config, http)


def _unknown(section: str, wanted: str, known: object) -> str:
    names = ", ".join(sorted(known)) if isinstance(known, dict) else ""
    return f"There is no {wanted!r} among the {section}. There are: {names or 'none'}."
