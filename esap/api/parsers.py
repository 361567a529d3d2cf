"""How JSON request bodies are read."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework import parsers
from rest_framework.exceptions import ParseError

__all__ = ["JSONParser"]


class JSONParser(parsers.JSONParser):
    """JSON by orjson, which refuses what Python's own parser lets through or breaks on.

    That is text that is no Unicode (a lone surrogate, which no answer could repeat) and nesting
    without end. JSON is UTF-8 (RFC 8259, section 8.1), whatever charset the request names.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value of the body."""
        try:
            return orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"it is not JSON: {error}.") from error
