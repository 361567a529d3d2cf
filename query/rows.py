"""Rows in the published shapes: what the published front end reads of an answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from esap.tables.columns import column_of
from query.backends.base import Archive, Dataset
from query.parameters import mapping_of

__all__ = ["expert_rows", "published_rows"]

_LINKS = ("http://", "https://", "ftp://")


def published_rows(archive: Archive, dataset: Dataset, table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield rows of a dataset with the published keys (contract, 1.3 and section 3).

    `url` and `thumbnail` are always texts, and only links that a browser may follow. What a dataset
    has no column for is null. An archive with columns of its own has those, and `url`.
    """
    if archive.own_columns:
        for record in _records(table):
            yield {**record, "url": _link(record.get("url"))}
        return
    read = _readers(archive, dataset, table.schema)
    for record in _records(table):
        yield {key: value(record) for key, value in read.items()}


def expert_rows(dataset_id: str, query: str, table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield rows of a caller's own ADQL as the published IVOA page reads them.

    `result` joins the values with commas, so a comma inside a value becomes a semicolon; `fields`
    stands in every row, because the page reads it there.
    """
    fields = [
        {
            "name": column.name,
            "description": column.description or "",
            "ucd": column.ucd,
            "utype": column.utype,
            "datatype": column.datatype,
        }
        for column in (column_of(field) for field in table.schema)
    ]
    names = {name.lower(): name for name in table.schema.names}
    for record in _records(table):
        yield {
            "dataset": dataset_id,
            "result": ",".join(_written(value) for value in record.values()),
            "query": query,
            "url": _link(record.get(names.get("access_url", ""))),
            "thumbnail": _link(record.get(names.get("preview", ""))),
            "fields": fields,
        }


def _readers(
    archive: Archive, dataset: Dataset, schema: pa.Schema
) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
    """Return how each published key is read from a record."""
    mapping = mapping_of(archive, dataset)
    names = {name.lower(): name for name in schema.names}

    def column(parameter: str, *fallbacks: str) -> str:
        rule = mapping.rule(parameter)
        wanted = [rule.column if rule else "", *fallbacks]
        return next((names[name.lower()] for name in wanted if name.lower() in names), "")

    def value(name: str, default: Any = None) -> Callable[[Mapping[str, Any]], Any]:
        return lambda record: record.get(name, default)

    def text(name: str, default: Any = None) -> Callable[[Mapping[str, Any]], Any]:
        return lambda record: default if record.get(name) is None else str(record[name])

    def link(name: str) -> Callable[[Mapping[str, Any]], str]:
        return lambda record: _link(record.get(name))

    target = column("target", "target_name", "name")
    collection = column("collection", "obs_collection")
    level = column("dataproduct_level", "calib_level")
    url = link(column("access_url", dataset.url_field, "access_url"))
    return {
        "name": text(column("title", dataset.title_field) if dataset.title_field else target),
        "collection": text(collection, dataset.collection or None),
        "level": text(level, dataset.level or None),
        "ra": value(column("ra", "s_ra", "ra")),
        "dec": value(column("dec", "s_dec", "dec")),
        "fov": value(column("fov", "s_fov")),
        "dataset": lambda _: dataset.id,
        "archive": lambda _: archive.config.id,
        "result": url,
        "dataproduct_type": text(column("dataproduct_type", "dataproduct_type")),
        "calibration_level": value(level),
        "target": text(target),
        "obs_collection": text(collection, dataset.collection or None),
        "size": value(column("access_estsize", "access_estsize")),
        "facility": text(column("facility", "facility_name")),
        "instrument": text(column("instrument", "instrument_name")),
        "thumbnail": link(dataset.thumbnail_field and names.get(dataset.thumbnail_field, "")),
        "url": url,
    }


def _records(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches():
        yield from batch.to_pylist()


def _link(value: object) -> str:
    """Return a value if it is an address that a browser may follow, else nothing."""
    text = value if isinstance(value, str) else ""
    return text if text.lower().startswith(_LINKS) else ""


def _written(value: object) -> str:
    return "" if value is None else str(value).replace(",", ";")
