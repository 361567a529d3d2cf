"""Values as ADQL literals."""

import math
import re

from esap.errors import InvalidRequest

__all__ = ["Value", "literal", "quoted"]

Value = str | int | float | bool

# Control characters (C0, DEL, C1), line and paragraph separators, and lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_INT64 = 1 << 63


def literal(value: Value) -> str:
    """Write a value as one ADQL literal; raise `InvalidRequest` for one that has none.

    ADQL 2.0 has no boolean literals: true and false are written as the texts that archives with
    boolean columns take for them.
    """
    if isinstance(value, bool):
        return "'true'" if value else "'false'"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise InvalidRequest(f"{value} is too large a number: use at most 64 bits.")
        return str(value)
    if not math.isfinite(value):
        raise InvalidRequest(f"{value} cannot be asked for: give a finite number.")
    return repr(float(value))


def quoted(text: str) -> str:
    """Write a text as a character string literal (ADQL 2.1, section 2.1).

    Backslashes are refused, although ADQL gives them no meaning: some archives hand the literal on
    to a database that does, where a backslash would hide the closing quote.
    """
    refuse_unsafe(text)
    return "'" + text.replace("'", "''") + "'"


def refuse_unsafe(text: str) -> None:
    """Raise `InvalidRequest` if a text has characters that no archive is sent."""
    if found := _UNPRINTABLE.search(text):
        raise InvalidRequest(
            f"Take the control character U+{ord(found[0]):04X} out of {text!r}: "
            "archives are sent printable text only."
        )
    if "\\" in text:
        raise InvalidRequest(
            f"Take the backslash out of {text!r}: some archives would misread it. "
            "Where any character will do, '_' stands for one and '%' for several."
        )
