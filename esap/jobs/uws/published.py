"""Jobs in JSON as the published gateway's clients know them (`uws/jobs/`)."""

from typing import Any

from esap.jobs.models import Job, Phase
from esap.jobs.uws.documents import iso
from esap.jobs.uws.results import listed_results
from esap.jobs.uws.wording import pairs_of

__all__ = ["JOB", "PAGE", "PARAMETERS", "RESULTS", "published_job"]


def published_job(job: Job, base: str) -> dict[str, Any]:
    """Return a job in the published shape; `base` is the absolute address of the job list.

    Jobs are not reported on by workers that hold a token any more, so the token is empty.
    """
    return {
        "url": f"{base}/{job.pk}/",
        "jobId": str(job.pk),
        "runId": job.run_id,
        "jobToken": {"key": "", "created": iso(job.created)},
        "creationTime": iso(job.created),
        "phase": job.phase,
        "parameters": [
            {"key": name, "value": text, "byReference": False, "isPost": True}
            for name, text in pairs_of(job)
        ],
        "results": [
            {"key": one.id, "value": one.href, "size": one.size, "mimeType": one.media_type}
            for one in listed_results(job, base)
        ],
        "errorSummary": (job.problem or {}).get("detail"),
    }


Schema = dict[str, Any]


def _object(**properties: str | Schema) -> Schema:
    shapes = {
        name: {"type": kind} if isinstance(kind, str) else kind for name, kind in properties.items()
    }
    return {"type": "object", "required": list(properties), "properties": shapes}


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TIME: Schema = {"type": "string", "format": "date-time"}
PARAMETERS = _list_of(
    _object(key="string", value="string", byReference="boolean", isPost="boolean")
)
RESULTS = _list_of(
    _object(key="string", value="string", size={"type": ["integer", "null"]}, mimeType="string")
)
JOB = _object(
    url="string",
    jobId="string",
    runId="string",
    jobToken=_object(key="string", created=_TIME),
    creationTime=_TIME,
    phase={"type": "string", "enum": Phase.values},
    parameters=PARAMETERS,
    results=RESULTS,
    errorSummary={"type": ["string", "null"]},
)
PAGE = _object(
    description="string",
    version="string",
    requested_page="string",
    requested_page_size={"type": ["string", "null"]},
    default_page_size="integer",
    max_page_size="integer",
    count="integer",
    pages="integer",
    results=_list_of(JOB),
)
"""The published shapes, for the OpenAPI document."""
