"""Names of DIDs on their way to Rucio and back: in paths, in searches, and in PFNs.

Sites decide which names there may be: some let them have any letters. A name has to reach the DID
that has it, or nothing.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from esap.errors import InvalidRequest

__all__ = [
    "NamePattern",
    "cut_short",
    "has_dot_steps",
    "is_plain",
    "is_taken_for_path",
    "link_of",
    "path_of",
    "quoted",
]

_STEPS = (".", "..")
_WEB = ("https", "http", "davs")
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_MISREAD = re.compile(r"""[%\\"',()]+|true|false""", re.IGNORECASE)
_ENDS = frozenset(
    ("associated_rules", "dids", "files", "follow", "meta", "parents", "rules", "status")
)


def quoted(segment: str) -> str:
    """Return a part of a path that reaches what it names, and nothing else.

    A name that is a step in a path would be taken for one, however it is escaped.
    """
    if segment in _STEPS:
        raise InvalidRequest(f"{segment!r} cannot be asked for by name.")
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError as error:
        raise InvalidRequest("A name has letters that are no Unicode.") from error


def is_plain(name: str) -> bool:
    """Whether a name is the same in every path: nobody on the way can read another into it."""
    return _PLAIN.fullmatch(name) is not None


def is_taken_for_path(name: str) -> bool:
    """Whether Rucio takes the path of a DID with this name for one of its other paths."""
    steps = name.split("/")
    return (
        steps[-1] in _ENDS or steps[-2:] == ["dids", "history"] or name in ("guid", "dids/search")
    )


def has_dot_steps(name: str) -> bool:
    """Whether a path with this name in it is, at a storage, the place of something else."""
    return any(step in _STEPS for step in name.split("/"))


def cut_short(name: str) -> str:
    """Return what of a name Rucio reads when it removes a file: it takes the PFN for a URL."""
    return re.split("[#?]", name, maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class NamePattern:
    """Names that are looked for: `*` stands for anything, and all else for itself."""

    text: str

    @property
    def asked(self) -> str:
        """What to ask Rucio for: it finds all names that fit, and maybe others.

        To Rucio `%` stands for anything too, a backslash sometimes escapes, "true" is "True", and
        what Python would read as a literal is one: asked for `"x"` it finds `x`.
        """
        wide = _MISREAD.sub("*", self.text)
        # With a star in it, nothing is read as a literal.
        return wide if "*" in wide or (wide[:1].isalpha() and wide != "None") else f"{wide}*"

    def fits(self, name: str) -> bool:
        """Whether this is one of the names; in time that no pattern can make long."""
        first, *rest = self.text.split("*")
        if not rest:
            return name == first
        *middle, last = rest
        at, end = len(first), len(name) - len(last)
        if at > end or not (name.startswith(first) and name.endswith(last)):
            return False
        for part in middle:
            found = name.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


def link_of(pfn: str, name: str) -> str:
    """Return a PFN of a file as a link; empty if it would lead to another place.

    Rucio writes names into PFNs as they are. For HTTP they are escaped here; other protocols' tools
    take them so.
    """
    head, tail = _parted(pfn, name)
    if has_dot_steps(path_of(pfn, name)):
        return ""
    return head + quote(tail, safe="/") if urlsplit(head).scheme in _WEB else pfn


def path_of(pfn: str, name: str) -> str:
    """Return the path in a PFN of a file, as it is at the storage."""
    head, tail = _parted(pfn, name)
    return unquote(urlsplit(head).path) + tail


def _parted(pfn: str, name: str) -> tuple[str, str]:
    """Part a PFN into a URL and what of the name is at its end, as it is.

    Most sites write the whole name there, some only its last steps. Where there is nothing of it,
    it was registered as a URL, and is one.
    """
    steps = name.split("/")
    for first in range(len(steps)):
        tail = "/" + "/".join(steps[first:])
        if len(tail) > 1 and pfn.endswith(tail):
            return pfn.removesuffix(tail), tail
    return pfn, ""
