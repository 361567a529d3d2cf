"""A kind of job that is spoken of in other words through UWS, and refuses some work."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from esap.errors import InvalidRequest, NotFound
from esap.jobs.kinds import JobKind, Pairs, Wording
from esap.jobs.models import Job
from tests.unit.esap.jobs import kinds


class Errand(BaseModel):
    model_config = ConfigDict(extra="forbid")

    goal: str
    Rows: int = 1
    bands: list[str] = []


def read(pairs: Pairs, caller: Any) -> Mapping[str, object]:
    """GOAL is for whoever asks; MAXREC is a number of rows."""
    words = {"maxrec": "Rows"}
    given = {words.get(name.lower(), name.lower()): text for name, text in pairs}
    if given.get("goal") == "nobody":
        raise InvalidRequest(f"GOAL: {caller.get_username()} is somebody.")
    return given


def main_result(job: Job) -> str:
    return "second"


def refuse_mars(parameters: Mapping[str, object], owner: Any) -> None:
    if parameters["goal"] == "Mars":
        raise NotFound(f"There is no way to Mars for {owner.get_username()}.")


KINDS = {
    **kinds.KINDS,
    "test.errand": JobKind("test.errand", kinds.work, parameters=Errand, check=refuse_mars),
    "test.spoken": JobKind(
        "test.spoken",
        kinds.work,
        parameters=Errand,
        wording=Wording(read=read, main_result=main_result),
    ),
}
