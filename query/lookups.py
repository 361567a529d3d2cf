"""Look-ups at one peer: where an object is, and which tables an archive has."""

from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from pydantic import HttpUrl, TypeAdapter, ValidationError

from esap.backends.deadline import within
from esap.backends.registry import fingerprint
from esap.backends.single_flight import SingleFlight
from esap.backends.visibility import Visible
from esap.errors import InvalidRequest, LoginRequired, NotFound
from query import names
from query.backends.base import Archive, TableInfo, archives

__all__ = ["sky_coordinates", "tables_and_fields"]

Table = dict[str, Any]

_KEPT_SECONDS = 86_400
_flights: SingleFlight[list[Table]] = SingleFlight()
_address = TypeAdapter(HttpUrl)


def sky_coordinates(target_name: str, caller: object = None) -> dict[str, str]:
    """Return where a named object is, in the published shape, and what resolved its name."""
    if not target_name.strip():
        raise InvalidRequest("target_name: name an object, such as target_name=M31.")
    place = names.resolve(target_name, caller)
    return {
        "description": "ICRS (ra, dec) in deg",
        "target_name": target_name,
        "ra": _degrees(place.ra),
        "dec": _degrees(place.dec),
        "resolver": place.resolver,
    }


def tables_and_fields(*, dataset_uri: str, access_url: str, caller: object = None) -> list[Table]:
    """Return the tables of an archive with their columns, in the published shape.

    The archive is the one at `access_url`, or else the one that has the dataset. Its answer is
    kept for a day, and those who ask at once share one question to it. Raises `LoginRequired` for
    an address that is not an archive's: the gateway goes to such addresses only for known users.
    """
    visible = archives.for_caller(caller)
    # Before the cache is asked: it holds the tables of archives that are not for everybody, too.
    if access_url:
        archive = _archive_at(access_url, visible)
    else:
        archive = _archive_with(dataset_uri, visible)
    key = f"query.tables.{archive.config.id}.{fingerprint()}"
    kept: list[Table] | None = cache.get(key)
    return kept if kept is not None else _flights.do(key, lambda: _ask(archive, key))


def _ask(archive: Archive, key: str) -> list[Table]:
    kept: list[Table] | None = cache.get(key)
    if kept is not None:  # It came while this caller was on the way here.
        return kept
    with within(archive.config.timeout):
        tables = [_table(table) for table in archive.tables()]
    cache.set(key, tables, _KEPT_SECONDS)
    return tables


def _archive_at(access_url: str, visible: Visible[Archive]) -> Archive:
    try:
        wanted = str(_address.validate_python(access_url)).rstrip("/")
    except ValidationError:
        raise InvalidRequest(
            f"access_url: {access_url[:100]!r} is not an http or https address."
        ) from None
    for archive in visible:
        if archive.config.base_url == wanted:
            return archive
    raise LoginRequired(
        f"{wanted} is not the address of a configured archive. Log in to look at services of your "
        "own choice; without a login, take the catalog_url_derived of a dataset."
    )


def _archive_with(dataset_uri: str, visible: Visible[Archive]) -> Archive:
    if not dataset_uri:
        raise InvalidRequest("dataset_uri: name a dataset, or an archive's address as access_url.")
    for archive in visible:
        if dataset_uri in {dataset.id for dataset in archive.config.datasets}:
            return archive
    raise NotFound(
        f"There is no dataset {dataset_uri!r}. See /esap-api/query/datasets-uri for all."
    )


def _table(table: TableInfo) -> Table:
    return {"table_name": table.name, "table_type": table.kind, "fields": list(_fields(table))}


def _fields(table: TableInfo) -> Iterable[dict[str, str | None]]:
    for column in table.columns:
        yield {
            "name": column.name,
            "description": column.description,
            "unit": column.unit,
            "datatype": column.datatype,
        }


def _degrees(value: float) -> str:
    """Write degrees to a microarcsecond, without an exponent."""
    return f"{value:.10f}".rstrip("0").rstrip(".")
