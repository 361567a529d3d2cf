"""The answers of the fake archive on the wire: VOTable 1.4 and CSV, written without the gateway."""

import base64
import csv
import io
import struct
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from tests.support.fakes.tap.sky import Answer, Field

_HEAD = (
    "<?xml version='1.0' encoding='utf-8'?>\n"
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
    '<RESOURCE type="results">'
)
_TAIL = "</RESOURCE></VOTABLE>"
_CODES = {"short": ">h", "int": ">i", "long": ">q", "float": ">f", "double": ">d"}


def error(sentence: str) -> bytes:
    """Return an error document (DALI 1.1, section 4.4)."""
    return f"{_HEAD}{_status('ERROR', sentence)}{_TAIL}".encode()


def votable(answer: Answer, serialization: str, ending: str = "") -> bytes:
    """Return a table; like DaCHS, say OK before it and OVERFLOW after it."""
    fields = "".join(map(_field, answer.fields))
    data = _tabledata(answer) if serialization == "TABLEDATA" else _binary2(answer)
    status = _status("OVERFLOW") if answer.overflow else ""
    table = f'<TABLE name="result">{fields}<DATA>{data}</DATA></TABLE>'
    return f"{_HEAD}{_status('OK')}{table}{status}{ending}{_TAIL}".encode()


def late_error(answer: Answer, sentence: str) -> bytes:
    """Return a table after which the service says that it failed (DALI 1.1, section 4.4.1)."""
    return votable(answer, "BINARY2", ending=_status("ERROR", sentence))


def csv_text(answer: Answer) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(field.name for field in answer.fields)
    writer.writerows(answer.rows)
    return text.getvalue().encode()


def vosi_tables(tables: dict[str, list[Field]]) -> bytes:
    """Return all tables as VOSI 1.1 describes them."""
    return (
        '<vosi:tableset xmlns:vosi="http://www.ivoa.net/xml/VOSITables/v1.0" '
        'xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        + "".join(_vosi_table(name, fields) for name, fields in tables.items())
        + "</vosi:tableset>"
    ).encode()


def _vosi_table(name: str, fields: list[Field]) -> str:
    columns = "".join(
        f"<column><name>{f.name}</name><description>{escape(f.description)}</description>"
        + "".join(
            f"<{key}>{escape(value)}</{key}>"
            for key, value in (("unit", f.unit), ("ucd", f.ucd), ("utype", f.utype))
            if value
        )
        + f'<dataType xsi:type="vs:VOTableType"{_arraysize(f)}>{f.datatype}</dataType></column>'
        for f in fields
    )
    schema = name.split(".", maxsplit=1)[0]
    return (
        f"<schema><name>{schema}</name><table type='table'><name>{name}</name>"
        f"<description>About {name}</description>{columns}</table></schema>"
    )


def _field(field: Field) -> str:
    attributes = "".join(
        f" {key}={quoteattr(value)}"
        for key, value in [
            ("name", field.name),
            ("datatype", field.datatype),
            ("unit", field.unit),
            ("ucd", field.ucd),
            ("utype", field.utype),
        ]
        if value
    )
    null = '<VALUES null="-1"/>' if field.datatype in {"short", "int", "long"} else ""
    description = escape(field.description)
    return (
        f"<FIELD{attributes}{_arraysize(field)}>"
        f"<DESCRIPTION>{description}</DESCRIPTION>{null}</FIELD>"
    )


def _arraysize(field: Field) -> str:
    return f' arraysize="{field.arraysize}"' if field.arraysize else ""


def _status(value: str, sentence: str = "") -> str:
    return f'<INFO name="QUERY_STATUS" value="{value}">{escape(sentence)}</INFO>'


def _tabledata(answer: Answer) -> str:
    rows = "".join(
        f"<TR>{''.join(f'<TD>{_text(value)}</TD>' for value in row)}</TR>\n" for row in answer.rows
    )
    return f"<TABLEDATA>{rows}</TABLEDATA>"


def _text(value: object) -> str:
    return "" if value is None else escape(str(value))


def _binary2(answer: Answer) -> str:
    data = b"".join(_record(answer.fields, row) for row in answer.rows)
    return (
        f'<BINARY2><STREAM encoding="base64">{base64.b64encode(data).decode()}</STREAM></BINARY2>'
    )


def _record(fields: list[Field], row: Iterable) -> bytes:
    values = list(row)
    nulls = sum(1 << (7 - i % 8 + 8 * (i // 8)) for i, v in enumerate(values) if v is None)
    mask = nulls.to_bytes((len(values) + 7) // 8, "little")
    return mask + b"".join(_cell(f.datatype, v) for f, v in zip(fields, values, strict=True))


def _cell(datatype: str, value: object) -> bytes:
    if code := _CODES.get(datatype):
        return struct.pack(code, 0 if value is None else value)
    text = "" if value is None else str(value)
    if datatype == "unicodeChar":
        return struct.pack(">I", len(text)) + text.encode("utf-16-be")
    return struct.pack(">I", len(text.encode())) + text.encode()
