"""From a question to what each archive is asked, in its own words."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from esap.backends.visibility import Visible
from esap.errors import EsapError, InvalidRequest, NotFound
from query.backends.base import (
    Archive,
    Criterion,
    Dataset,
    ParameterMapping,
    Query,
    Rule,
    Selection,
    archives,
)
from query.parameters import mapping_of
from query.questions import Question

__all__ = ["Errand", "plan"]

_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)


@dataclass(frozen=True)
class Errand:
    """One dataset to ask: the query, or why it cannot be asked."""

    archive: Archive
    dataset: Dataset | None
    query: Query | None = None
    refusal: EsapError | None = None

    @property
    def names(self) -> tuple[str, str]:
        """The ids of the archive and of the dataset, which is empty for an expert's own query."""
        return self.archive.config.id, self.dataset.id if self.dataset else ""


def plan(question: Question, caller: object = None) -> list[Errand]:
    """Return an errand for every dataset that the question concerns, in the order of the entries.

    A dataset that cannot be asked such a question gets a refusal, not silence. Raises `NotFound`
    for an archive or dataset that is not configured, or that the caller may not use.
    """
    visible = archives.for_caller(caller)
    if question.adql:
        archive = visible.get(question.archives[0])
        query = Query(question.adql, limit=question.limit, mode=question.mode)
        return [Errand(archive, None, query)]
    _refuse_unknown_datasets(question, visible)
    return [
        _errand(archive, dataset, question)
        for archive in _asked_archives(question, visible)
        for dataset in archive.config.datasets
        if _concerns(archive, dataset, question)
    ]


def _asked_archives(question: Question, visible: Visible[Archive]) -> Iterator[Archive]:
    named = question.archives
    if named:
        yield from (visible.get(name) for name in named)
        return
    for archive in visible:
        if archive.config.visible or question.datasets:
            yield archive


def _refuse_unknown_datasets(question: Question, visible: Visible[Archive]) -> None:
    known = {dataset.id for archive in visible for dataset in archive.config.datasets}
    unknown = [name for name in question.datasets if name not in known]
    if unknown:
        raise NotFound(
            f"There is no dataset {unknown[0]!r}. See /esap-api/query/datasets-uri for all."
        )


def _concerns(archive: Archive, dataset: Dataset, question: Question) -> bool:
    """Whether the question selects this dataset (contract: icontains on what is given)."""
    if question.datasets and dataset.id not in question.datasets:
        return False
    if dataset.collection and not _within(question.collection, dataset.collection):
        return False
    return (
        _within(question.level, dataset.level)
        and _within(question.category, dataset.category)
        and question.institute in ("", archive.config.institute)
    )


def _within(asked: str, has: str) -> bool:
    return asked.lower() in has.lower()


def _errand(archive: Archive, dataset: Dataset, question: Question) -> Errand:
    try:
        query = archive.phrase(_selection(archive, dataset, question))
    except InvalidRequest as refusal:
        return Errand(archive, dataset, refusal=refusal)
    return Errand(archive, dataset, replace(query, mode=question.mode))


def _selection(archive: Archive, dataset: Dataset, question: Question) -> Selection:
    mapping = mapping_of(archive, dataset)
    ra, dec = mapping.rule("ra"), mapping.rule("dec")
    if question.cone and not (ra and dec):
        raise InvalidRequest(f"{dataset.name} has no positions, so it cannot be asked for a cone.")
    asked = dict(question.criteria)
    if question.target:
        asked["target"] = question.target
    if dataset.collection or question.collection:
        asked["collection"] = dataset.collection or question.collection
    return Selection(
        table=dataset.table,
        limit=question.limit,
        cone=question.cone,
        position=(ra.column, dec.column) if ra and dec else ("", ""),
        criteria=tuple(
            _criterion(dataset, mapping, name, value) for name, value in sorted(asked.items())
        ),
        columns=dataset.columns,
    )


def _criterion(dataset: Dataset, mapping: ParameterMapping, name: str, value: str) -> Criterion:
    rule = mapping.rule(name)
    if rule is None:
        known = ", ".join(sorted(mapping.parameters))
        raise InvalidRequest(
            f"{dataset.name} cannot be asked by {name}; it can by: {known or 'nothing'}."
        )
    return Criterion(name, rule.column, rule.op, _converted(rule, name, value))


def _converted(rule: Rule, name: str, value: str) -> str | float | int:
    if rule.value == "text":
        return value
    if rule.value == "mjd":
        return _modified_julian_date(name, value)
    try:
        return int(value) if value.lstrip("+-").isdecimal() else float(value)
    except ValueError:
        raise InvalidRequest(f"{name}: {value[:40]!r} is not a number.") from None


def _modified_julian_date(name: str, value: str) -> float:
    """Return a date as MJD; a number is taken for one already."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidRequest(
            f"{name}: {value[:40]!r} is no date. Write 2026-11-22 or 2026-11-22T12:00:00Z."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _MJD_EPOCH).total_seconds() / 86_400
