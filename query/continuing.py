"""Archives that have not answered a search in time, asked on as a job with more time."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse

from esap.errors import SwitchedOff, TooManyRequests
from esap.jobs import services as jobs
from esap.jobs.models import Job
from query.federation import Outcome

__all__ = ["ADVICE", "go_on"]

ADVICE = "Log in, and such an archive is asked on in the background."
"""What somebody without a login is told of an archive that did not answer in time."""


def go_on(job: Job, outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    """Have a worker ask those again that were too slow for a search; return what to tell of it.

    None if nobody was, or if a worker would not have more time. What was asked for itself stays as
    it is. If the owner may have no further job, that is told, and the search has its answer still.
    """
    late = [outcome for outcome in outcomes if outcome.status == "timeout"]
    seconds = settings.SEARCH_JOB_TIMEOUT
    allowed = float(str(job.parameters.get("timeout") or settings.SEARCH_TIMEOUT))
    if not late or seconds <= allowed or not jobs.is_wanted(job):
        return None
    asked = [{"archive": outcome.archive, "dataset": outcome.dataset} for outcome in late]
    try:
        successor = jobs.submit(job.kind, _parameters(job, late, seconds), job.owner)
    except (SwitchedOff, TooManyRequests) as refusal:
        nothing = {"search": None, "job": None, "events": None}
        return {**nothing, "asked": asked, "detail": f"Nobody is asked on. {refusal.detail}"}
    return {
        "search": str(successor.pk),
        "job": reverse("job-detail", args=[successor.pk]),
        "events": reverse("search-events", args=[successor.pk]).rstrip("/"),
        "asked": asked,
        "detail": f"{_named(late)} did not answer within {allowed:g} s, and "
        f"{'is' if len(late) == 1 else 'are'} asked on in the background, for up to "
        f"{seconds:g} s.",
    }


def _parameters(job: Job, late: Sequence[Outcome], seconds: float) -> dict[str, object]:
    """Return the question of a search, to those only that were late, and with more time.

    An id of a dataset may stand in one entry only, so the two lists name no others.
    """
    asked = {**job.parameters, "timeout": seconds}
    if "adql" in asked:
        return asked
    archives = dict.fromkeys(outcome.archive for outcome in late)
    return {**asked, "archives": [*archives], "datasets": [outcome.dataset for outcome in late]}


def _named(late: Sequence[Outcome]) -> str:
    """Return the titles of archives for a sentence."""
    *others, last = dict.fromkeys(outcome.title for outcome in late)
    return f"{', '.join(others)} and {last}" if others else last
