"""Rucio's REST interface: paths, streams of JSON, and what its errors mean. No policy.

It was learned from Rucio 41.5; docs/explanation/rucio.md lists what surprises in it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Protocol

import orjson
from requests import Response

from esap.clients.rucio_names import quoted
from esap.errors import (
    AlreadyExists,
    BackendFailed,
    BackendRefused,
    BackendUnavailable,
    EsapError,
    InvalidRequest,
    NotFound,
    OverQuota,
    UnreadableAnswer,
)

__all__ = ["CannotAuthenticate", "Http", "Login", "RucioClient", "moment"]

_LONGEST_MESSAGE = 300
_LONGEST_ERROR = 1 << 16
_LONGEST_LINE = 1 << 22


class Http(Protocol):
    """What of a `PeerSession` is used here."""

    def request(self, method: str, url: str, **parts: Any) -> Response:
        """Make a call."""

    def chunks(self, response: Response) -> Iterator[bytes]:
        """Yield the body; a body that broke off raises `UnreadableAnswer`."""

    def expect(self, response: Response) -> Response:
        """Raise what a bad status means."""


class CannotAuthenticate(BackendRefused):
    """Rucio does not take this token, or does not know whose it is: another one may help."""


@dataclass(frozen=True, slots=True)
class Login:
    """A token that Rucio gave for a login, and until when it is good."""

    token: str = field(repr=False)
    expires: datetime


class RucioClient:
    """Calls one Rucio server. Threads share it; tokens come with each call.

    No redirect is followed: the header that holds the token would go along to any host.
    """

    def __init__(self, http: Http, url: str, title: str) -> None:
        self._http = http
        self._url = url
        self._title = title

    def log_in(self, *, account: str, username: str, password: str) -> Login:
        """Return a token for a password; `CannotAuthenticate` if it is wrong."""
        who = {"X-Rucio-Username": username, "X-Rucio-Password": password}
        return self._log_in("userpass", {"X-Rucio-Account": account, **who})

    def log_in_x509(self, *, account: str) -> Login:
        """Return a token for the certificate that `http` shows; `CannotAuthenticate` if unknown."""
        return self._log_in("x509", {"X-Rucio-Account": account})

    def _log_in(self, way: str, headers: Mapping[str, str]) -> Login:
        answer = self._call("GET", ("auth", way), headers={**headers, "X-Rucio-AppID": "esap"})
        answer.close()
        token = answer.headers.get("X-Rucio-Auth-Token", "")
        expires = moment(answer.headers.get("X-Rucio-Auth-Token-Expires"))
        if not token or expires is None:
            raise UnreadableAnswer(f"{self._title} gave no token, though it took the login.")
        return Login(token, expires)

    def ping(self) -> None:
        """Return if the server answers; this needs no token."""
        self._value(self._call("GET", ("ping",)))

    def account(self, token: str) -> str:
        """Return the name of the account that a token stands for."""
        answer = self._call("GET", ("accounts", "whoami"), token=token)
        answer.close()
        # The answer is a redirect to the account, relative to where it was asked.
        name = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2]
        if answer.status_code != HTTPStatus.SEE_OTHER or not name:
            raise UnreadableAnswer(f"{self._title} does not say whose account this is.")
        return name

    def get(
        self, *segments: str, token: str, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return one JSON object; an empty last segment ends the path with a slash."""
        value = self.value(*segments, token=token, params=params)
        if not isinstance(value, dict):
            raise self._unreadable()
        return value

    def value(self, *segments: str, token: str, params: Mapping[str, str] | None = None) -> Any:
        """Return one JSON value of any kind, in which infinite numbers are None."""
        return self._value(self._call("GET", segments, token=token, params=params))

    def lines(
        self,
        *segments: str,
        token: str,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Iterator[Any]:
        """Yield the values of a stream, of which each is a line; with a body it is a POST.

        An answer that stops in mid-line raises `UnreadableAnswer`, after the lines before it: it is
        never just a shorter list. Close the iterator if you do not read to the end.
        """
        method = "GET" if body is None else "POST"
        answer = self._call(
            method, segments, token=token, params=params, body=body, stream=True, idempotent=True
        )
        with answer:
            yield from self._lines(answer)

    def send(
        self, method: str, *segments: str, token: str, body: object, idempotent: bool = False
    ) -> Any:
        """Change something, and return what is answered, if it is JSON; None if it is nothing."""
        answer = self._call(method, segments, token=token, body=body, idempotent=idempotent)
        if not answer.content.strip() or answer.content.strip() == b"Created":
            return None
        return self._value(answer)

    def _call(
        self,
        method: str,
        segments: Sequence[str],
        *,
        token: str = "",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        stream: bool = False,
        idempotent: bool = False,
    ) -> Response:
        sent = {**({"X-Rucio-Auth-Token": token} if token else {}), **(headers or {})}
        # Its streams answer 406 to whoever accepts plain JSON only.
        sent["Accept"] = "*/*"
        data = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = orjson.dumps(body)
        answer = self._http.request(
            method,
            f"{self._url}/{'/'.join(map(quoted, segments))}",
            params=params,
            data=data,
            headers=sent,
            stream=stream,
            allow_redirects=False,
            idempotent=idempotent,
        )
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise self._error(answer)
        return answer

    def _value(self, answer: Response) -> Any:
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            answer.close()
            raise self._unreadable()
        return self._parsed(answer.content)

    def _lines(self, answer: Response) -> Iterator[Any]:
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise self._unreadable()
        rest = b""
        for chunk in self._http.chunks(answer):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                if line.strip():
                    yield self._parsed(line)
            if len(rest) > _LONGEST_LINE:
                raise self._unreadable()
        if rest.strip():
            yield self._parsed(rest)

    def _parsed(self, text: bytes) -> Any:
        """Parse JSON, and Rucio's `Infinity`, which is none, as None."""
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
        try:
            value = json.loads(text, parse_constant=lambda _: None)
            orjson.dumps(value)  # what no answer of ours could repeat is refused here
        except (ValueError, RecursionError, TypeError) as error:
            raise self._unreadable() from error
        return value

    def _unreadable(self) -> EsapError:
        return UnreadableAnswer(
            f"The answer of {self._title} is not what Rucio answers, or broke off. Try again."
        )

    def _error(  # noqa: C901, PLR0911 - a table of cases
        self, answer: Response
    ) -> EsapError:
        """Return what an error means: by its class, for its status is now this, now that."""
        name = answer.headers.get("ExceptionClass", "")
        message = self._message(answer) if name else ""
        answer.close()
        title = self._title
        match name:
            case "CannotAuthenticate":
                return CannotAuthenticate(
                    f"{title} does not take the token that it was given. Log in again."
                )
            case "AccessDenied":
                return BackendRefused(
                    f"{title} does not allow this to your account. Ask its operators for it."
                )
            case "InsufficientAccountLimit" | "RSEOverQuota" | "InsufficientGlobalAccountLimit":
                return OverQuota(
                    f"{title} has not enough quota left for this, for your account and where it "
                    "shall go. Free some, ask for more, or choose another place."
                )
            case "DuplicateRule" | "DataIdentifierAlreadyExists" | "FileReplicaAlreadyExists":
                # Its message is the database's own.
                return AlreadyExists(f"{title} has this already ({name}).")
            case "DatabaseException" | "ServiceUnavailable" | "ServerConnectionException":
                return BackendUnavailable(f"{title} is not available now ({name}). Try later.")
        if name.endswith("NotFound"):
            return NotFound(f"{title} does not know this: {message}")
        if name == "InvalidMetadata":
            # Its message is the database's own, too.
            return InvalidRequest(f"{title} cannot look for such metadata ({name}).")
        is_mistake = answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        if name and (is_mistake or name.startswith("Invalid")):  # that is 409 here and 500 there
            return InvalidRequest(f"{title} refuses this ({name}): {message}")
        if name:
            return BackendFailed(f"{title} failed ({name}): {message}")
        try:
            self._http.expect(answer)
        except EsapError as error:
            return error
        return self._unreadable()

    def _message(self, answer: Response) -> str:
        message = answer.headers.get("ExceptionMessage", "")
        try:
            said = orjson.loads(answer.content[:_LONGEST_ERROR])
            message = str(said["ExceptionMessage"])
        except (EsapError, KeyError, TypeError, orjson.JSONDecodeError):
            pass  # The header has the beginning of it.
        return " ".join(message.split())[:_LONGEST_MESSAGE] or "it does not say why."


def moment(text: object) -> datetime | None:
    """Return the time that Rucio wrote, in its two ways; None if there is none, or none to read."""
    if not isinstance(text, str) or not text:
        return None
    try:
        # "Sun, 22 Nov 2026 15:42:15 UTC", and 2026-11-22T15:56:43 of accounts.
        read = parsedate_to_datetime(text) if "," in text else datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
