"""The jobs of the fake archive (UWS 1.1)."""

import time
from dataclasses import dataclass
from xml.sax.saxutils import escape

_ENDED = {"COMPLETED", "ERROR", "ABORTED", "ARCHIVED"}


@dataclass
class Job:
    """A job moves through its phases by the clock, from when it was told to run."""

    id: str
    params: dict[str, str]
    phases: list[str]
    step: float
    duration: int = 3600
    started: float | None = None
    error: str = ""

    @property
    def phase(self) -> str:
        if self.started is None:
            return "PENDING"
        passed = int((time.monotonic() - self.started) / self.step)
        phase = self.phases[min(passed, len(self.phases) - 1)]
        return "ERROR" if self.error and phase in _ENDED else phase

    def document(self, url: str, kind: str) -> bytes:
        """Return the job as UWS 1.1 describes it."""
        ended = self.phase
        summary = (
            f'<uws:errorSummary type="{kind}" hasDetail="true">'
            f"<uws:message>{escape(self.error)}</uws:message></uws:errorSummary>"
            if ended == "ERROR"
            else ""
        )
        result = (
            f'<uws:results><uws:result id="result" xlink:href="{url}/results/result"/>'
            "</uws:results>"
            if ended == "COMPLETED"
            else "<uws:results/>"
        )
        return (
            '<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" version="1.1" '
            'xmlns:xlink="http://www.w3.org/1999/xlink">'
            f"<uws:jobId>{self.id}</uws:jobId><uws:phase>{ended}</uws:phase>"
            f"<uws:executionDuration>{self.duration}</uws:executionDuration>"
            f"{result}{summary}</uws:job>"
        ).encode()


class Jobs(dict[str, Job]):
    """The jobs that exist; `deleted` are those that did."""

    def __init__(self) -> None:
        super().__init__()
        self.deleted: list[str] = []

    def create(self, params: dict[str, str], phases: str, step: float) -> Job:
        job = Job(f"job{len(self) + len(self.deleted) + 1}", params, phases.split("-"), step)
        self[job.id] = job
        return job

    def delete(self, job: Job) -> None:
        del self[job.id]
        self.deleted.append(job.id)
