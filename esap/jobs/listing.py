"""The list of jobs: what it can be asked for, and what it says of parts."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast

from esap.jobs.models import Job

__all__ = ["chosen", "phases_of_parts"]


def chosen(jobs: QuerySet[Job], asked: Mapping[str, Any]) -> QuerySet[Job]:
    """Return those of the jobs that fit all that is asked.

    `phase` is a list of which one has to fit; `since` and `until` are about the creation; `text` is
    part of a name, a kind, a peer or a parameter. Parts stand in the list only if `parts` or
    `parent` asks for them: there may be thousands.
    """
    names = {"since": "created__gte", "until": "created__lt", "phase": "phase__in"}
    plain = {"kind", "run_id", "parent"} | names.keys()
    found = jobs.filter(**{names.get(key, key): asked[key] for key in plain & asked.keys()})
    if not asked.get("parts") and "parent" not in asked:
        found = found.filter(parent__isnull=True)
    return _with_text(found, asked["text"]) if asked.get("text") else found


def phases_of_parts(jobs: Iterable[Job]) -> dict[UUID, Counter[str]]:
    """Return in which phases the parts of these jobs are, in one statement for all."""
    found: dict[UUID, Counter[str]] = {job.pk: Counter() for job in jobs}
    rows = Job.objects.filter(parent__in=list(found)).order_by().values_list("parent", "phase")
    for parent, phase, count in rows.annotate(Count("pk")):
        found[parent][phase] = count
    return found


def _with_text(jobs: QuerySet[Job], text: str) -> QuerySet[Job]:
    # As JSON has it: SQLite keeps every letter beyond ASCII escaped, PostgreSQL none.
    written = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    fits = [Q(**{f"{name}__icontains": text}) for name in ("run_id", "kind", "peer")]
    fits += [Q(said__icontains=words) for words in sorted(written)]
    return jobs.alias(said=Cast("parameters", TextField())).filter(reduce(or_, fits))
