"""Archives that speak IVOA TAP 1.0 or 1.1.

docs/explanation/tap.md tells what is asked of a service, and what is made of its answers.
"""

import math
from http import HTTPStatus
from typing import Any, Literal

from requests import Response

from esap.backends.deadline import Scope, current_scope, within
from esap.errors import (
    BackendFailed,
    BackendUnavailable,
    QueryRejected,
    TooLarge,
    UnreadableAnswer,
)
from esap.tables.delimited import read_csv
from esap.tables.stream import TableStream
from esap.tables.votable import read_votable
from query import tap_schema
from query.backends.base import Archive, ArchiveConfig, Query, Selection, TableInfo
from query.documents import beginning
from query.limited import limited
from query.phrasing import in_adql
from query.uws import Job, JobStatus
from query.vosi import read_availability, read_tables

__all__ = ["TapArchive", "TapConfig"]

_FORMATS = {
    "votable/b2": "application/x-votable+xml;serialization=BINARY2",
    "votable": "votable",
    "csv": "csv",
}
_MOST_COLUMNS = 500_000
# DALI 1.1, section 4.2: a service that finds fault with a query may say so with any of these.
_MAY_EXPLAIN = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
}
_LONGEST_SENTENCE = 500


class TapConfig(ArchiveConfig):
    """The entry of a TAP service; its `url` is the one that `/sync` is added to.

    A search that is allowed more than `async_after` seconds runs as a job of the service.
    `table_metadata` says where the tables are described: in the service's VOSI document, in its
    TAP_SCHEMA, or there but only for the tables of the entry's datasets (for services with
    thousands of tables, such as VizieR).
    """

    format: Literal["votable/b2", "votable", "csv"] = "votable/b2"
    async_after: float = 300.0
    table_metadata: Literal["vosi", "tap_schema", "datasets"] = "vosi"


class TapArchive(Archive):
    """Any table of a TAP service, ObsCore's among them."""

    protocol = "IVOA TAP"
    Config = TapConfig
    config: TapConfig

    def ping(self) -> None:
        title = self.config.title
        answer = self.http.get(f"{self.config.base_url}/availability", stream=True)
        if answer.status_code == HTTPStatus.NOT_FOUND:  # TAP 1.1 made this resource optional.
            answer.close()
            self.http.expect(self._get("capabilities")).close()
            return
        with self.http.expect(answer):
            said = read_availability(beginning(self.http.chunks(answer)))
        if said is None:
            raise UnreadableAnswer(f"{title} does not say whether it is available.")
        if not said.available:
            raise BackendUnavailable(f"{title} says that it is not available. {said.note}".strip())

    def phrase(self, selection: Selection) -> Query:
        return Query(in_adql(selection), selection.limit)

    def run(self, query: Query) -> TableStream:
        if query.mode == "async" or (not query.mode and self._is_long()):
            return self._run_job(query)
        answer = self.http.post(
            f"{self.config.base_url}/sync", self._form(query), stream=True, idempotent=True
        )
        return limited(self._table(answer), query.limit)

    def tables(self) -> list[TableInfo]:
        if self.config.table_metadata != "vosi":
            return self._tables_by_query()
        answer = self.http.expect(self._get("tables", detail="max"))
        found: list[TableInfo] = []
        left = _MOST_COLUMNS
        with answer:
            for table in read_tables(self.http.chunks(answer)):
                found.append(table)
                left -= len(table.columns)
                if left < 0:
                    raise self._too_many_tables()
        return found

    def _get(self, path: str, **params: str) -> Response:
        return self.http.get(f"{self.config.base_url}/{path}", params=params, stream=True)

    def _form(self, query: Query) -> dict[str, str]:
        wanted = _FORMATS[self.config.format]
        return {
            "REQUEST": "doQuery",  # TAP 1.0 requires it; 1.1 takes it.
            "LANG": query.language,
            "QUERY": query.text,
            "MAXREC": f"{query.limit + 1}",
            "RESPONSEFORMAT": wanted,
            "FORMAT": wanted,  # The name that TAP 1.0 knows.
        }

    def _is_long(self) -> bool:
        scope = current_scope()
        return scope is not None and self.config.async_after < scope.remaining() < math.inf

    def _run_job(self, query: Query) -> TableStream:
        with within(None if current_scope() else self.config.timeout) as scope:
            job = self._create(query, scope)
            try:
                rows = self._results(job, scope)
            except BaseException:
                job.destroy()
                raise
        return limited(rows, query.limit, then=job.destroy)

    def _results(self, job: Job, scope: Scope) -> TableStream:
        """Run a job, wait for its end, and begin to read its results."""
        if scope.remaining() < math.inf:
            job.limit(scope.remaining())
        with job.run() as answer:
            self._refuse_errors(answer)
        status = job.ended()
        if status.phase != "COMPLETED":
            raise self._explain(job, status)
        return self._table(job.get("results/result"))

    def _create(self, query: Query, scope: Scope) -> Job:
        job_list = f"{self.config.base_url}/async"
        answer = self.http.post(job_list, self._form(query), stream=True, allow_redirects=False)
        with answer:
            self._refuse_errors(answer)
            return Job.accepted(self.http, job_list, answer, scope)

    def _explain(self, job: Job, status: JobStatus) -> BackendFailed:
        """Return why a job that ended has no results."""
        if status.phase != "ERROR":
            return BackendFailed(
                f"{self.config.title} stopped the job ({status.phase}), perhaps at its own limit "
                "of time. Ask for less."
            )
        with job.get("error") as answer:
            told = _sentence(beginning(self.http.chunks(answer))) if answer.ok else ""
        sentence = told or status.message or f"{self.config.title} did not say why the job failed."
        return BackendUnavailable(sentence) if status.transient else QueryRejected(sentence)

    def _table(self, answer: Response) -> TableStream:
        """Read the rows of an answer as they come, in the format that it says it has."""
        self._refuse_errors(answer)
        kind = answer.headers.get("Content-Type", "").lower()
        csv = self.config.format == "csv" and "xml" not in kind and "html" not in kind
        chunks = self.http.chunks(answer)
        try:
            return read_csv(chunks) if csv else read_votable(chunks)
        except BaseException:
            answer.close()
            raise

    def _refuse_errors(self, answer: Response) -> None:
        """Raise what an answer means if it is an error by its status."""
        if any(_loses_the_question(hop) for hop in answer.history):
            answer.close()
            raise BackendFailed(
                f"{self.config.title} has moved, and the question was lost on the way. Its entry "
                "needs the new address."
            )
        if answer.status_code in _MAY_EXPLAIN:
            with answer:
                document = beginning(self.http.chunks(answer))
            if sentence := _sentence(document, plain=answer.status_code == HTTPStatus.BAD_REQUEST):
                raise QueryRejected(sentence)
        self.http.expect(answer)

    def _tables_by_query(self) -> list[TableInfo]:
        wanted: set[str] = set()
        if self.config.table_metadata == "datasets":
            wanted = {dataset.table for dataset in self.config.datasets}
            if not wanted:
                return []
        return tap_schema.described(self._schema("tables", wanted), self._schema("columns", wanted))

    def _schema(self, about: str, wanted: set[str]) -> list[dict[str, Any]]:
        text = tap_schema.question(about, wanted, _MOST_COLUMNS + 1)
        rows = self.run(Query(text, _MOST_COLUMNS))
        found: list[dict[str, Any]] = rows.read_all().to_pylist()
        if rows.overflow:
            raise self._too_many_tables()
        return found

    def _too_many_tables(self) -> TooLarge:
        return TooLarge(
            f"{self.config.title} has too many tables to list them all. Its entry needs "
            "'table_metadata: datasets'."
        )


def _loses_the_question(hop: Response) -> bool:
    """Whether a redirect made a form into a question without parameters (RFC 9110, 15.4)."""
    moved = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND}
    return hop.status_code in moved and hop.request.method == "POST"


def _sentence(document: bytes, *, plain: bool = True) -> str:
    """Return a service's own words about an error: of a VOTable's INFO, or if `plain` of a text."""
    try:
        read_votable([document]).close()
    except QueryRejected as rejected:
        return rejected.detail
    except UnreadableAnswer:
        pass
    text = " ".join(document.decode("utf-8", "replace").split())
    return text[:_LONGEST_SENTENCE] if plain and not text.startswith("<") else ""
