"""The world around Rucio: storage over HTTP with ranges, and a transfer service that copies.

    python site.py PORT FOLDER

`/storage/RSE/...` are the files below FOLDER: to read, write, move and delete. `/jobs` is the part
of FTS3's REST interface that Rucio's transfertool uses; only `file://` is copied. `POST
/__test/held` with `true` lets transfers wait until it is `false`.
"""

import json
import shutil
import sys
import threading
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

FOLDER = Path(sys.argv[2])
UNDER_WAY = ("SUBMITTED", "ACTIVE")
jobs = {}
released = threading.Event()
released.set()
pool = ThreadPoolExecutor(4)


class Failed(Exception):
    """A copy that did not work, in FTS's words."""


def local(pfn):
    """Return the file that a PFN names: Rucio writes names into them as they are, unescaped."""
    return Path("/" + pfn.removeprefix("file://").partition("/")[2])


def stored(parts):
    """Return the file at a path of this storage, which is never one above it."""
    return Path("/".join([str(FOLDER), *parts]))


def adler32(path):
    value = 1
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            value = zlib.adler32(piece, value)
    return f"{value:08x}"


def copy(source, target, checksum):
    """Copy, and compare what arrived with the checksum that Rucio knows."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        shutil.copyfile(source, part)
        part.rename(target)
    except FileNotFoundError as error:
        raise Failed(f"SOURCE [{error.errno}] {error}") from error
    except OSError as error:
        raise Failed(f"DESTINATION [{error.errno}] {error}") from error
    kind, _, expected = (checksum or "").partition(":")
    if kind.upper() == "ADLER32" and adler32(target) != expected:
        raise Failed("DESTINATION CHECKSUM MISMATCH")


def transfer(file):
    released.wait()
    if file["file_state"] != "SUBMITTED":
        return
    file["file_state"] = "ACTIVE"
    try:
        copy(local(file["source_surl"]), local(file["dest_surl"]), file["checksum"])
    except Failed as error:
        file["reason"] = str(error)
        file["file_state"] = "FAILED"
    else:
        file["file_state"] = "FINISHED"


def new_job(asked):
    parameters = asked.get("params") or {}
    job = {
        "job_id": str(uuid.uuid4()),
        "job_metadata": parameters.get("job_metadata") or {},
        "job_type": "N",
        "priority": parameters.get("priority", 3),
        "http_status": "200 Ok",
        "files": [
            {
                "file_id": number,
                "file_state": "SUBMITTED",
                "source_surl": file["sources"][0],
                "dest_surl": file["destinations"][0],
                "file_metadata": file.get("metadata"),
                "filesize": file.get("filesize"),
                "checksum": file.get("checksum"),
                "reason": None,
                "start_time": None,
                "finish_time": None,
                "staging_start": None,
                "staging_finished": None,
            }
            for number, file in enumerate(asked["files"])
        ],
    }
    jobs[job["job_id"]] = job
    for file in job["files"]:
        pool.submit(transfer, file)
    return job


def state_of(job):
    states = {file["file_state"] for file in job["files"]}
    if states & set(UNDER_WAY):
        return "ACTIVE"
    if len(states) == 1:
        return states.pop()
    return "FINISHEDDIRTY" if "FINISHED" in states else "FAILED"


def told(job_id):
    if job_id not in jobs:
        return {"job_id": job_id, "http_status": "404 Not Found", "http_message": "no such job"}
    return {**jobs[job_id], "job_state": state_of(jobs[job_id])}


class Handler(BaseHTTPRequestHandler):
    """Answers for the storage and for the transfer service."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Say nothing of what went well."""

    def parts(self):
        return [unquote(part) for part in urlsplit(self.path).path.split("/")[1:]]

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers.setdefault("Content-Length", len(body))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def say(self, value, status=HTTPStatus.OK):
        self.answer(status, json.dumps(value).encode(), Content_Type="application/json")

    def do_GET(self):
        parts = self.parts()
        if parts[0] == "storage":
            self.send_file(stored(parts[1:]))
        elif parts[0] == "jobs" and len(parts) > 1:
            ids = parts[1].split(",")
            if parts[2:] == ["files"]:
                self.say(told(ids[0]).get("files", []))
            elif len(ids) > 1:
                self.say([told(one) for one in ids], HTTPStatus.MULTI_STATUS)
            else:
                self.say(told(ids[0]), HTTPStatus.OK if ids[0] in jobs else HTTPStatus.NOT_FOUND)
        elif parts == ["whoami"]:
            self.say({"vos": ["esap"], "user_dn": "/CN=test", "method": "none"})
        else:
            self.say({"api": {"major": 3, "minor": 12, "patch": 0}})

    def do_HEAD(self):
        self.do_GET()

    def send_file(self, path):
        if not path.is_file():
            self.answer(HTTPStatus.NOT_FOUND)
            return
        data = path.read_bytes()
        asked = self.headers.get("Range", "")
        if not asked.startswith("bytes="):
            self.answer(HTTPStatus.OK, data, Accept_Ranges="bytes")
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start = int(first) if first else len(data) - int(last)
        end = min(int(last), len(data) - 1) if first and last else len(data) - 1
        if start >= len(data):
            where = f"bytes */{len(data)}"
            self.answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, Content_Range=where)
            return
        where = f"bytes {start}-{end}/{len(data)}"
        self.answer(HTTPStatus.PARTIAL_CONTENT, data[start : end + 1], Content_Range=where)

    def do_MOVE(self):
        source = stored(self.parts()[1:])
        there = urlsplit(self.headers["Destination"]).path.split("/")
        target = stored(map(unquote, there[2:]))
        if target.exists() and self.headers.get("Overwrite") == "F":
            self.answer(HTTPStatus.PRECONDITION_FAILED)
            return
        source.rename(target)
        self.answer(HTTPStatus.CREATED)

    def do_PUT(self):
        path = stored(self.parts()[1:])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.body())
        self.answer(HTTPStatus.CREATED)

    def do_POST(self):
        asked = json.loads(self.body() or b"null")
        if self.parts() == ["__test", "held"]:
            released.clear() if asked else released.set()
            self.say({})
        elif len(self.parts()) > 1:
            self.say({"http_status": "200 Ok"})
        else:
            self.say({"job_id": new_job(asked)["job_id"]})

    def do_DELETE(self):
        parts = self.parts()
        if parts[0] == "storage":
            stored(parts[1:]).unlink(missing_ok=True)
            self.answer(HTTPStatus.NO_CONTENT)
            return
        for file in jobs.get(parts[1], {"files": []})["files"]:
            if file["file_state"] in UNDER_WAY:
                file.update(file_state="CANCELED", reason="cancelled")
        self.say(told(parts[1]))


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
