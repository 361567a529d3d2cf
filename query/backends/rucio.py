"""Rucio as an archive: its scopes, DIDs, files and replicas as rows.

The published gateway had them so. What a data lake is beyond that is the data lake room's.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Any, TypeVar

import orjson
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from esap.backends.base import BackendConfig
from esap.backends.http import PeerSession
from esap.backends.secrets import SecretName, secret_named
from esap.clients.rucio import CannotAuthenticate, Login, RucioClient
from esap.clients.rucio_names import NamePattern, link_of
from esap.errors import InvalidRequest, UnreadableAnswer
from esap.tables.columns import column_of
from esap.tables.records import read_records
from esap.tables.stream import TableStream
from query.backends.base import Archive, ArchiveConfig, Query, Selection, TableInfo
from query.limited import limited

__all__ = ["RucioArchive", "RucioArchiveConfig"]

T = TypeVar("T")
Row = Mapping[str, object]

ENTITIES = "entities"
_COLUMNS = ("category", "scope", "name")
_LEAST_LEFT = timedelta(minutes=1)
_MOST_ROWS = 10_000


class RucioArchiveConfig(ArchiveConfig):
    """The entry of a Rucio that can be searched by anyone; as the account that is named here."""

    account: str
    username: str
    password: SecretName


class _Asked(BaseModel):
    """A question to Rucio; it is written as JSON, since Rucio has no query language."""

    model_config = ConfigDict(extra="forbid")

    category: str = "dids"
    scope: str = ""
    name: str = ""


class RucioArchive(Archive):
    """What is in one scope of a Rucio, by category."""

    protocol = "Rucio REST"
    own_columns = True
    Config = RucioArchiveConfig
    config: RucioArchiveConfig

    def __init__(self, config: BackendConfig, http: PeerSession) -> None:
        super().__init__(config, http)
        self._rucio = RucioClient(http, config.base_url, config.title)
        self._lock = Lock()
        self._login: Login | None = None

    def ping(self) -> None:
        self._rucio.ping()

    def phrase(self, selection: Selection) -> Query:
        asked: dict[str, str] = {}
        for criterion in selection.criteria:
            if criterion.column not in _COLUMNS:
                raise InvalidRequest(f"{self.config.title} is not searched by {criterion.column}.")
            asked[criterion.column] = str(criterion.value)
        text = orjson.dumps(_Asked(**asked).model_dump()).decode()
        return Query(text, selection.limit, language="Rucio")

    def run(self, query: Query) -> TableStream:
        try:
            asked = _Asked.model_validate_json(query.text)
        except ValidationError as error:
            raise InvalidRequest(
                f'{self.config.title} is asked by JSON: {{"category": "dids", "scope": "..."}}.'
            ) from error
        most = min(query.limit, _MOST_ROWS) + 1
        rows = self._with_token(lambda token: list(islice(self._rows(asked, token), most)))
        return limited(read_records(rows), query.limit)

    def tables(self) -> list[TableInfo]:
        columns = [column_of(pa.field(name, pa.string())) for name in _COLUMNS]
        return [TableInfo(ENTITIES, columns)]

    def _rows(self, asked: _Asked, token: str) -> Iterator[Row]:
        if asked.category == "scopes":
            found = self._rucio.value("scopes", "", token=token)
            if not isinstance(found, list):
                raise UnreadableAnswer(f"{self.config.title} does not list its scopes.")
            return ({"scope": str(scope)} for scope in sorted(map(str, found)))
        if not asked.scope:
            raise InvalidRequest("scope: name one; resource_category=scopes lists them.")
        ways: Mapping[str, Callable[[_Asked, str], Iterator[Row]]] = {
            "dids": self._dids,
            "files": self._files,
            "replicas": self._replicas,
        }
        if asked.category not in ways:
            known = ", ".join(["scopes", *ways])
            raise InvalidRequest(f"resource_category: choose one of {known}.")
        return ways[asked.category](asked, token)

    def _dids(self, asked: _Asked, token: str, kind: str = "all") -> Iterator[Row]:
        wanted = NamePattern(asked.name or "*")
        named = {"name": wanted.asked} if asked.name else {}
        params = {"type": kind, "long": "true", **named}
        lines = self._rucio.lines("dids", asked.scope, "dids", "search", token=token, params=params)
        for line in _objects(lines):
            if not wanted.fits(str(line.get("name"))):
                continue
            yield {
                "scope": line.get("scope"),
                "name": line.get("name"),
                "did_type": line.get("did_type"),
                "bytes": line.get("bytes"),
            }

    def _files(self, asked: _Asked, token: str) -> Iterator[Row]:
        return self._dids(asked, token, "file")

    def _replicas(self, asked: _Asked, token: str) -> Iterator[Row]:
        """Yield a row for each replica, for the published front end shows single values only."""
        files = islice(self._files(asked, token), _MOST_ROWS)
        dids = [{"scope": row["scope"], "name": row["name"]} for row in files]
        if not dids:
            return
        body = {"dids": dids, "all_states": True, "sort": "random"}
        for line in _objects(self._rucio.lines("replicas", "list", token=token, body=body)):
            links = line.get("rses") or {}
            for rse, state in sorted((line.get("states") or {}).items()):
                yield {
                    "scope": line.get("scope"),
                    "name": line.get("name"),
                    "rse": rse,
                    "state": state,
                    "bytes": line.get("bytes"),
                    "adler32": line.get("adler32"),
                    "md5": line.get("md5"),
                    "url": link_of(next(iter(links.get(rse) or ()), ""), str(line.get("name"))),
                }

    def _with_token(self, ask: Callable[[str], T]) -> T:
        login = self._logged_in()
        try:
            return ask(login.token)
        except CannotAuthenticate:
            return ask(self._logged_in(instead_of=login).token)

    def _logged_in(self, *, instead_of: Login | None = None) -> Login:
        with self._lock:
            login = self._login
            usable = login is not None and login.expires > datetime.now(UTC) + _LEAST_LEFT
            if login is None or not usable or login is instead_of:
                login = self._rucio.log_in(
                    account=self.config.account,
                    username=self.config.username,
                    password=secret_named(self.config.password),
                )
                self._login = login
            return login


def _objects(lines: Iterator[Any]) -> Iterator[dict[str, Any]]:
    return (line for line in lines if isinstance(line, dict))
