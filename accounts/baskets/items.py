"""What an item of a basket is: its kinds, what each has to say, and which are equal."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from esap.errors import InvalidRequest, TooLarge

__all__ = ["ARCHIVE_LENGTH", "KINDS", "Item", "read_items"]

ARCHIVE_LENGTH = 64
_MOST_LEVELS = 64
_URL_LENGTH = 2048
_WEB = frozenset({"http", "https"})
# The schemes by which Rucio's storages are read, and those of buckets.
_FILES = _WEB | {"davs", "dav", "ftp", "gsiftp", "root", "roots", "s3", "s3s", "srm", "xroot"}

Said = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One item, checked: its JSON text exactly as it is kept, and what it is found by.

    `digest` is equal for equal items: those with the same keys and values, in whatever order the
    keys come, and with 1.0 as good as 1.
    """

    kind: str
    archive: str
    data: str
    digest: str


def read_items(sent: Collection[object], *, most: int, most_bytes: int) -> list[Item]:
    """Return the items that were sent, in their order; of equal ones only the first.

    Values are only looked at, never followed: no URL is opened. Raises `InvalidRequest` or
    `TooLarge`, which name the item by its place.
    """
    if len(sent) > most:
        raise TooLarge(
            f"These are {len(sent)} items, and a basket may have {most}.",
            size=len(sent),
            limit=most,
        )
    items: dict[str, Item] = {}
    for number, value in enumerate(sent, start=1):
        item = _read(value, place=f"Item {number}", most_bytes=most_bytes)
        items.setdefault(item.digest, item)
    return list(items.values())


def _read(value: object, *, place: str, most_bytes: int) -> Item:
    if not isinstance(value, dict):
        raise InvalidRequest(
            f'{place}: an item is a JSON object, such as {{"archive": "apertif", "record": {{}}}}.'
        )
    try:
        compared = json.dumps(_comparable(value, _MOST_LEVELS), sort_keys=True)
    except RecursionError as error:
        raise InvalidRequest(
            f"{place}: it is nested deeper than {_MOST_LEVELS} levels. Send it flatter."
        ) from error
    kind = _kind(value, place)
    data = json.dumps(value)  # ASCII, so its length is its bytes, in every database
    if len(data) > most_bytes:
        raise TooLarge(
            f"{place}: it has {len(data)} bytes, and an item may have {most_bytes}. Keep what "
            "identifies the data, and leave the rest where it is.",
            size=len(data),
            limit=most_bytes,
        )
    return Item(
        kind=kind,
        archive=value.get("archive") or "",
        data=data,
        digest=hashlib.sha256(compared.encode()).hexdigest(),
    )


def _comparable(value: Any, levels: int) -> Any:
    """Return a value in which equal JSON is equal Python: JSON has no 1.0 beside 1."""
    if levels < 0:
        raise RecursionError
    match value:
        case dict():
            return {key: _comparable(member, levels - 1) for key, member in value.items()}
        case list():
            return [_comparable(member, levels - 1) for member in value]
        case float() if value.is_integer():
            return int(value)
    return value


def _kind(item: Said, place: str) -> str:
    """Return the kind of an item, once it says what its kind has to say."""
    kind = item.get("kind", _PUBLISHED)
    if not isinstance(kind, str) or kind not in _RULES:
        raise InvalidRequest(f"{place}: kind has to be one of {', '.join(KINDS)}.")
    archive = item.get("archive")
    if archive is not None and not (isinstance(archive, str) and len(archive) <= ARCHIVE_LENGTH):
        raise InvalidRequest(
            f"{place}: archive has to be a text of at most {ARCHIVE_LENGTH} characters."
        )
    says_enough, needs = _RULES[kind]
    record = item.get("record")
    if not says_enough({**record, **item} if isinstance(record, dict) else item):
        of_kind = f"of kind {kind!r}" if kind else "without a kind"
        raise InvalidRequest(f"{place}: an item {of_kind} needs {needs}.")
    return kind or "row"


def _is_row(item: Said) -> bool:
    return _is_text(item.get("archive")) and isinstance(item.get("record"), dict | list)


def _is_published(item: Said) -> bool:
    """Say whether the published front end may have sent this: Zooniverse's items have no record."""
    return _is_row(item) or (_is_text(item.get("archive")) and "project_id" in item)


def _is_did(item: Said) -> bool:
    scope, name = item.get("scope"), item.get("name")
    if "did" in item:
        scope, _, name = str(item["did"]).partition(":")
    return _is_text(scope) and _is_text(name)


def _is_table(item: Said) -> bool:
    return (
        (_is_text(item.get("archive")) and _is_text(item.get("table")))
        or _is_uuid(item.get("job"))
        or _is_url(item.get("url"), _WEB)
    )


def _is_file(item: Said) -> bool:
    return _is_text(item.get("path")) or _is_url(item.get("url"), _FILES)


def _is_web_page(item: Said) -> bool:
    return _is_url(item.get("url"), _WEB)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def _is_url(value: object, schemes: Collection[str]) -> bool:
    """Say whether this is an absolute URL: whoever shows it as a link must get no script."""
    if not isinstance(value, str) or len(value) > _URL_LENGTH or not value.isprintable():
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and " " not in value


_PUBLISHED = ""
_RULES: Mapping[str, tuple[Callable[[Said], bool], str]] = {
    "row": (_is_row, "archive, and a record that is an object or a list"),
    "did": (_is_did, 'did as "scope:name", or scope and name'),
    "table": (_is_table, "archive and table, or the id of a job, or a url (http, https)"),
    "file": (_is_file, "path, or a url (https, davs, root, s3, and the like)"),
    "url": (_is_web_page, "url, which begins with http:// or https://"),
    _PUBLISHED: (_is_published, "archive and record, as the published front end sends them"),
}
KINDS = {
    "row": "a row of a table in an archive",
    "did": "a data identifier in a data lake",
    "table": "a whole table",
    "file": "a file",
    "url": "a page or a file on the web",
}
"""The kinds by which items are listed. Items without a kind are listed as rows."""
