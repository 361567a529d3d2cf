"""What the fake archive answers to each resource of TAP 1.1 and UWS 1.1."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.support.fakes.tap import votable
from tests.support.fakes.tap.messages import Reply
from tests.support.fakes.tap.sky import TABLES, Answer

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


async def answer(fake: FakeTap, request: Request, behaviour: Behaviour) -> Reply:
    """Answer one request."""
    if reply := _unwell(request, behaviour):
        return reply
    match request.path.strip("/").split("/"):
        case ["sync"]:
            return _sync(fake, request, behaviour)
        case ["answer"]:  # where `redirect` leads to
            return _query(fake, request.params, behaviour)
        case ["availability"]:
            down = behaviour.mode == "down"
            text = _AVAILABILITY.format(str(not down).lower(), _DOWN if down else "")
            return _xml(text.encode())
        case ["capabilities"]:
            return _xml(b"<capabilities/>")
        case ["tables"]:
            return _xml(votable.vosi_tables(TABLES))
        case ["async"] if request.method == "POST":
            return _create(fake, request, behaviour)
        case ["async", job_id, *rest] if job_id in fake.jobs:
            return await _job(fake, request, behaviour, fake.jobs[job_id], rest)
    return _reply(404, b"There is nothing here.", "text/plain")


def _unwell(request: Request, behaviour: Behaviour) -> Reply | None:
    here = f"/{request.archive}/tap"
    match behaviour.mode:
        case "empty":
            return _reply(200, b"")
        case "html":
            return _reply(200, b"<!DOCTYPE html><html><body>Welcome!</body></html>", "text/html")
        case "error200":
            return _reply(200, votable.error(_FAULT), "text/xml")
        case "error400":
            return _reply(400, votable.error(_FAULT))
        case "text400":
            return _reply(400, _FAULT.encode(), "text/plain")
        case "error500":
            return _reply(500, b"<html>java.lang.NullPointerException</html>", "text/html")
        case "busy":
            return _reply(503, b"", "text/plain", {"Retry-After": "120"})
        case "login":
            return _reply(401, b"", "text/plain", {"WWW-Authenticate": "Bearer"})
        case "forbidden":
            return _reply(403, b"", "text/plain")
        case "missing":
            return _reply(404, b"", "text/plain")
        case "moved":
            return _reply(301, b"", "text/plain", {"Location": f"{here}2{request.path}"})
    return None


def _sync(fake: FakeTap, request: Request, behaviour: Behaviour) -> Reply:
    if behaviour.mode == "redirect":
        where = f"/{request.archive}/tap/answer?{urlencode(request.params)}"
        return _reply(303, b"", "text/plain", {"Location": where})
    return _query(fake, request.params, behaviour)


def _query(fake: FakeTap, params: dict[str, str], behaviour: Behaviour) -> Reply:
    if params.get("REQUEST") != "doQuery" or params.get("LANG") != "ADQL":
        return _reply(200, votable.error("REQUEST and LANG are required"), "text/xml")
    try:
        result = fake.ask(params["QUERY"], min(int(params["MAXREC"]), behaviour.cap))
    except sqlite3.Error as fault:
        return _reply(200, votable.error(f"Field query: {fault}"), "text/xml")
    return _table(result, params.get("RESPONSEFORMAT", "votable"), behaviour)


def _table(result: Answer, wanted: str, behaviour: Behaviour) -> Reply:
    if behaviour.mode == "late-error":
        return _reply(200, votable.late_error(result, "The disk went away."))
    if wanted in {"csv", "text/csv"}:
        return _reply(200, votable.csv_text(result), "text/csv;header=present")
    binary = behaviour.mode != "tabledata" and "binary2" in wanted.lower()
    serialization = "BINARY2" if binary else "TABLEDATA"
    media_type = f"application/x-votable+xml;serialization={serialization}"
    return _reply(200, votable.votable(result, serialization), media_type)


def _create(fake: FakeTap, request: Request, behaviour: Behaviour) -> Reply:
    job = fake.jobs.create(dict(request.params), behaviour.phases, behaviour.step)
    if request.params.get("PHASE") == "RUN":
        _run(fake, job, behaviour)
    return _see(request, job.id)


async def _job(
    fake: FakeTap, request: Request, behaviour: Behaviour, job: Job, rest: list[str]
) -> Reply:
    match request.method, rest:
        case "DELETE", [] if not behaviour.undeletable:
            fake.jobs.delete(job)
            return _see(request)
        case "DELETE", []:
            return _reply(405, b"", "text/plain")
        case "POST", [] if request.params.get("ACTION") == "DELETE":
            fake.jobs.delete(job)
            return _see(request)
        case "POST", ["phase"]:
            job.history.append(request.params["PHASE"])
            _run(fake, job, behaviour)
            return _see(request, job.id)
        case "POST", ["executionduration"]:
            job.duration = int(request.params["EXECUTIONDURATION"])
            return _see(request, job.id)
        case "GET", []:
            if behaviour.wait:
                await _phase_changes(job, float(request.params.get("WAIT", 0)))
            return _xml(job.document(f"/{request.archive}/tap/async/{job.id}"))
        case "GET", ["error"]:
            return _reply(200, votable.error(job.error), "text/xml")
        case "GET", ["results", "result"] if job.phase == "COMPLETED":
            return _query(fake, job.params, behaviour)
    return _reply(404, b"There is nothing here.", "text/plain")


def _run(fake: FakeTap, job: Job, behaviour: Behaviour) -> None:
    job.started = time.monotonic()
    try:
        fake.ask(job.params["QUERY"], min(int(job.params["MAXREC"]), behaviour.cap))
    except sqlite3.Error as fault:
        job.error = f"Field query: {fault}"
    if "ERROR" in job.phases:
        job.error = _FAULT


async def _phase_changes(job: Job, seconds: float) -> None:
    """Block while the phase stays as it is (UWS 1.1, section 2.2.1.1), if it may change."""
    ends, phase = time.monotonic() + seconds, job.phase
    while phase in {"PENDING", "QUEUED", "EXECUTING"} and time.monotonic() < ends:
        if job.phase != phase:
            return
        await asyncio.sleep(0.01)


def _see(request: Request, job_id: str = "") -> Reply:
    where = f"/{request.archive}/tap/async" + (f"/{job_id}" if job_id else "")
    return _reply(303, b"", "text/plain", {"Location": where})


def _xml(body: bytes) -> Reply:
    return _reply(200, body, "text/xml")


def _reply(
    status: int,
    body: bytes,
    content_type: str = "application/x-votable+xml",
    headers: dict[str, str] | None = None,
) -> Reply:
    return Reply(status, body, content_type, headers or {})
