"""What the fake archive answers to each resource of TAP 1.1 and UWS 1.1."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.support.fakes.tap import votable
from tests.support.fakes.tap.messages import Reply
from tests.support.fakes.tap.sky import TABLES

if TYPE_CHECKING:
    from tests.support.fakes.tap.behaviour import Behaviour
    from tests.support.fakes.tap.jobs import Job
    from tests.support.fakes.tap.messages import Request
    from tests.support.fakes.tap.server import FakeTap

_AVAILABILITY = (
    '<vosi:availability xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0">'
    "<vosi:available>{}</vosi:available>{}</vosi:availability>"
)
_DOWN = "<vosi:note>Disks are being changed.</vosi:note>"
_FAULT = "Field query: this archive is in a bad mood"


_AILMENTS = {
    "empty": Reply(200, b""),
    "html": Reply(200, b"<!DOCTYPE html><html><body>Welcome!</body></html>", "text/html"),
    "error200": Reply(200, votable.error(_FAULT), "text/xml"),
    "error400": Reply(400, votable.error(_FAULT)),
    "text400": Reply(400, _FAULT.encode(), "text/plain"),
    "error500": Reply(500, b"<html>java.lang.NullPointerException</html>", "text/html"),
    "busy": Reply(503, b"", "text/plain", {"Retry-After": "120"}),
    "login": Reply(401, b"", "text/plain", {"WWW-Authenticate": "Bearer"}),
    "forbidden": Reply(403, b"", "text/plain"),
    "missing": Reply(404, b"", "text/plain"),
}
_BUSY = Reply(503, b"", "text/plain")
_NOTHING = Reply(404, b"There is nothing here.", "text/plain")


async def answer(fake: FakeTap, request: Request, behaviour: Behaviour) -> Reply:
    """Answer one request."""
    if ailment := _AILMENTS.get(behaviour.mode):
        return ailment
    match request.path.strip("/").split("/"):
        case ["sync"] | ["answer"]:
            return _sync(fake, request, behaviour)
        case ["async"] if request.method == "POST":
            return _create(fake, request, behaviour)
        case ["async", job_id, *rest] if job_id in fake.jobs:
            return await _job(fake, request, behaviour, fake.jobs[job_id], rest)
        case [resource]:
            return _about(resource, behaviour)
    return _NOTHING


def _about(resource: str, behaviour: Behaviour) -> Reply:
    match resource:
        case "availability" if behaviour.mode != "quiet":
            down = behaviour.mode == "down"
            text = _AVAILABILITY.format(str(not down).lower(), _DOWN if down else "")
            return _xml(text.encode())
        case "capabilities":
            return _xml(b"<capabilities/>")
        case "tables":
            return _xml(votable.vosi_tables(TABLES))
    return _NOTHING


def _sync(fake: FakeTap, request: Request, behaviour: Behaviour) -> Reply:
    if fake.faints(request, behaviour):
        return _BUSY
    if behaviour.mode == "moved" and request.method == "POST":
        return _see(f"/{request.archive}/tap2/sync", status=301)
    if behaviour.mode == "redirect" and request.path == "/sync":
        where = f"/{request.archive}/tap/answer?{urlencode(request.params)}"
        return _see(where)
    return _query(fake, request.params, behaviour)


def _query(fake: FakeTap, params: dict[str, str], behaviour: Behaviour) -> Reply:
    if params.get("REQUEST") != "doQuery" or params.get("LANG") != "ADQL":
        return Reply(200, votable.error("REQUEST and LANG are required"), "text/xml")
    try:
        return _table(fake, params, behaviour)
    except sqlite3.Error as fault:
        return Reply(200, votable.error(f"Field query: {fault}"), "text/xml")


def _table(fake: FakeTap, params: dict[str, str], behaviour: Behaviour) -> Reply:
    adql, maxrec = params["QUERY"], _maxrec(params, behaviour)
    wanted = params.get("RESPONSEFORMAT", "votable").lower()
    if behaviour.mode == "late-error":
        return Reply(200, votable.late_error(fake.ask(adql, maxrec), "The disk went away."))
    if wanted == "csv":
        return Reply(200, votable.csv_text(fake.ask(adql, maxrec)), "text/csv;header=present")
    serialization = "BINARY2" if "binary2" in wanted else "TABLEDATA"
    media_type = f"application/x-votable+xml;serialization={serialization}"
    return Reply(200, fake.write(adql, maxrec, serialization), media_type)


def _maxrec(params: dict[str, str], behaviour: Behaviour) -> int:
    return (
        behaviour.cap
        if behaviour.heedless
        else min(int(params.get("MAXREC", behaviour.cap)), behaviour.cap)
    )


def _create(fake: FakeTap, request: Request, behaviour: Behaviour) -> Reply:
    job = fake.jobs.create(dict(request.params), behaviour.phases, behaviour.step)
    host = "http://127.0.0.2:1" if behaviour.elsewhere else ""
    return _see(f"{host}/{request.archive}/tap/async/{job.id}")


async def _job(
    fake: FakeTap, request: Request, behaviour: Behaviour, job: Job, rest: list[str]
) -> Reply:
    if request.method == "GET":
        return await _look(fake, request, behaviour, job, "/".join(rest))
    jobs = f"/{request.archive}/tap/async"
    match request.method, rest:
        case "DELETE", [] if behaviour.undeletable:
            return Reply(405, b"", "text/plain")
        case ("DELETE", []) | ("POST", []):
            fake.jobs.delete(job)
            return _see(jobs)
        case "POST", ["phase"]:
            _run(fake, job, behaviour)
        case "POST", ["executionduration"]:
            job.duration = int(request.params["EXECUTIONDURATION"])
    return _see(f"{jobs}/{job.id}")


async def _look(
    fake: FakeTap, request: Request, behaviour: Behaviour, job: Job, below: str
) -> Reply:
    if below == "error" and behaviour.documented:
        return Reply(200, votable.error(job.error), "text/xml")
    if below == "results/result" and job.phase == "COMPLETED":
        return _query(fake, job.params, behaviour)
    if below:
        return _NOTHING
    if fake.faints(request, behaviour):
        return _BUSY
    if behaviour.wait:
        await _phase_changes(job, request.params.get("PHASE"), float(request.params["WAIT"]))
    kind = "transient" if behaviour.transient else "fatal"
    return _xml(job.document(f"/{request.archive}/tap/async/{job.id}", kind))


def _run(fake: FakeTap, job: Job, behaviour: Behaviour) -> None:
    job.started = time.monotonic()
    try:
        fake.ask(job.params["QUERY"], _maxrec(job.params, behaviour))
    except sqlite3.Error as fault:
        job.error = f"Field query: {fault}"
    if "ERROR" in job.phases:
        job.error = _FAULT


async def _phase_changes(job: Job, known: str | None, seconds: float) -> None:
    """Block while the phase is the one known, if it may change (UWS 1.1, section 2.2.1.1)."""
    ends, phase = time.monotonic() + seconds, known or job.phase
    while job.phase == phase in {"PENDING", "QUEUED", "EXECUTING"} and time.monotonic() < ends:  # noqa: ASYNC110
        await asyncio.sleep(0.01)  # the clock is what changes it


def _see(where: str, status: int = 303) -> Reply:
    return Reply(status, b"", "text/plain", {"Location": where})


def _xml(body: bytes) -> Reply:
    return Reply(200, body, "text/xml")
