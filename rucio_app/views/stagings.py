"""Stagings over HTTP."""

from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from esap.api.bodies import members_of
from esap.api.pagination import keyset_page, keyset_response
from esap.api.parsers import JSONParser
from esap.errors import InvalidRequest, NotFound
from esap.jobs.creating import CREATING, mark_of, what_is_left
from esap.jobs.listing import phases_of_parts
from esap.jobs.models import Job
from rucio_app.asking import ExtensionSerializer, StagingSerializer
from rucio_app.backends.base import lakes
from rucio_app.serializers import (
    ExtendedSerializer,
    FatePageSerializer,
    StagingJobPageSerializer,
    StagingJobSerializer,
)
from rucio_app.services import staging
from rucio_app.services.access import lake_for
from rucio_app.services.extending import extend
from rucio_app.services.fates import fates
from rucio_app.services.selecting import items_wanted
from rucio_app.views.bounds import estimating, extending

__all__ = ["StagingViewSet"]

_MOST_PARTS = 50


class StagingViewSet(ViewSet):
    """Stagings: what was chosen is brought next to the compute, and kept there for a while.

    A staging is a job: it is watched, cancelled and retried like any other, under `jobs/`.
    """

    permission_classes = (IsAuthenticated,)
    parser_classes = (JSONParser,)
    lookup_url_kwarg = "staging_id"
    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    bodies: ClassVar = {
        "create": StagingSerializer,
        "extend": ExtensionSerializer,
    }

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer[Any]:
        """Let the browsable page show what to send."""
        return self.bodies.get(self.action, Serializer)(*args, **kwargs)

    @extend_schema(
        operation_id="rucio_stagings_list",
        parameters=[
            OpenApiParameter("limit", OpenApiTypes.INT, description="Members of a page."),
            OpenApiParameter("cursor", description="From the `next` of the page before."),
        ],
        responses=StagingJobPageSerializer,
    )
    def list(self, request: Request) -> Response:
        """List my stagings, the newest first."""
        rows = staging.stagings_of(request.user)
        found, following = keyset_page(request, rows, key="created")
        return keyset_response(_shown(found, request), following)

    @extend_schema(
        operation_id="rucio_stagings_create",
        parameters=CREATING,
        request=StagingSerializer,
        responses={202: StagingJobSerializer},
    )
    def create(self, request: Request) -> Response:
        """Stage DIDs: 202 with a job at once, or why it can never be done."""
        asked = members_of(request, StagingSerializer)
        wanted = staging.Wanted(
            items=items_wanted(request.user, asked["dids"], asked["basket"]),
            facility=asked["facility"],
            rse_expression=asked["rse_expression"],
            copies=asked["copies"],
            lifetime=asked.get("lifetime"),
            comment=asked["comment"],
        )
        lake = lake_for(request.user, _lake_id(request, asked["lake"]))
        with estimating(request):
            job = staging.stage(lake, request.user, wanted, mark=mark_of(request, request.data))
        headers = {
            "Location": reverse("staging-detail", args=[job.pk]),
            "Preference-Applied": "respond-async",
            **what_is_left(request, job.kind),
        }
        return Response(_shown([job], request)[0], status=HTTPStatus.ACCEPTED, headers=headers)

    @extend_schema(operation_id="rucio_stagings_retrieve", responses=StagingJobSerializer)
    def retrieve(self, request: Request, staging_id: str) -> Response:
        """Tell how a staging stands."""
        job = staging.staging_for(request.user, UUID(staging_id))
        return Response(_shown([job], request)[0])

    @extend_schema(
        operation_id="rucio_stagings_files",
        parameters=[
            OpenApiParameter("part", OpenApiTypes.UUID, description="One part only."),
            OpenApiParameter("page", OpenApiTypes.INT, description="Page of parts, from 1."),
        ],
        responses=FatePageSerializer,
    )
    @action(detail=True)
    def files(self, request: Request, staging_id: str) -> Response:
        """Tell the fate of each part, and of its files: where they are, with link and path."""
        whole = staging.staging_for(request.user, UUID(staging_id))
        parts = Job.objects.filter(parent=whole.pk).order_by("created", "pk")
        if wanted := request.query_params.get("part"):
            parts = parts.filter(pk=_uuid(wanted))
        page = _page(request.query_params.get("page", "1"))
        some = list(parts[(page - 1) * _MOST_PARTS : page * _MOST_PARTS])
        if not some:
            raise NotFound("There are no such parts of this staging.")
        count = parts.count()
        following = None
        if page * _MOST_PARTS < count:
            following = request.build_absolute_uri(f"{request.path}?page={page + 1}")
        told = fates(request.user, some)
        return Response(
            FatePageSerializer({"count": count, "next": following, "results": told}).data
        )

    @extend_schema(
        operation_id="rucio_stagings_extend",
        request=ExtensionSerializer,
        responses=ExtendedSerializer,
    )
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, staging_id: str) -> Response:
        """Let what was staged stay longer: so many seconds from now."""
        asked = members_of(request, ExtensionSerializer)
        whole = staging.staging_for(request.user, UUID(staging_id))
        with extending(request):
            told = extend(request.user, whole, asked["lifetime"])
        return Response(ExtendedSerializer({"results": told}).data)


def _shown(found: list[Job], request: Request) -> list[dict[str, Any]]:
    context = {"request": request, "phases": phases_of_parts(found), "share": ""}
    return [StagingJobSerializer(job, context=context).data for job in found]


def _lake_id(request: Request, asked: str) -> str:
    """Return the lake that is meant; the only one need not be named."""
    if asked:
        return asked
    known = lakes.for_caller(request.user).ids()
    if len(known) != 1:
        raise InvalidRequest(f"lake: name one of: {', '.join(sorted(known)) or 'none'}.")
    return known[0]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidRequest("part: this is no id of a part.") from error


def _page(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:  # noqa: PLR2004 - far enough
        raise InvalidRequest("page: a positive whole number.")
    return int(text)
