"""How one address of the fake archive behaves; written in its path: `/drip,pause=0.1/tap`."""

from dataclasses import dataclass, fields
from typing import Self

# What it answers.
CONTENT = {
    "ok",
    "empty",  # 200 and nothing
    "html",  # a web page, with 200
    "error200",  # an error document with 200, as DaCHS sends it
    "error400",  # an error document with 400, as DALI asks for
    "text400",  # a sentence with 400
    "error500",  # a server's own 500
    "busy",  # 503 with Retry-After
    "login",  # 401
    "forbidden",  # 403
    "missing",  # 404
    "late-error",  # rows, and then an error
    "redirect",  # 303 to the answer, on the same host
    "moved",  # 301 to another path
    "down",  # availability says false
    "quiet",  # has no availability
}
# How it sends what `ok` answers.
DELIVERY = {
    "hang",  # takes the request and never answers
    "drip",  # one byte every `pause` seconds
    "stall",  # half of the answer, then nothing
    "truncate",  # half of the answer, then closes
    "chunk-truncate",  # the same, in chunks without the last one
    "long-length",  # says more bytes than it sends, and waits
    "short-length",  # says fewer bytes than it sends
    "reset",  # closes without an answer
}


@dataclass(frozen=True)
class Behaviour:
    """`cap` is the service's own limit of rows; `phases` are a job's, each lasting `step`."""

    mode: str = "ok"
    latency: float = 0.0
    pause: float = 0.1
    cap: int = 1_000_000
    heedless: int = 0  # 1: does not know MAXREC
    phases: str = "QUEUED-EXECUTING-COMPLETED"
    step: float = 0.1
    wait: int = 1  # 0: ignores WAIT, as UWS 1.0 does
    undeletable: int = 0  # 1: takes ACTION=DELETE, not DELETE
    documented: int = 1  # 0: a job that failed has no error document
    elsewhere: int = 0  # 1: says that its jobs are on another host
    transient: int = 0  # 1: says that a job's failure may pass
    faint: int = 0  # so many queries, or looks at a job, are answered with 503 first
    number: int = 0  # only to tell addresses apart

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `mode,name=value,...`."""
        mode, *options = text.split(",")
        if mode not in CONTENT | DELIVERY:
            raise ValueError(f"there is no mode {mode!r}")
        kinds = {field.name: field.type for field in fields(cls)}
        pairs = (option.split("=", 1) for option in options)
        return cls(mode, **{name: kinds[name](value) for name, value in pairs})  # type: ignore[operator]
