"""A file of the lake, for somebody's browser: by a link to the storage, or through the gateway."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from accounts.tokens import token_for
from esap.clients.rucio_names import has_dot_steps
from esap.errors import InvalidRequest, LoginRequired, NotFound
from rucio_app.backends.base import DataLake
from rucio_app.backends.values import Download, FileAt, Item
from rucio_app.services.access import as_reader
from rucio_app.services.browsing import links_at

__all__ = ["Offer", "is_of_storage", "offer", "read"]

_SCHEMES = ("https", "davs", "http")
"""What a browser can open, once `davs` is written as what it is."""
_ONE_RANGE = re.compile(r"bytes=(?:[0-9]+-[0-9]*|-[0-9]+)", re.IGNORECASE)
_MOST = 2
_THERE = "AVAILABLE"


@dataclass(frozen=True, slots=True)
class Offer:
    """Where a file can be had; `streams` says that only the gateway reaches it."""

    link: str
    name: str
    size: int
    streams: bool


def offer(lake: DataLake, caller: Any, item: Item, rse: str = "") -> Offer:
    """Find the link of a file, at one storage element or any; best where the gateway can stream.

    Raises `InvalidRequest` for what is no file, `NotFound` if it can be had nowhere by HTTP.
    """

    def ask(token: str) -> list[FileAt]:
        did = lake.did(item, token)
        if did.type != "file":
            raise InvalidRequest(f"{item} is a {did.type}: download its files one by one.")
        found = lake.replicas([item], token, rse_expression=rse, schemes=_SCHEMES, most=_MOST)
        return list(found.members)

    links = [
        (_web(link), file)
        for file in as_reader(lake, caller, ask)
        for place, state in file.states.items()
        if state == _THERE and rse in ("", place)
        for link in links_at(file, place)
    ]
    links = [(link, file) for link, file in links if link.startswith(("https://", "http://"))]
    if not links:
        where = f" at {rse}" if rse else ""
        raise NotFound(
            f"{item} cannot be had by HTTP{where} now. Stage it to a storage that offers that, or "
            "to a facility."
        )
    link, file = min(links, key=lambda found: not is_of_storage(lake, found[0]))
    return Offer(link, item.name.rpartition("/")[2], file.size, streams=is_of_storage(lake, link))


def read(lake: DataLake, user: Any, offered: Offer, byte_range: str = "") -> Download:
    """Open a file at the lake's own storage, or part of it, with a token where it wants one."""
    config = lake.config
    token = ""
    if config.storage_audience:
        if not user.is_authenticated:
            raise LoginRequired(f"Log in to download from {config.title}.")
        token = token_for(user, config.storage_audience, config.storage_scopes).token
    # Of several ranges the storage would answer with parts, in a form that is not passed on; who
    # ignores a range is right by RFC 9110, 14.2.
    wanted = byte_range if _ONE_RANGE.fullmatch(byte_range) else ""
    return lake.open(offered.link, token, byte_range=wanted)


def is_of_storage(lake: DataLake, link: str) -> bool:
    """Whether a link leads into the storage that the entry names: a token goes nowhere else.

    A name in a lake may have steps up in it, which are taken before the storage is asked.
    """
    storage = lake.config.storage
    if storage is None:
        return False
    root, there = urlsplit(str(storage)), urlsplit(_web(link))
    # Steps up lead out of it, however they are escaped.
    if root[:2] != there[:2] or has_dot_steps(unquote(there.path)):
        return False
    return there.path.startswith(root.path.rstrip("/") + "/")


def _web(link: str) -> str:
    """Return the address by which a browser knows a WebDAV link."""
    return "https" + link.removeprefix("davs") if link.startswith("davs://") else link
