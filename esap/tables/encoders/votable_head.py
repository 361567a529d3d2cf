"""The XML around the rows of a VOTable (VOTable 1.4; its status by DALI 1.1, section 4.4)."""

from collections.abc import Mapping

import orjson
import pyarrow as pa

from esap.tables.columns import Column
from esap.tables.encoders.votable_cells import NULLS_IN_LISTS, votable_column
from esap.tables.encoders.xmltext import attribute, content

__all__ = ["END", "header", "infos"]

START = """\
<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results">
<INFO name="QUERY_STATUS" value="OK"/>
<TABLE>
"""
END = b"</RESOURCE>\n</VOTABLE>\n"
ATTRIBUTES = ("name", "datatype", "arraysize", "unit", "ucd", "utype", "xtype")


def header(schema: pa.Schema) -> bytes:
    """All up to the rows, with the TABLE still open."""
    fields = (votable_column(field) for field in schema)
    return (START + "".join(map(_field, fields))).encode()


def infos(footer: Mapping[str, object], *, overflow: bool) -> bytes:
    """What is known only after the rows, to stand after the TABLE."""
    told = {"QUERY_STATUS": "OVERFLOW"} if overflow else {}
    told |= {
        key: value if isinstance(value, str) else orjson.dumps(value).decode()
        for key, value in footer.items()
    }
    return "".join(
        f"<INFO name={attribute(key)} value={attribute(value)}/>\n" for key, value in told.items()
    ).encode()


def _field(column: Column) -> str:
    said = {name: getattr(column, name) for name in ATTRIBUTES}
    tag = "".join(f" {name}={attribute(value)}" for name, value in said.items() if value)
    inside = ""
    if column.description:
        inside += f"<DESCRIPTION>{content(column.description)}</DESCRIPTION>"
    if column.arraysize and column.datatype in NULLS_IN_LISTS:
        inside += f'<VALUES null="{NULLS_IN_LISTS[column.datatype]}"/>'
    return f"<FIELD{tag}>{inside}</FIELD>\n" if inside else f"<FIELD{tag}/>\n"
