"""Names of tables and columns as ADQL identifiers."""

import re

from esap.errors import InvalidRequest
from query.adql.values import refuse_unsafe
from query.adql.words import RESERVED

__all__ = ["column_name", "table_name"]

# A Latin letter, then letters, digits and underscores (ADQL 2.1, section 2.1).
_REGULAR = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DELIMITED = re.compile(r'"(?:[^"]|"")+"')
_PARTS = re.compile(r'((?:"(?:[^"]|"")*"|[^".])+)(?:\.|$)')
_LONGEST = 256
_MOST_PARTS = 3  # catalog.schema.table


def column_name(name: str) -> str:
    """Write the name of one column, delimited by quotes if it has to be.

    A name that comes in quotes is taken as written; dots belong to the name.
    """
    return _identifier(name)


def table_name(name: str) -> str:
    """Write the name of a table, with its schema and catalog if it names them.

    Dots part the name, except inside quotes: VizieR's `J/A+A/1` becomes `"J/A+A/1"`, and one whose
    own name has dots must come in quotes.
    """
    parts = _PARTS.findall(name)
    if not 1 <= len(parts) <= _MOST_PARTS or ".".join(parts) != name:
        raise InvalidRequest(
            f"{name!r} is not the name of a table: write table, schema.table or "
            "catalog.schema.table, with double quotes around a part that has dots of its own."
        )
    return ".".join(_identifier(part) for part in parts)


def _identifier(name: str) -> str:
    delimited = _DELIMITED.fullmatch(name) is not None
    bare = name[1:-1].replace('""', '"') if delimited else name
    if not bare.strip('" ') or bare != bare.strip() or len(bare) > _LONGEST:
        raise InvalidRequest(f"{name!r} is not the name of a table or column.")
    refuse_unsafe(bare)
    if not delimited and _REGULAR.fullmatch(name) and name.upper() not in RESERVED:
        return name
    return '"' + bare.replace('"', '""') + '"'
