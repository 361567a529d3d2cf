"""What callers would like, and get where it can be done: the Prefer header (RFC 7240)."""

import re
from collections.abc import Mapping

from django.http import HttpRequest
from rest_framework.request import Request

__all__ = ["preferences"]

_PREFERENCE = re.compile(
    r"""\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)            # its name
        (?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?   # its value
        (?:\s*;(?:[^,"]|"(?:[^"\\]|\\.)*")*)?       # its parameters, which nothing here has
        \s*(?:,|$)""",
    re.VERBOSE,
)


def preferences(request: HttpRequest | Request) -> Mapping[str, str]:
    """Return the preferences of a request by name, in lower case; a bare one is the empty text.

    Of one that comes twice the first counts (section 2); after what cannot be read, nothing does.
    """
    header = request.headers.get("Prefer", "")
    found: dict[str, str] = {}
    place = 0
    while place < len(header) and (match := _PREFERENCE.match(header, place)):
        name, quoted, plain = match.groups()
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted or "") or plain or "")
        place = match.end()
    return found
