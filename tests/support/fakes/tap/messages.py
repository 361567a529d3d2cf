"""A request and a reply of the fake archive."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """What was asked: `path` begins after the address of the archive (`/sync`)."""

    method: str
    archive: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/x-votable+xml"
    headers: dict[str, str] = field(default_factory=dict)
