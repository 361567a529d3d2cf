"""Find what the entries configure.

An entry ``{"id": "astron_vo", "type": "tap", ...}`` under ``query: archives:`` is served by the
one subclass of the room's interface defined in ``query/backends/tap.py``. Adding a kind of peer is
adding that file; adding a peer is adding the entry.

Entries may be for some groups only, so there is no way to one that does not say on whose behalf:
``archives.for_caller(request.user)`` is what that caller sees.
"""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
from esap.backends.visibility import Restricted, Standing, Visible, groups_of, may_use

__all__ = ["Registry", "Section", "entries", "fingerprint", "stable_number"]

T = TypeVar("T")
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


@dataclass(frozen=True)
class _Known(Generic[T]):
    """A section of the entries as they were read: whom each is for, and what was made of them."""

    of: Entries
    written: Mapping[str, Entry]
    restrictions: Mapping[str, Restricted]
    made: dict[str, T] = field(default_factory=dict)


class _Configured(ABC, Generic[T]):
    """The entries of one section, each for everybody or for some groups."""

    def __init__(self, room: str, name: str) -> None:
        self.room = room
        self.name = name
        self._lock = RLock()
        self._last: _Known[T] | None = None

    def for_caller(self, caller: object) -> Visible[T]:
        """Return what a caller may use: `request.user`, the owner of a job, None for anybody."""
        found = self._known().restrictions.items()
        return self._visible(key for key, entry in found if may_use(entry, caller))

    def for_gateway(self) -> Visible[T]:
        """Return all entries, whomever they are for: for work of which no caller is told."""
        return self._visible(self._known().restrictions)

    def is_restricted(self) -> bool:
        """Whether there is an entry that not everybody may use."""
        return bool(self._groups())

    def standing_of(self, caller: object) -> Standing:
        """Return what decides which entries a caller sees."""
        return Standing(groups_of(caller) & self._groups())

    @abstractmethod
    def _make(self, entry: Entry) -> T:
        """Return what an entry configures."""

    def _visible(self, ids: Iterable[str]) -> Visible[T]:
        return Visible(self.name, ids, self._made)

    def _made(self, entry_id: str) -> T:
        """Return what an entry configures; it is made on first use, and kept."""
        with self._lock:
            known = self._known()
            if entry_id not in known.made:
                known.made[entry_id] = self._make(known.written[entry_id])
            return known.made[entry_id]

    def _known(self) -> _Known[T]:
        current = entries()
        with self._lock:
            if self._last is None or self._last.of is not current:
                written = {entry.id: entry for entry in self._written()}
                # Of the whole entry, its own kind reads the rest: no backend is imported for this.
                restrictions = {
                    key: Restricted.model_validate(entry.values) for key, entry in written.items()
                }
                self._last = _Known(current, written, restrictions)
            return self._last

    def _groups(self) -> frozenset[str]:
        found = self._known().restrictions.values()
        return frozenset(name for entry in found for name in entry.groups)

    def _written(self) -> list[Entry]:
        return entries().sections.get((self.room, self.name), [])


class Section(_Configured[M]):
    """The entries of one section, as models."""

    def __init__(self, room: str, name: str, model: type[M]) -> None:
        super().__init__(room, name)
        self.model = model

    def problems(self) -> list[EntryProblem]:
        """Return all that is wrong with the entries of this section."""
        found: list[EntryProblem] = []
        for entry in self._written():
            try:
                self._make(entry)
            except ValidationError as error:
                found += describe(entry, error, self.model)
        return found

    def _make(self, entry: Entry) -> M:
        return self.model.model_validate(entry.values)


class Registry(_Configured[B]):
    """The configured peers of one section."""

    def __init__(self, room: str, name: str, interface: type[B]) -> None:
        super().__init__(room, name)
        self.interface = interface

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
        return [problem for entry in self._written() for problem in self._problems_of(entry)]

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

    def _config(self, cls: type[B], entry: Entry) -> BackendConfig:
        return cls.Config.model_validate(entry.values, context={"data_dir": settings.DATA_DIR})

    def _make(self, entry: Entry) -> B:
        cls = self.load(str(entry.values["type"]))
        config = self._config(cls, entry)
        http = open_session(
            config,
            proxy=settings.OUTBOUND_PROXY,
            ca_bundle=settings.OUTBOUND_CA_BUNDLE,
            user_agent=f"esap-api-gateway/{settings.VERSION}",
        )
        return cls(config, http)
