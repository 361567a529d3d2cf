"""Start-up checks: every entry is valid before the first request."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from esap.backends.entries import EntryProblem
from esap.backends.registry import entries

__all__ = ["check_entries"]


@register()
def check_entries(**_: Any) -> list[CheckMessage]:
    """Say where each entry that is not valid stands, and how to mend it."""
    return [
        Error(
            f"{problem.where}: {problem.message}",
            hint=problem.mend or None,
            id="esap.E001",
        )
        for problem in _problems()
    ]


def _problems() -> Iterator[EntryProblem]:
    yield from entries().problems
    known = set()
    for path in settings.ENTRY_SECTIONS:
        section = import_string(path)
        known.add((section.room, section.name))
        yield from section.problems()
    for (room, name), written in entries().sections.items():
        if (room, name) not in known and written:
            names = ", ".join(sorted(f"{r}: {n}" for r, n in known))
            yield written[0].problem(
                (), f"'{room}: {name}:' is not a section.", f"Sections are: {names}."
            )
