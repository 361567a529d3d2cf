"""The jobs of a service (IVOA UWS 1.1), followed from their creation to their destruction."""

import math
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Thread
from urllib.parse import quote, unquote, urlsplit

import structlog
from requests import Response

from esap.backends.deadline import Scope, within
from esap.backends.http import PeerSession
from esap.errors import BackendUnavailable, EsapError, UnreadableAnswer
from query.documents import beginning, parse, text_of

__all__ = ["Job", "JobStatus"]

log = structlog.get_logger(__name__)

_ACTIVE = {"PENDING", "QUEUED", "EXECUTING"}
_ENDED = {"COMPLETED", "ERROR", "ABORTED", "ARCHIVED"}
_LONGEST_WAIT = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_MOST_MISSES = 3  # One more, and the breaker would not let the job be destroyed either.
_DESTRUCTION_SECONDS = 5.0
_IN_JOB_LIST = re.compile(r"/async/([^/]+)/?$")


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a service says of a job, and of its failure: why, and whether it may pass."""

    phase: str
    message: str = ""
    transient: bool = False


class Job:
    """One job. Whoever creates it sees to it that `destroy` is called, whatever happens.

    Its address is the job list's with the job's id (UWS 1.1, section 2.2.1), not what the service
    redirects to: no redirect leads the gateway to another host.
    """

    def __init__(self, http: PeerSession, url: str, scope: Scope) -> None:
        self.url = url
        self._http = http
        self._scope = scope
        self._destroyed = False

    @classmethod
    def accepted(cls, http: PeerSession, job_list: str, answer: Response, scope: Scope) -> "Job":
        """Return the job that a service answered with when its creation was asked for."""
        path = urlsplit(answer.headers.get("Location", "")).path
        found = _IN_JOB_LIST.search(path)
        if found is None:
            raise UnreadableAnswer(
                f"{http.config.title} did not say which job it created. Search without a job "
                "(mode sync)."
            )
        return cls(http, f"{job_list}/{quote(unquote(found[1]), safe='')}", scope)

    def limit(self, seconds: float) -> None:
        """Ask the service to stop the job after so long; services may have it their own way."""
        self._post("executionduration", {"EXECUTIONDURATION": f"{math.ceil(seconds)}"}).close()

    def run(self) -> Response:
        """Ask the service to run the job, and return its answer."""
        return self._post("phase", {"PHASE": "RUN"})

    def ended(self) -> JobStatus:
        """Follow the job to its end, however it ends.

        A service that can (WAIT, UWS 1.1, section 2.2.1.1) holds each look until the phase changes;
        another is looked at less and less often. A few looks may fail, and the job goes on.
        """
        phase, pause, misses = "", _FIRST_PAUSE, 0
        while True:
            wait = max(1, int(min(_LONGEST_WAIT, self._scope.remaining())))
            began = time.monotonic()
            try:
                status = self._look(phase, wait)
                misses = 0
            except BackendUnavailable:
                self._scope.check()
                misses += 1
                if misses > _MOST_MISSES:
                    raise
                status = JobStatus(phase)
            if status.phase in _ENDED:
                return status
            held = time.monotonic() - began >= wait / 2
            if status.phase != phase:
                phase, pause = status.phase, _FIRST_PAUSE
            elif misses or not held:
                self._scope.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 -- not a secret
                pause = min(pause * 1.5, _LONGEST_PAUSE)

    def get(self, path: str) -> Response:
        """Return what is below the job: its results or its error, unread."""
        return self._http.get(f"{self.url}/{path}", stream=True)

    def destroy(self) -> None:
        """Delete the job at the service, once, without making anyone wait.

        It is done in a thread of its own, which is outside the scope that may just have ended.
        """
        if not self._destroyed:
            self._destroyed = True
            Thread(target=self._destroy, name="uws-destroy").start()

    def _destroy(self) -> None:
        try:
            with within(_DESTRUCTION_SECONDS):
                answer = self._http.delete(self.url, allow_redirects=False)
                if answer.status_code >= HTTPStatus.BAD_REQUEST:
                    # For those whom no DELETE reaches (UWS 1.1, section 2.2.3.2).
                    self._http.post(self.url, {"ACTION": "DELETE"}, allow_redirects=False)
        except EsapError as problem:
            log.warning("uws.not_destroyed", peer=self._http.config.id, problem=problem.detail)

    def _post(self, path: str, form: Mapping[str, str]) -> Response:
        # The redirect to the job is not followed: what follows asks for the job anyway.
        return self._http.post(f"{self.url}/{path}", form, allow_redirects=False, stream=True)

    def _look(self, phase: str, wait: int) -> JobStatus:
        params = {"WAIT": f"{wait}"}
        if phase in _ACTIVE:
            params["PHASE"] = phase
        with within(wait + self._http.config.timeout, self._scope):
            answer = self._http.expect(self._http.get(self.url, params=params, stream=True))
            with answer:
                root = parse(beginning(self._http.chunks(answer)), "job")
        if root is None:
            raise UnreadableAnswer(f"{self._http.config.title} does not describe its job.")
        summary = root.find("{*}errorSummary")
        transient = summary is not None and summary.get("type") == "transient"
        return JobStatus(text_of(root, "phase"), text_of(root, "errorSummary/message"), transient)
