"""VOTables that tests make: by hand, and of random values through astropy."""

from io import BytesIO
from typing import Any

import numpy as np
from astropy.io.votable.tree import Field, Resource, TableElement, VOTableFile
from hypothesis import strategies as st

__all__ = ["columns", "tables", "votable", "written"]

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
    '<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/><TABLE>'
)


def columns(*fields: str) -> str:
    """FIELD elements from "name datatype arraysize" or "name datatype"."""
    made = []
    for field in fields:
        name, datatype, *size = field.split()
        arraysize = f' arraysize="{size[0]}"' if size else ""
        made.append(f'<FIELD name="{name}" datatype="{datatype}"{arraysize}/>')
    return "".join(made)


def votable(fields: str, rows: str, after: str = "") -> bytes:
    return (
        f"{HEAD}{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>{after}"
        "</RESOURCE></VOTABLE>"
    ).encode()


# Text that XML can hold and astropy can write in every serialization.
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
# In text of fixed length, astropy cuts a character beyond the first 65536 in two.
BASIC = st.text(
    st.characters(
        exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff", max_codepoint=0xFFFF
    ),
    max_size=8,
)
UNICODE = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=8
)
NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "unsignedByte": st.integers(0, 2**8 - 1),
    "short": st.integers(-(2**15), 2**15 - 1),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32),
    "double": st.floats(),
    "boolean": st.booleans(),
}
NULLS = {"unsignedByte": 255, "short": -9, "int": -(2**31), "long": 0}


@st.composite
def _field(draw: st.DrawFn) -> dict[str, Any]:
    datatype = draw(st.sampled_from([*NUMBERS, "char", "unicodeChar"]))
    if datatype in NUMBERS:
        arraysize = draw(st.sampled_from([None, None, "2", "2x2", "*"]))
        return {"datatype": datatype, "arraysize": arraysize}
    return {"datatype": datatype, "arraysize": draw(st.sampled_from(["*", "8", "8*"]))}


@st.composite
def tables(draw: st.DrawFn) -> VOTableFile:
    """One table of up to 9 columns and 12 rows, with nulls."""
    fields = draw(st.lists(_field(), min_size=1, max_size=9))
    rows = draw(st.integers(0, 12))
    document, resource = VOTableFile(version="1.4"), Resource()
    table = TableElement(document)
    document.resources.append(resource)
    resource.tables.append(table)
    for number, said in enumerate(fields):
        field = Field(document, name=f"c{number}", ID=f"c{number}", **said)
        if said["datatype"] in NULLS:
            field.values.null = NULLS[said["datatype"]]
            field._setup({}, None)
        table.fields.append(field)
    table.create_arrays(rows)
    for number, said in enumerate(fields):
        for row in range(rows):
            _fill(draw, table, row, f"c{number}", said)
    return document


def _fill(draw: st.DrawFn, table: Any, row: int, name: str, said: dict[str, Any]) -> None:
    datatype, arraysize = said["datatype"], said["arraysize"]
    if datatype not in NUMBERS:
        table.array[name][row] = draw(ASCII if datatype == "char" else BASIC)[:8]
        return
    lengths = {None: (1, 1), "2": (2, 2), "2x2": (4, 4), "*": (0, 4)}[arraysize]
    values = draw(st.lists(NUMBERS[datatype], min_size=lengths[0], max_size=lengths[1]))
    if arraysize == "*":
        # Through the mask, an array cannot be set as one value.
        made = np.ma.array(values, dtype=_numpy(datatype), mask=[False] * len(values))
        table.array.data[name][row] = made
    else:
        table.array[name][row] = np.reshape(values, {None: (), "2": 2, "2x2": (2, 2)}[arraysize])
        if draw(st.booleans()) and arraysize is None:
            table.array.mask[name][row] = True


def _numpy(datatype: str) -> str:
    return {
        "unsignedByte": "u1",
        "short": "i2",
        "int": "i4",
        "long": "i8",
        "float": "f4",
        "double": "f8",
        "boolean": "b1",
    }[datatype]


def written(document: VOTableFile, serialization: str) -> bytes:
    """The document as astropy writes it: `tabledata`, `binary` or `binary2`."""
    file = BytesIO()
    document.to_xml(file, tabledata_format=serialization)
    return file.getvalue()
