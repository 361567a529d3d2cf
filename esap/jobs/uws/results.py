"""The results of a job as UWS lists them, and where each is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from esap.api.negotiation import FORMATS
from esap.errors import NotFound
from esap.jobs.kinds import all_kinds
from esap.jobs.models import Job
from esap.jobs.uws.wording import pairs_of, response_format

__all__ = ["MAIN", "Listed", "listed_results", "place_of"]

MAIN = "result"
"""The id of the result that TAP knows (TAP 1.1, section 2.2.3)."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One result: its id, its address, and what is there; the size in bytes, if it is known."""

    id: str
    href: str
    media_type: str
    size: int | None


def listed_results(job: Job, base: str) -> list[Listed]:
    """Return the results of a job, the main one first; `base` is the address of the job list."""
    listed = [
        Listed(id=name, href=f"{base}/{job.pk}/results/{name}", **_what(job, result))
        for name, result in _named(job)
    ]
    return sorted(listed, key=lambda one: one.id != MAIN)


def place_of(job: Job, name: str) -> str:
    """Return where a result is; a stored table in the format that the job asks for.

    Raises `NotFound` if there is none of that id.
    """
    found = dict(_named(job)).get(name)
    if found is None:
        raise NotFound(f"Job {job.pk} is {job.phase} and has no result {name[:80]!r}.")
    link = str(found["link"])
    return f"{link}?format={_format(job)}" if _is_table(job, found) else link


def _named(job: Job) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return the results by the ids that UWS has for them: one is the main one."""
    results = {str(result["name"]): result for result in job.results}
    if not results or MAIN in results:
        return list(results.items())
    kind = all_kinds().get(job.kind)
    main = kind.wording.main_result(job) if kind and kind.wording else next(iter(results))
    return [(MAIN if name == main else name, result) for name, result in results.items()]


def _what(job: Job, result: dict[str, Any]) -> dict[str, Any]:
    if _is_table(job, result):  # how long it is in another format is not known
        return {"media_type": FORMATS[_format(job)][0], "size": None}
    return {"media_type": result["media_type"], "size": result["size"]}


def _is_table(job: Job, result: dict[str, Any]) -> bool:
    """Whether a result is a table that the gateway keeps and gives in any format."""
    place = f"{reverse('job-detail', args=[job.pk]).rstrip('/')}/results/{result['name']}"
    return bool(result["link"] == place)


def _format(job: Job) -> str:
    return response_format(pairs_of(job))
