"""The published `query/query/`: one GET, many datasets, one list of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from esap.backends.single_flight import SingleFlight
from esap.backends.visibility import Visible
from esap.errors import InvalidRequest, LoginRequired
from query.backends.base import Archive, archives, resolvers
from query.federation import Columns, Outcome, Rows
from query.holding import held
from query.planning import Errand
from query.rows import expert_rows, published_rows
from query.searches import Search, problem_of

__all__ = ["Answer", "answer"]

ROWS = 1_000
"""Rows asked of each dataset, as the published gateway does; pages are cut from them."""

_IGNORED = frozenset(
    {"catalog", "page", "page_size", "pagination", "format", "service_type", "archive_uri",
     "dataset_uri", "access_url", "adql_query"}
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """All rows of a search in the published shape, and what went wrong at which archive."""

    rows: list[dict[str, Any]]
    problems: list[dict[str, Any]]


# A row takes one or two kilobytes.
_MOST_KEPT = 10_000

# The published front end sends each search twice, and then once for every page.
_ANSWERS: SingleFlight[Answer] = SingleFlight(
    seconds=60,
    size=16,
    keep=lambda found: not found.problems and len(found.rows) <= _MOST_KEPT,
)


def answer(parameters: Mapping[str, str], owner: Any = None) -> Answer:
    """Return what the archives answer to the published parameters.

    Datasets are selected as the published gateway does: by parts of `archive_uri`, `dataset_uri`,
    `level`, `category` and `collection`. Identical requests of callers who may use the same entries
    share one answer for a minute.
    """
    if not parameters:
        raise InvalidRequest(
            "No parameters are given. Say what to look for, such as ?archive_uri=...&ra=&dec=&fov=."
        )
    asked = _question(parameters, archives.for_caller(owner))
    if asked is None:
        detail = "No dataset is both configured here and selected by these parameters."
        return Answer(
            [],
            [
                {
                    "archive": parameters.get("archive_uri", ""),
                    "dataset": parameters.get("dataset_uri", ""),
                    "slug": "not-found",
                    "detail": detail,
                    "retryable": False,
                }
            ],
        )
    standings = archives.standing_of(owner), resolvers.standing_of(owner)
    key = (*standings, *sorted((name, str(value)) for name, value in asked.items()))
    return _ANSWERS.do(key, lambda: _search(asked, owner))


def _question(parameters: Mapping[str, str], visible: Visible[Archive]) -> dict[str, object] | None:
    """Return the search that published parameters mean; None if they select no dataset."""
    datasets = [
        (archive.config.id, dataset.id)
        for archive in visible
        for dataset in archive.config.datasets
        if parameters.get("archive_uri", "").lower() in archive.config.id
        and parameters.get("dataset_uri", "").lower() in dataset.id
        and (archive.config.visible or parameters.get("archive_uri"))
    ]
    access_url = parameters.get("access_url", "")
    if access_url:
        datasets = [pair for pair in datasets if _leads_to(visible.get(pair[0]), access_url)]
        if not datasets:
            raise LoginRequired(
                "access_url: an address that no entry has can only be asked by a logged-in user."
            )
    if not datasets:
        return None
    if parameters.get("adql_query"):
        return {"archives": [datasets[0][0]], "adql": parameters["adql_query"], "limit": ROWS}
    asked: dict[str, object] = {
        name: value for name, value in parameters.items() if name not in _IGNORED and value
    }
    return {**asked, "datasets": [dataset for _, dataset in datasets], "limit": ROWS}


def _leads_to(archive: Archive, access_url: str) -> bool:
    return archive.config.base_url == access_url.rstrip("/")


def _search(asked: Mapping[str, object], owner: Any) -> Answer:
    search = Search.open(asked, owner)
    tables: dict[int, list[pa.RecordBatch]] = {}
    schemas: dict[int, pa.Schema] = {}
    problems = []
    for event in held(search.run()):
        match event:
            case Columns():
                schemas[event.errand] = event.schema
            case Rows():
                tables.setdefault(event.errand, []).append(event.batch)
            case Outcome() if event.slug:
                problems.append(problem_of(event))
    rows: list[dict[str, Any]] = []
    for number in sorted(schemas):
        table = pa.Table.from_batches(tables.get(number, []), schema=schemas[number])
        rows += _shaped(search.errands[number], table)
    return Answer(rows, problems)


def _shaped(errand: Errand, table: pa.Table) -> list[dict[str, Any]]:
    if errand.dataset is None:
        query = errand.query.text if errand.query else ""
        return list(expert_rows(errand.archive.config.id, query, table))
    return list(published_rows(errand.archive, errand.dataset, table))
