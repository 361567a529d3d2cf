"""What became of each part of a staging, and where its files are by now."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from esap.errors import NotFound
from esap.jobs.models import Job, Phase
from rucio_app.backends.base import DataLake, Facility
from rucio_app.backends.values import Item, Listing
from rucio_app.services.access import as_user, lake_for
from rucio_app.services.browsing import MOST, with_paths
from rucio_app.services.selecting import facility_of
from rucio_app.services.staging import FILE, item_of_part

__all__ = ["fates"]


def fates(user: Any, parts: Sequence[Job]) -> list[dict[str, Any]]:
    """Tell of each part of one staging how it stands, and of its files where they are.

    Of all parts together these are at most as many files as of one: ask for one part for all of
    its files.
    """
    made = [part for part in parts if part.remote_id and part.phase != Phase.ABORTED]
    found = _files_of(lake_for(user, made[0].peer), user, made) if made else {}
    return [_fate(part, found.get(part.pk, Listing())) for part in parts]


def _fate(part: Job, found: Listing) -> dict[str, Any]:
    return {
        "part": str(part.pk),
        "did": str(item_of_part(part)),
        "phase": part.phase,
        "rule": part.remote_id,
        "sentence": part.waits_for or part.progress_sentence,
        "problem": part.problem,
        "files": found.members,
        "complete": found.complete,
    }


def _files_of(lake: DataLake, user: Any, parts: Sequence[Job]) -> dict[UUID, Listing]:
    """Return the files of each part, where they were staged to: of single files by one question."""
    asked: dict[str, Any] = parts[0].parameters  # those of one staging differ in their DIDs only
    facility = _facility(lake, asked.get("facility", ""))
    items = {part.pk: item_of_part(part) for part in parts}
    single = {part.pk for part in parts if part.parameters.get("type") == FILE}

    def replicas(items: Sequence[Item], token: str, most: int) -> Listing:
        return lake.replicas(items, token, rse_expression=asked["rse_expression"], most=most)

    def ask(token: str) -> dict[UUID, Listing]:
        some = [item for key, item in items.items() if key in single]
        files = replicas(some, token, MOST).members if some else ()
        known = {Item(file.scope, file.name): Listing([file]) for file in files}
        found = {key: known.get(items[key], Listing()) for key in single}
        left = MOST - len(known)
        for key in (key for key in items if key not in single):
            found[key] = Listing(complete=False)
            if left > 0:
                found[key] = replicas([items[key]], token, left)
            left -= len(found[key].members)
        return found

    return {
        key: Listing([with_paths(file, facility) for file in found.members], found.complete)
        for key, found in as_user(lake, user, ask).items()
    }


def _facility(lake: DataLake, facility_id: str) -> Facility | None:
    """Return the facility that was staged to, unless its entry has gone."""
    try:
        return facility_of(lake, facility_id) if facility_id else None
    except NotFound:
        return None
