"""The XML around a VOTable's rows: what expat reads, with the rows cut out.

Expat sees a well-formed document whose table is empty, so that structure, prefixes, entities and
the answer's end are judged by an XML parser, and the rows by faster means.
"""

from collections.abc import Iterable, Iterator
from xml.parsers import expat

from esap.errors import TooLarge, UnreadableAnswer
from esap.tables.votable.elements import Elements

__all__ = ["Document"]

MAX_HEAD = 1 << 24
CUT_OFF = {
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}


class Document:
    """An answer that has been read up to its first row, or to its end if it has none."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.head = bytearray()
        self._chunks = iter(chunks)
        self._rest = b""
        self._elements = Elements()
        self._parser = _parser_for(self._elements)
        self._read_head()
        self.fields = self._elements.fields()
        self.serialization = self._elements.serialization
        self.prefix = self._elements.prefix.encode()
        self.table_number = self._elements.number

    @property
    def overflow(self) -> bool:
        """Whether the service has said, so far, that it cut the rows short."""
        return self._elements.overflow

    def rest(self) -> Iterator[bytes]:
        """The bytes from the first row on; what is not taken stays for `finish`."""
        if self._rest:
            piece, self._rest = self._rest, b""
            yield piece
        yield from self._chunks

    def finish(self, after_rows: bytes) -> None:
        """Read on from the tag that ends the rows to the end, and judge the whole."""
        self._elements.rows_are_over = True
        self._feed(after_rows)
        for chunk in self.rest():
            self._feed(chunk)
        self._end()

    def copied(self) -> Iterator[bytes]:
        """All that follows the head, judged as it passes."""
        for chunk in self.rest():
            self._feed(chunk)
            yield chunk
        self._end()

    def _read_head(self) -> None:
        """Feed expat tag by tag, so that it stops exactly where the rows begin."""
        for chunk in self._chunks:
            start = 0
            while end := chunk.find(b">", start) + 1:
                self._feed_head(chunk[start:end])
                start = end
                if self._elements.in_rows:
                    self._rest = chunk[start:]
                    self._elements.judge()
                    return
            self._feed_head(chunk[start:])
        self._end()

    def _feed_head(self, data: bytes) -> None:
        self.head += data
        if len(self.head) > MAX_HEAD:
            raise TooLarge("The answer has no rows in its first 16 MB; it is refused.")
        self._feed(data)

    def _feed(self, data: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            raise UnreadableAnswer(self._unreadable(error)) from error

    def _end(self) -> None:
        if not self.head.strip():
            raise UnreadableAnswer("The service's answer is empty.")
        self._feed(b"", last=True)
        self._elements.judge(complete=True)

    def _unreadable(self, error: expat.ExpatError) -> str:
        if self._elements.depth == 0 and not self.head.lstrip().startswith(b"<"):
            return "The service's answer is not a VOTable: it is not XML."
        if error.code in CUT_OFF:
            return "The answer is cut off before its end. Ask again, or for fewer rows."
        reason = expat.errors.messages.get(error.code, "")
        return f"The service's answer is not well-formed XML ({reason}, line {error.lineno})."


def _parser_for(elements: Elements) -> expat.XMLParserType:
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_declarations
    parser.StartElementHandler = elements.start
    parser.EndElementHandler = elements.end
    parser.CharacterDataHandler = elements.text
    if hasattr(parser, "SetReparseDeferralEnabled"):
        # Since 2.6, expat may otherwise tell of a tag only after it has been fed some rows.
        parser.SetReparseDeferralEnabled(False)  # noqa: FBT003 -- expat takes no keywords
    return parser


def _refuse_declarations(
    name: str,
    _system: str | None,
    _public: str | None,
    has_subset: bool,  # noqa: FBT001 -- expat's signature
    /,
) -> None:
    """Entities are refused; a DTD, to which old services point, is not fetched."""
    if name.lower() == "html":
        raise UnreadableAnswer("The service answered with a web page instead of a table.")
    if has_subset:
        raise UnreadableAnswer("The answer declares XML entities of its own, which is not safe.")
