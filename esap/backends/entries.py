"""Read the entries: YAML files in which every mistake has a file, a line and a mend."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

__all__ = ["Entries", "Entry", "EntryProblem", "describe", "load_entries"]

Path_ = tuple[str | int, ...]


class EntryProblem(Exception):
    """A mistake in an entry file: where it is, what is wrong, and how to mend it.

    Line 0 is the whole file.
    """

    def __init__(self, file: Path, line: int, message: str, mend: str = "") -> None:
        where = f"{file}, line {line}" if line else f"{file}"
        super().__init__(f"{where}: {message}" + (f" {mend}" if mend else ""))
        self.where = where
        self.file = file
        self.line = line
        self.message = message
        self.mend = mend


@dataclass(frozen=True)
class Entry:
    """One entry as written: its values, its file, and the line of each value."""

    values: dict[str, Any]
    file: Path
    lines: Mapping[Path_, int] = field(repr=False)

    @property
    def id(self) -> str:
        """The entry's id, as written."""
        return str(self.values.get("id", ""))

    def problem(self, path: Path_, message: str, mend: str = "") -> EntryProblem:
        """Describe a mistake at a path inside this entry."""
        while path not in self.lines:
            path = path[:-1]
        return EntryProblem(self.file, self.lines[path], message, mend)


@dataclass(frozen=True)
class Entries:
    """All entries of all files: `sections[room, section]` in their order of reading."""

    sections: Mapping[tuple[str, str], list[Entry]]
    problems: list[EntryProblem]


def load_entries(files: Iterable[Path]) -> Entries:
    """Read files, or folders of `*.yaml` files, in order.

    An entry replaces an earlier one with the same id, so an operator's file can change what ships.
    Mistakes are collected, not raised, so that all can be shown at once.
    """
    sections: dict[tuple[str, str], list[Entry]] = {}
    problems: list[EntryProblem] = []
    for file in _yaml_files(files):
        try:
            found = list(_read(file))
        except EntryProblem as problem:
            problems.append(problem)
            continue
        seen: dict[tuple[str, str, str], int] = {}
        for room, section, entry in found:
            line = entry.lines[()]
            first = seen.setdefault((room, section, entry.id), line)
            if entry.id and first != line:
                problems.append(
                    entry.problem(
                        ("id",),
                        f"the id {entry.id!r} is already used on line {first}.",
                        "Give one of the two another id.",
                    )
                )
            kept = sections.setdefault((room, section), [])
            kept[:] = [old for old in kept if old.id != entry.id or not entry.id]
            kept.append(entry)
    return Entries(sections, problems)


def describe(entry: Entry, error: ValidationError, model: type[BaseModel]) -> list[EntryProblem]:
    """Say where in its file an entry does not fit its model, and how to mend it."""
    return [
        entry.problem(tuple(detail["loc"]), _sentence(detail, entry), _mend(detail, model))
        for detail in error.errors(include_url=False, include_context=False)
    ]


def _yaml_files(files: Iterable[Path]) -> Iterator[Path]:
    for file in files:
        if file.is_dir():
            yield from sorted(file.glob("*.y*ml"))
        else:
            yield file


def _read(file: Path) -> Iterator[tuple[str, str, Entry]]:
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise EntryProblem(
            file, 0, f"the file cannot be read ({error.strerror}).", "Check ESAP_PEERS."
        ) from error
    except UnicodeDecodeError as error:
        raise EntryProblem(file, 0, "the file is not UTF-8 text.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise EntryProblem(
            file,
            mark.line + 1 if mark else 0,
            f"this is not YAML: {error.problem}.",
            "Check the indentation and the quotes there.",
        ) from error
    if root is None:
        return
    for room, sections in _members(file, root, "rooms, such as 'query:'"):
        for section, entries in _members(file, sections, "sections, such as 'archives:'"):
            if not isinstance(entries, SequenceNode):
                raise EntryProblem(
                    file,
                    _line(entries),
                    f"'{room}: {section}:' holds a list of entries.",
                    "Begin each entry with '- id: ...'.",
                )
            for node in entries.value:
                yield room, section, _entry(file, node)


def _entry(file: Path, node: Node) -> Entry:
    lines: dict[Path_, int] = {}
    try:
        values = _plain(file, node, (), lines)
    except RecursionError:
        message = "an entry holds itself."
        raise EntryProblem(file, _line(node), message, "Take the alias (*) out.") from None
    if not isinstance(values, dict):
        raise EntryProblem(
            file, _line(node), "an entry is a group of keys.", "Begin with '- id: ...'."
        )
    return Entry(values, file, lines)


def _members(file: Path, node: Node, what: str) -> Iterator[tuple[str, Node]]:
    if not isinstance(node, MappingNode):
        raise EntryProblem(file, _line(node), f"{what} are expected here.")
    for key, value in node.value:
        yield str(key.value), value


def _plain(file: Path, node: Node, path: Path_, lines: dict[Path_, int]) -> Any:
    """Turn a YAML node into plain values, noting the line of each."""
    lines[path] = _line(node)
    if isinstance(node, MappingNode):
        values: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in values:
                raise EntryProblem(
                    file, _line(key), f"the key {name!r} is written twice.", "Keep one of them."
                )
            values[name] = _plain(file, value, (*path, name), lines)
            lines[(*path, name)] = _line(key)
        return values
    if isinstance(node, SequenceNode):
        return [_plain(file, item, (*path, i), lines) for i, item in enumerate(node.value)]
    assert isinstance(node, ScalarNode)  # noqa: S101 - YAML has no fourth kind of node
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (ValueError, yaml.YAMLError) as error:  # 2020-13-45, !!python/name:x
        raise EntryProblem(
            file,
            _line(node),
            f"{node.value!r} is not a value of the kind that it looks like.",
            "If it is text, put it in quotes.",
        ) from error


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _sentence(detail: Any, entry: Entry) -> str:
    name = ".".join(str(part) for part in detail["loc"]) or "the entry"
    of = f" (entry {entry.id!r})" if entry.id else ""
    if detail["type"] == "extra_forbidden":
        return f"{name!r} is not a known key{of}."
    if detail["type"] == "missing":
        return f"{name!r} is missing{of}."
    return f"{name!r}{of}: {detail['msg'].removeprefix('Value error, ')}."


def _mend(detail: Any, model: type[BaseModel]) -> str:
    if detail["type"] == "missing":
        return "Add it to the entry."
    if detail["type"] != "extra_forbidden":
        return ""
    *parents, name = detail["loc"]
    known = _fields(model, [part for part in parents if isinstance(part, str)])
    close = get_close_matches(str(name), known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known keys are: {', '.join(sorted(known))}."


def _fields(model: type[BaseModel], parents: list[str]) -> list[str]:
    """Return the keys known at a place inside an entry."""
    for parent in parents:
        info = model.model_fields.get(parent)
        inner = next(_models(info.annotation), None) if info else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models named in an annotation such as `tuple[Dataset, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)
