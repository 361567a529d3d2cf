"""UWS documents in XML, valid by the schema of UWS 1.1 (appendix A)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from esap.jobs.models import Job
from esap.jobs.uws.results import Listed, listed_results
from esap.jobs.uws.wording import pairs_of
from esap.tables.encoders.xmltext import attribute, content

__all__ = [
    "error_document",
    "iso",
    "job_document",
    "list_document",
    "parameters_document",
    "results_document",
]

_NAMESPACES = (
    'xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


def job_document(job: Job, base: str, owner: str) -> bytes:
    """Return the description of a job (UWS 1.1, section 2.2.2.2).

    `base` is the absolute address of the job list, `owner` the name of its owner, if any.
    """
    return _whole(
        "job",
        [
            _element("jobId", str(job.pk)),
            _element("runId", job.run_id) if job.run_id else "",
            _element("ownerId", owner or None),
            _element("phase", job.phase),
            _time("quote", job.quote),
            _time("creationTime", job.created),
            _time("startTime", job.started),
            _time("endTime", job.ended),
            _element("executionDuration", str(job.execution_duration)),
            _time("destruction", job.destruction),
            _parameters(job),
            _results(listed_results(job, base)),
            _error(job.problem) if job.problem else "",
            _info(job),
        ],
        ' version="1.1"',
    )


def list_document(jobs: Iterable[Job], base: str, owner: str) -> bytes:
    """Return a list of jobs of one owner (UWS 1.1, section 2.2.2.1)."""
    rows = [
        f'<uws:jobref id="{job.pk}" xlink:href={attribute(f"{base}/{job.pk}")}>'
        + _element("phase", job.phase)
        + (_element("runId", job.run_id) if job.run_id else "")
        + _element("ownerId", owner)
        + _time("creationTime", job.created)
        + "</uws:jobref>"
        for job in jobs
    ]
    return _whole("jobs", rows, ' version="1.1"')


def parameters_document(job: Job) -> bytes:
    """Return the parameters of a job (UWS 1.1, section 2.2.2.4)."""
    return _whole_of(_parameters(job), "parameters")


def results_document(job: Job, base: str) -> bytes:
    """Return the results of a job (UWS 1.1, section 2.2.2.3)."""
    return _whole_of(_results(listed_results(job, base)), "results")


def error_document(sentence: str) -> bytes:
    """Return an error as a VOTable, which is what TAP clients read (DALI 1.1, section 4.2)."""
    info = f'<INFO name="QUERY_STATUS" value="ERROR">{content(sentence)}</INFO>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{info}</RESOURCE></VOTABLE>\n'
    ).encode()


def iso(time: datetime | None) -> str:
    """Return a time as DALI writes it (section 3.3.3), and nothing for none."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z" if time else ""


def _parameters(job: Job) -> str:
    rows = [
        f"<uws:parameter id={attribute(name)}>{content(text)}</uws:parameter>"
        for name, text in pairs_of(job)
    ]
    return f"<uws:parameters>{''.join(rows)}</uws:parameters>"


def _results(results: Iterable[Listed]) -> str:
    rows = [
        f"<uws:result id={attribute(one.id)} xlink:href={attribute(one.href)}"
        + (f' size="{one.size}"' if one.size is not None else "")
        + f" mime-type={attribute(one.media_type)}/>"
        for one in results
    ]
    return f"<uws:results>{''.join(rows)}</uws:results>"


def _error(problem: dict[str, Any]) -> str:
    passing = "transient" if problem.get("retryable") else "fatal"
    message = _element("message", str(problem.get("detail", "")))
    return f'<uws:errorSummary type="{passing}" hasDetail="true">{message}</uws:errorSummary>'


def _info(job: Job) -> str:
    """Return what UWS has no element for; it lets any XML stand here."""
    fraction = job.progress_fraction
    how_far = "" if fraction is None else f' fraction="{fraction:.4f}"'
    told = [f"<kind>{content(job.kind)}</kind>"]
    if how_far or job.progress_sentence:
        told.append(f"<progress{how_far}>{content(job.progress_sentence)}</progress>")
    if job.waits_for:
        told.append(f"<waitsFor>{content(job.waits_for)}</waitsFor>")
    return f"<uws:jobInfo>{''.join(told)}</uws:jobInfo>"


def _time(name: str, time: datetime | None) -> str:
    return _element(name, iso(time) or None)


def _element(name: str, text: str | None) -> str:
    if text is None:
        return f'<uws:{name} xsi:nil="true"/>'
    return f"<uws:{name}>{content(text)}</uws:{name}>"


def _whole(name: str, parts: Iterable[str], attributes: str = "") -> bytes:
    return _whole_of(f"<uws:{name}{attributes}>{''.join(parts)}</uws:{name}>", name)


def _whole_of(element: str, name: str) -> bytes:
    """Return an element as a document: with what it needs on top."""
    opening = f"<uws:{name}"
    declared = element.replace(opening, f"{opening} {_NAMESPACES}", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{declared}\n'.encode()
