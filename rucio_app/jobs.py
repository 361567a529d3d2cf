"""The kinds of job of this room."""

from django.urls import reverse

from esap.jobs.kinds import JobKind
from esap.jobs.models import Job
from esap.jobs.services import Result
from rucio_app.services.following import Stagings
from rucio_app.services.making import make_rule, make_rules
from rucio_app.services.staging import PART, WHOLE, PartParameters, check_part

__all__ = ["KINDS"]


def _results(part: Job) -> list[Result]:
    """Return what a part has made: its files, where they are told with their paths."""
    address = reverse("staging-files", args=[part.parent_id])
    return [Result("files", "application/json", f"{address}?part={part.pk}")]


KINDS = {
    WHOLE: JobKind(WHOLE),
    PART: JobKind(
        PART,
        parameters=PartParameters,
        submit=make_rule,
        submit_many=make_rules,
        follower=Stagings(_results),
        check=check_part,
    ),
}
