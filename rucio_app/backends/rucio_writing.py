"""How a file gets its place in Rucio: over WebDAV to the storage, then into the catalogue.

Rucio's own clients do it like this: under a name of its own first, then moved to its place
(RFC 4918, section 9.9), so that no other file is touched and no part of one is ever seen.
"""

from collections.abc import Container, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from esap.backends.http import PeerSession
from esap.clients.rucio import RucioClient
from esap.clients.rucio_names import cut_short
from esap.errors import (
    AlreadyExists,
    BackendFailed,
    BackendUnavailable,
    EsapError,
    InvalidRequest,
    NotFound,
    UnreadableAnswer,
)
from rucio_app.backends.values import Download, Item
from rucio_app.backends.writing import Described, Measured, WritableLake

__all__ = ["RucioWriter"]

_SCHEMES = ("davs", "https", "http")
_DOWNLOAD_SECONDS = 3_600.0
_UPLOAD_SECONDS = 3_600.0


class RucioWriter(WritableLake):
    """The part of a Rucio lake that gives files their places, and reads and writes them there."""

    _rucio: RucioClient
    _storage: PeerSession

    def scopes_of(self, account: str, token: str) -> list[str]:
        try:
            found = self._rucio.value("scopes", account, "scopes", token=token)
        except NotFound:  # so it says that there are none
            return []
        if not isinstance(found, list):
            raise UnreadableAnswer(f"{self.config.title} does not list the scopes of {account}.")
        return [str(scope) for scope in found]

    def removes_another(self, item: Item, rse: str, token: str) -> bool:
        other = cut_short(item.name)
        if other in (item.name, ""):
            return False
        try:
            here = self._pfn(item, rse, token)
            there = self._pfn(Item(item.scope, other), rse, token)
        except (InvalidRequest, NotFound):  # This element has paths of its own making.
            return True
        return cut_short(here) == there

    def place_for(self, item: Item, rse: str, token: str) -> str:
        element = self._rucio.get("rses", rse, token=token)
        scheme = _write_scheme(element)
        if not (scheme and element.get("deterministic") and element.get("availability_write")):
            raise InvalidRequest(
                f"rse: {rse} takes no files over HTTP now. Choose another; storage/ tells what "
                "each offers."
            )
        place = self._pfn(item, rse, token, operation="write", scheme=scheme)
        if urlsplit(place).scheme != scheme:
            raise UnreadableAnswer(f"{self.config.title} does not tell where to write {item}.")
        return place

    def open(self, link: str, token: str, *, byte_range: str = "") -> Download:
        headers = {"Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if byte_range:
            headers["Range"] = byte_range
        answer = self._storage.get(
            link, headers=headers, stream=True, allow_redirects=False, timeout=_DOWNLOAD_SECONDS
        )
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            answer.close()
            raise InvalidRequest("Range: the file does not have these bytes.")
        self._storage.expect(answer)
        part = answer.headers.get("Content-Range", "") if byte_range else ""
        # Part of a file that does not say which part would be taken for the whole.
        is_part = answer.status_code == HTTPStatus.PARTIAL_CONTENT and bool(part)
        if answer.status_code != HTTPStatus.OK and not is_part:
            answer.close()
            raise BackendFailed(f"The storage of {self.config.title} does not give this file.")
        size = answer.headers.get("Content-Length", "")
        return Download(
            self._storage.chunks(answer),
            int(size) if size.isdecimal() else None,
            part if is_part else "",
        )

    def write(self, link: str, file: Measured, token: str) -> None:
        part = f"{link}.esap-{uuid4().hex}"
        headers = {"Content-Type": "application/octet-stream"}
        try:
            self._ask("PUT", part, token, headers=headers, data=file)
            self._compare(part, file, token)
            self._move(part, link, token)
        except EsapError as error:
            try:
                self.remove(part, token)
            except EsapError as problem:
                raise type(error)(
                    f"{error.detail} What was written of it, {part}, could not be removed "
                    f"({problem.detail})",
                    **error.extensions,
                ) from error
            raise

    def remove(self, link: str, token: str) -> None:
        with suppress(NotFound):
            self._ask("DELETE", link, token, idempotent=True)

    def register(self, file: Described, rse: str, dataset: str, token: str) -> None:
        scope = file.item.scope
        told = {
            "scope": scope,
            "name": file.item.name,
            "bytes": file.size,
            "adler32": file.adler32,
            "md5": file.md5,
        }
        if dataset:
            # In one transaction: the file, its replica, and its place in the dataset.
            body: dict[str, object] = {"dids": [{**told, "type": "FILE"}], "rse": rse}
            self._rucio.send("POST", "dids", scope, dataset, "dids", token=token, body=body)
        else:
            body = {"rse": rse, "files": [told]}
            self._rucio.send("POST", "replicas", token=token, body=body)

    def let_go(self, item: Item, rse: str, token: str) -> None:
        replica = {"scope": item.scope, "name": item.name, "rse": rse}
        self._rucio.send(
            "POST",
            "replicas",
            "tombstone",
            token=token,
            body={"replicas": [replica]},
            idempotent=True,
        )

    def _pfn(self, item: Item, rse: str, token: str, **wanted: str) -> str:
        params = {"lfn": str(item), "operation": "read", "domain": "wan", **wanted}
        found = self._rucio.get("rses", rse, "lfns2pfns", token=token, params=params)
        return str(found.get(str(item), ""))

    def _compare(self, link: str, file: Measured, token: str) -> None:
        """Refuse what did not arrive whole; by its checksum too where the storage tells it.

        `Want-Digest` is of RFC 3230, which dCache, StoRM and XRootD speak.
        """
        headers = {"Want-Digest": "adler32", "Accept-Encoding": "identity"}
        answer = self._ask("HEAD", link, token, headers=headers)
        sent = file.described(Item("", ""))
        if answer.headers.get("Content-Length") != str(sent.size):
            arrived = answer.headers.get("Content-Length", "an unknown number of")
            raise BackendFailed(
                f"The storage of {self.config.title} has {arrived} of {sent.size} bytes. Upload "
                "it again."
            )
        for digest in answer.headers.get("Digest", "").split(","):
            kind, _, value = digest.strip().partition("=")
            if kind.lower() == "adler32" and value.lower().zfill(8) != sent.adler32:
                raise BackendFailed(
                    f"The storage of {self.config.title} has other bytes than were sent. Upload "
                    "it again."
                )

    def _move(self, part: str, link: str, token: str) -> None:
        headers = {"Destination": _web(link), "Overwrite": "F"}
        try:
            answer = self._ask(
                "MOVE", part, token, headers=headers, passing=(HTTPStatus.PRECONDITION_FAILED,)
            )
        except BackendUnavailable:
            if self._is_there(part, token):
                raise
            return  # It was moved, and only the answer was lost.
        if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
            raise AlreadyExists(
                f"The storage of {self.config.title} has a file already where this one belongs. "
                "Choose another name."
            )

    def _is_there(self, link: str, token: str) -> bool:
        try:
            self._ask("HEAD", link, token)
        except NotFound:
            return False
        return True

    def _ask(
        self,
        method: str,
        link: str,
        token: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Measured | None = None,
        idempotent: bool = False,
        passing: Container[int] = (),
    ) -> Any:
        """Call the storage. It may not send us elsewhere: a token would go along."""
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        answer = self._storage.request(
            method,
            _web(link),
            data=data,
            headers=sent,
            allow_redirects=False,
            idempotent=idempotent,
            timeout=_UPLOAD_SECONDS,
        )
        if answer.status_code in passing:
            return answer
        self._storage.expect(answer)
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise BackendFailed(
                f"The storage of {self.config.title} wants this done elsewhere, where the gateway "
                "sends nothing. Tell its operators."
            )
        return answer


def _write_scheme(element: Mapping[str, Any]) -> str:
    """Return the scheme by which an element takes files from afar; empty if by none of HTTP."""
    found = [
        (priority, _SCHEMES.index(protocol["scheme"]))
        for protocol in element.get("protocols") or ()
        if protocol.get("scheme") in _SCHEMES
        # Zero, and none, is how Rucio says that it is not for this.
        and (priority := (protocol.get("domains") or {}).get("wan", {}).get("write"))
    ]
    return _SCHEMES[min(found)[1]] if found else ""


def _web(link: str) -> str:
    return "https" + link.removeprefix("davs") if link.startswith("davs://") else link
