"""A search as TAP clients ask for it: the names of TAP 1.1 beside our own, whatever their case."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.conf import settings

from esap.errors import InvalidRequest
from esap.jobs.kinds import Pairs, Wording
from esap.jobs.models import Job
from query.backends.base import archives
from query.storing import MERGED

__all__ = ["TAP_WORDS"]

_OURS: Mapping[str, str] = MappingProxyType(
    {"query": "adql", "maxrec": "limit", "archive": "archives", "dataset": "datasets"}
)
_LISTS = frozenset({"archives", "datasets"})
_ABOUT_TAP = frozenset({"lang", "request", "version", "upload"})
_LANGUAGES = frozenset({"ADQL", "ADQL-2.0", "ADQL-2.1"})


def read(pairs: Pairs, caller: Any) -> Mapping[str, object]:
    """Return the keys of a search out of the parameters of a UWS job.

    ADQL goes to the archive that is named, or to the only one that the caller sees. MAXREC beyond
    what the gateway gives is what it gives (TAP 1.1, section 2.7.4).
    """
    given = [(name.lower(), text.strip()) for name, text in pairs]
    _refuse_what_is_no_search(given)
    asked: dict[str, object] = {}
    for name, text in given:
        key = _OURS.get(name, name)
        if name == "maxrec":
            asked[key] = _rows(text)
        elif key in _LISTS and key in asked:
            asked[key] = f"{asked[key]},{text}"
        elif name not in _ABOUT_TAP:
            asked[key] = text
    if "adql" in asked and not asked.get("archives"):
        seen = archives.for_caller(caller)
        visible = [archive.config.id for archive in seen if archive.config.visible]
        if len(visible) == 1:
            asked["archives"] = visible[0]
    return asked


def main_result(job: Job) -> str:
    """Return the name of the table that TAP calls the result.

    Of ADQL that is the archive's own answer, with the columns of the query and no others.
    """
    names = [str(result["name"]) for result in job.results]
    of_archives = [name for name in names if name != MERGED]
    return of_archives[0] if job.parameters.get("adql") and of_archives else MERGED


def _refuse_what_is_no_search(given: Pairs) -> None:
    for name, text in given:
        if name == "lang" and text.upper() not in _LANGUAGES:
            raise InvalidRequest(f"LANG: {text[:40]!r} is not spoken here; ADQL is.")
        if name == "request" and text.lower() != "doquery":
            raise InvalidRequest(f"REQUEST: {text[:40]!r} cannot be done here; doQuery can.")
        if name == "upload" and text:
            raise InvalidRequest("UPLOAD: tables cannot be uploaded here.")


def _rows(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise InvalidRequest(f"MAXREC: {text[:40]!r} is not a number of rows.")
    return int(min(int(text[:18]), settings.SEARCH_ROWS_MAX))


TAP_WORDS = Wording(read=read, main_result=main_result)
