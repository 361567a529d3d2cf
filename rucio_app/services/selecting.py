"""What is chosen of a lake, and where it shall go."""

from collections.abc import Iterable, Mapping

from esap.errors import InvalidRequest, NotFound
from rucio_app.backends.base import DataLake, Facility, Item
from rucio_app.services.browsing import item_of

__all__ = ["facility_of", "items_of", "target_of"]


def items_of(asked: Iterable[Mapping[str, str]]) -> list[Item]:
    """Return the DIDs of a selection, each once, in their order."""
    return list(dict.fromkeys(item_of(one.get("scope", ""), one["name"]) for one in asked))


def facility_of(lake: DataLake, facility_id: str) -> Facility:
    """Return a facility of a lake; `NotFound` lists those that there are."""
    for facility in lake.config.facilities:
        if facility.id == facility_id:
            return facility
    known = ", ".join(facility.id for facility in lake.config.facilities) or "none"
    raise NotFound(
        f"There is no facility {facility_id!r} at {lake.config.title}. There are: {known}."
    )


def target_of(lake: DataLake, facility_id: str, rse_expression: str) -> str:
    """Return the RSE expression of where to stage to: that of a facility, or the one given."""
    if facility_id and rse_expression:
        raise InvalidRequest("Name a facility or an rse_expression, not both.")
    if facility_id:
        return facility_of(lake, facility_id).rse_expression
    if not rse_expression:
        raise InvalidRequest("Say where to: a facility of the lake, or an rse_expression.")
    return rse_expression
