"""Text as XML 1.0 can hold it."""

import re
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esap.tables.encoders.joined import has_any

__all__ = ["attribute", "content", "xml_text"]

ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# The last two have the bytes EF BF BE and EF BF BF in UTF-8.
SPECIAL = np.zeros(256, dtype=np.bool_)
SPECIAL[:32] = True
SPECIAL[list(b"&<>\xef")] = True
REFERENCES = {"\r": "&#13;"}


def content(text: str) -> str:
    """Text between tags; a character that XML forbids becomes U+FFFD."""
    return escape(ILLEGAL.sub("\ufffd", text), REFERENCES)


def attribute(text: str) -> str:
    """The value of an attribute, in quotes."""
    return quoteattr(ILLEGAL.sub("\ufffd", text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def xml_text(text: pa.StringArray) -> pa.StringArray:
    """Each value as `content`."""
    if not has_any(text, SPECIAL):
        return text
    special = pc.match_substring_regex(text, "[&<>\\x00-\\x1f\\x{fffe}\\x{ffff}]")
    if not special.true_count:
        return text
    escaped = [content(value) for value in text.filter(special).to_pylist()]
    return pc.replace_with_mask(text, special.fill_null(False), pa.array(escaped, pa.string()))  # noqa: FBT003
