"""What the OpenAPI document says of UWS, beside the docstrings of its views."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from esap.jobs.creating import CREATING
from esap.jobs.models import Phase
from esap.jobs.uws import published

__all__ = [
    "ACT",
    "CREATE",
    "DELETE",
    "ERROR",
    "JOB",
    "JOBS",
    "PARAMETERS",
    "RESULT",
    "RESULTS",
    "SET_PARAMETER",
    "SET_PARAMETERS",
    "TEXT",
    "changed_by",
]

_XML = "text/xml"
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_PLAIN = "text/plain"
_ID = OpenApiParameter("job_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
_NAME = OpenApiParameter("name", OpenApiTypes.STR, OpenApiParameter.PATH)
_FORMAT = OpenApiParameter(
    "format", enum=["json", "xml"], description="Format of the answer, before Accept."
)


def _form(about: str, **fields: serializers.Field[Any, Any, Any, Any]) -> dict[str, Any]:
    shape = inline_serializer(about, fields)
    return {_FORM: shape, _JSON: shape}


def _either(shape: Any, about: str) -> dict[Any, Any]:
    return {(200, _XML): OpenApiResponse(OpenApiTypes.STR, about), (200, _JSON): shape}


_SEE_JOB = {
    (303, _XML): OpenApiResponse(OpenApiTypes.STR, "Location is that of the job."),
    (303, _JSON): published.JOB,
}
JOBS: dict[str, Any] = {
    "parameters": [
        _FORMAT,
        OpenApiParameter("PHASE", enum=Phase.values, many=True, description="Any of these."),
        OpenApiParameter("AFTER", OpenApiTypes.DATETIME, description="Created after this time."),
        OpenApiParameter("LAST", int, description="At most so many, the newest ones."),
        OpenApiParameter("page", int, description="In JSON: which page, from 1."),
        OpenApiParameter("page_size", int, description="In JSON: how many on a page, up to 500."),
    ],
    "responses": _either(published.PAGE, "`uws:jobs` of UWS 1.1."),
}
CREATE: dict[str, Any] = {
    "parameters": [_FORMAT, *CREATING],
    "request": _form(
        "UwsNewJob",
        KIND=serializers.CharField(required=False, help_text="`query.search` unless you say."),
        PHASE=serializers.CharField(required=False, help_text="RUN, to start it at once."),
        RUNID=serializers.CharField(required=False, help_text="A name of your own for the job."),
        RESPONSEFORMAT=serializers.CharField(required=False, help_text="Format of its tables."),
        QUERY=serializers.CharField(required=False, help_text="Of a search: ADQL."),
    ),
    "responses": _SEE_JOB,
}
JOB: dict[str, Any] = {
    "parameters": [
        _ID,
        _FORMAT,
        OpenApiParameter(
            "WAIT", int, description="Seconds to wait for another phase; -1 is as long as may be."
        ),
        OpenApiParameter("PHASE", description="The phase that you know; another ends the wait."),
    ],
    "responses": {
        **_either(published.JOB, "`uws:job` of UWS 1.1."),
        307: OpenApiResponse(description="The events process holds the request, at Location."),
    },
}
_REMOVED = {303: OpenApiResponse(description="It is gone; Location is that of the list.")}
ACT: dict[str, Any] = {
    "parameters": [_ID],
    "request": _form("UwsAction", ACTION=serializers.ChoiceField(choices=["DELETE"])),
    "responses": _REMOVED,
}
DELETE: dict[str, Any] = {"parameters": [_ID], "responses": _REMOVED}
TEXT: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {(200, _PLAIN): OpenApiResponse(OpenApiTypes.STR)},
}
ERROR: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        (200, _PLAIN): OpenApiResponse(OpenApiTypes.STR),
        (200, "application/x-votable+xml"): OpenApiResponse(OpenApiTypes.STR, "By `uws/async`."),
    },
}
PARAMETERS: dict[str, Any] = {
    "parameters": [_ID, _FORMAT],
    "responses": _either(published.PARAMETERS, "`uws:parameters` of UWS 1.1."),
}
SET_PARAMETERS: dict[str, Any] = {
    "parameters": [_ID, _FORMAT],
    "request": _form(
        "UwsParameters", QUERY=serializers.CharField(required=False, help_text="And any other.")
    ),
    "responses": _SEE_JOB,
}
SET_PARAMETER: dict[str, Any] = {
    "parameters": [_ID, _NAME, _FORMAT],
    "request": {
        _PLAIN: OpenApiTypes.STR,
        **_form("UwsParameter", VALUE=serializers.CharField(required=False)),
    },
    "responses": _SEE_JOB,
}
RESULTS: dict[str, Any] = {
    "parameters": [_ID, _FORMAT],
    "responses": _either(published.RESULTS, "`uws:results` of UWS 1.1."),
}
RESULT: dict[str, Any] = {
    "parameters": [_ID, _NAME],
    "responses": {303: OpenApiResponse(description="It is at Location.")},
}


def changed_by(name: str, about: str) -> dict[str, Any]:
    """Return what is said of an address to which one parameter of a job is posted."""
    return {
        "parameters": [_ID, _FORMAT],
        "request": _form(f"Uws{name.title()}", **{name: serializers.CharField(help_text=about)}),
        "responses": _SEE_JOB,
    }
