"""What is chosen of a lake, and where it shall go."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from accounts.baskets.services import Owner, basket_named
from accounts.models import BasketItem
from esap.errors import InvalidRequest, NotFound
from rucio_app.backends.base import DataLake, Facility
from rucio_app.backends.values import Item
from rucio_app.services.browsing import item_of

__all__ = ["MOST_DIDS", "facility_of", "items_of", "items_wanted", "target_of"]

MOST_DIDS = 1_000


def items_of(asked: Iterable[Mapping[str, str]]) -> list[Item]:
    """Return the DIDs of a selection, each once, in their order."""
    return list(dict.fromkeys(item_of(one.get("scope", ""), one["name"]) for one in asked))


def items_wanted(user: Any, asked: Iterable[Mapping[str, str]], basket: str = "") -> list[Item]:
    """Return the DIDs of a selection, and those in one of the user's baskets, each once.

    Raises `InvalidRequest` if there are none or too many, `NotFound` if there is no such basket.
    """
    wanted = items_of(asked)
    if basket:
        wanted = list(dict.fromkeys([*wanted, *_in_basket(user, basket)]))
    if not wanted:
        raise InvalidRequest("There is nothing to stage: name dids, or a basket with some in it.")
    if len(wanted) > MOST_DIDS:
        raise InvalidRequest(f"These are {len(wanted)} DIDs: stage at most {MOST_DIDS} at once.")
    return wanted


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


def _in_basket(user: Any, name: str) -> list[Item]:
    """Return the DIDs in a basket: items of that kind, and rows that have a scope and a name."""
    basket = basket_named(Owner(user=user), name)
    rows = (
        BasketItem.objects.filter(basket=basket).order_by("position").values_list("data", flat=True)
    )
    found = []
    for data in rows:
        item = orjson.loads(data)
        record = item.get("record")
        said = {**(record if isinstance(record, dict) else {}), **item}
        if "did" in said:
            said = {"name": said["did"]}
        scope, did = str(said.get("scope") or ""), str(said.get("name") or "")
        if did and (scope or ":" in did):
            found.append(item_of(scope, did))
    return found
