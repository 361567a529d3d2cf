"""Stored results over HTTP: a page in JSON, or all of a table in any format."""

from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from esap.api.negotiation import FORMATS, PlainOrPage
from esap.jobs.services import job_to_read
from esap.results.answers import PAGE_ROWS, answer_result
from esap.results.filters import OPERATORS
from esap.results.reading import PAGE_MAX
from esap.results.storage import NAME

__all__ = ["ResultViewSet", "result_schema"]

result_schema = extend_schema(
    parameters=[
        OpenApiParameter(
            "sort", description="Columns to sort by, `-mag,name`; what is missing comes last."
        ),
        OpenApiParameter(
            "filter",
            many=True,
            description="Conditions that all have to be true, as `column:operator:value`, such as "
            f"`mag:lt:12`. Operators: {', '.join(OPERATORS['text'])}; `in` takes values with "
            "commas between, the two of null take none.",
        ),
        OpenApiParameter("columns", description="Columns wanted, `ra,dec`; all unless you say."),
        OpenApiParameter(
            "limit", int, description=f"Most rows of a page, up to {PAGE_MAX}; {PAGE_ROWS} in JSON."
        ),
        OpenApiParameter("cursor", description="Where the page begins: of the page before."),
        OpenApiParameter(
            "whole", bool, description="All rows in JSON, too, as in the other formats."
        ),
        OpenApiParameter(
            "format", enum=list(FORMATS), description="Format of the answer, before Accept."
        ),
    ],
    responses={
        (200, "application/json"): OpenApiResponse(
            OpenApiTypes.OBJECT,
            "`columns`, `rows`, `total`, `matching`, `next`, and what else was told of the table.",
        ),
        **{
            (200, kinds[0]): OpenApiResponse(OpenApiTypes.BINARY, "All rows.")
            for name, kinds in FORMATS.items()
            if name != "json"
        },
    },
)


class ResultViewSet(ViewSet):
    """Tables that jobs stored: paged, sorted and filtered by column, or downloaded."""

    permission_classes = (AllowAny,)
    content_negotiation_class = PlainOrPage
    lookup_url_kwarg = "name"
    lookup_value_regex = NAME

    @result_schema
    @extend_schema(
        operation_id="jobs_results_retrieve",
        parameters=[
            OpenApiParameter(
                "share", description="The token of a link that the job's owner gave you."
            )
        ],
    )
    def retrieve(self, request: Request, job_id: str, name: str) -> HttpResponseBase:
        """Return a stored table of a job that you may see, by yourself or by a shared link."""
        job = job_to_read(request.user, UUID(job_id), request.query_params.get("share", ""))
        return answer_result(request, job.pk, name)
