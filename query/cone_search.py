"""IVOA Simple Cone Search 1.03 over any dataset with positions, for pyvo, TOPCAT and the like."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import quoteattr

import pyarrow as pa

from esap.errors import EsapError, InvalidRequest, error_named
from esap.tables.columns import column_of
from esap.tables.stream import TableStream
from query.backends.base import archives
from query.federation import Columns, Outcome, Rows
from query.holding import held
from query.searches import Search

__all__ = ["cone_search", "error_document"]

MAX_ROWS = 10_000
_SMALLEST = 1e-9
"""Degrees: the cone asked of an archive where a client asks for none."""

# Clients of cone searches know identifier and position by the names that UCD1 had for them (SCS
# 1.03, section 2.2).
_FIRST_UCDS = {
    "meta.id;meta.main": "ID_MAIN",
    "pos.eq.ra;meta.main": "POS_EQ_RA_MAIN",
    "pos.eq.dec;meta.main": "POS_EQ_DEC_MAIN",
}


def cone_search(
    name: str,
    parameters: Mapping[str, str],
    owner: Any = None,
    unwanted: Callable[[], bool] = lambda: False,
) -> TableStream:
    """Return the rows of a dataset (or of an archive's first one) inside a cone.

    Parameters are those of SCS 1.03, section 2.1: RA, DEC and SR, decimal degrees in ICRS. SR=0
    asks for the columns only. Raises an `EsapError` for what keeps the archive from answering.
    """
    given = {key.upper(): value for key, value in parameters.items()}
    missing = [key for key in ("RA", "DEC", "SR") if not given.get(key)]
    if missing:
        raise InvalidRequest(f"{missing[0]} is missing. Give RA, DEC and SR in decimal degrees.")
    nothing = _is_zero(given["SR"])
    asked = {
        "datasets": [_dataset(name, owner)],
        "ra": given["RA"],
        "dec": given["DEC"],
        "fov": _SMALLEST if nothing else given["SR"],
        "limit": given.get("MAXREC") or MAX_ROWS,
    }
    batches: list[pa.RecordBatch] = []
    schema, more = pa.schema([]), False
    for event in held(Search.open(asked, owner).run(unwanted)):
        match event:
            case Columns():
                schema = pa.schema(map(_with_first_ucd, event.schema))
            case Rows() if not nothing:
                batches.append(pa.RecordBatch.from_arrays(event.batch.columns, schema=schema))
            case Outcome():
                if event.slug:
                    raise error_named(event.slug)(event.detail)
                more = event.status == "overflow" and not nothing
    return TableStream(schema, batches, overflowed=lambda: more)


def error_document(error: EsapError) -> bytes:
    """Return a VOTable that tells an error (SCS 1.03, section 2.3)."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        f' <INFO ID="Error" name="Error" value={quoteattr(error.detail)}/>\n'
        "</VOTABLE>\n"
    ).encode()


def _dataset(name: str, caller: object) -> str:
    for archive in archives.for_caller(caller):
        if archive.config.id == name and archive.config.datasets:
            return archive.config.datasets[0].id
    return name


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False


def _with_first_ucd(field: pa.Field) -> pa.Field:
    column = column_of(field)
    ucd = _FIRST_UCDS.get(column.ucd or "")
    return replace(column, ucd=ucd).described(field) if ucd else field
