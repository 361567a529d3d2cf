"""Data lakes: what is in them, where it lies, and what of it is mine."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from esap.api.bodies import parameters_of
from esap.api.parsers import JSONParser
from esap.errors import InvalidRequest
from rucio_app.asking import (
    AskedDidsSerializer,
    DidQuerySerializer,
    ReplicaQuerySerializer,
    RuleQuerySerializer,
    SelectionSerializer,
    UploadSerializer,
)
from rucio_app.backends.base import DataLake, lakes
from rucio_app.backends.values import Item, RuleState
from rucio_app.links import links_of_lake, url_of
from rucio_app.serializers import (
    DidPageSerializer,
    EstimateSerializer,
    FilePageSerializer,
    LakeListSerializer,
    LakeSerializer,
    OneDidSerializer,
    RulePageSerializer,
    TreePageSerializer,
    UploadedSerializer,
)
from rucio_app.services import browsing, downloads, mine
from rucio_app.services.access import lake_for
from rucio_app.services.estimating import estimate
from rucio_app.services.selecting import facility_of, items_wanted, target_of
from rucio_app.views.bounds import estimating
from rucio_app.views.downloading import streamed
from rucio_app.views.paging import page_of
from rucio_app.views.uploading import taken

__all__ = ["LakeViewSet"]

_OWN = {"account", "rules", "rule", "estimate", "upload"}
"""What is the caller's own, and needs a login at every lake."""


class LakeViewSet(ViewSet):
    """Data lakes: files all over the world, under names of their own."""

    permission_classes = (AllowAny,)
    parser_classes = (JSONParser,)
    lookup_url_kwarg = "lake"
    lookup_value_regex = "[a-z0-9][a-z0-9_-]{0,63}"
    bodies: ClassVar = {"estimate": SelectionSerializer, "upload": UploadSerializer}

    def get_permissions(self) -> Sequence[BasePermission]:
        """Ask for a login for what is the caller's own; to look around is the lake's matter."""
        return [IsAuthenticated()] if self.action in _OWN else [AllowAny()]

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer[Any]:
        """Let the browsable page show what to send."""
        return self.bodies.get(self.action, Serializer)(*args, **kwargs)

    @extend_schema(responses=LakeListSerializer)
    def list(self, request: Request) -> Response:
        """List the data lakes."""
        found = [_shown(request, lake) for lake in lakes.for_caller(request.user)]
        return Response(LakeListSerializer({"results": found}).data)

    @extend_schema(responses=LakeSerializer)
    def retrieve(self, request: Request, lake: str) -> Response:
        """Tell of one data lake: how long data stay there, and which facilities are near it."""
        return Response(LakeSerializer(_shown(request, lake_for(request.user, lake))).data)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def scopes(self, request: Request, lake: str) -> Response:
        """List the scopes, in which DIDs have their names."""
        found = browsing.scopes(lake_for(request.user, lake), request.user)
        return Response({"results": found})

    @extend_schema(parameters=[DidQuerySerializer], responses=DidPageSerializer)
    @action(detail=True)
    def dids(self, request: Request, lake: str) -> Response:
        """Search a scope: by name, type or metadata, or for what is at its top."""
        asked = parameters_of(request, DidQuerySerializer)
        found = browsing.dids(
            lake_for(request.user, lake),
            request.user,
            asked["scope"],
            name=asked["name"],
            kind=asked["type"],
            metadata=asked.get("metadata"),
            top=asked["top"],
        )
        return Response(page_of(request, found, DidPageSerializer, lake=lake))

    @extend_schema(parameters=[AskedDidsSerializer], responses=OneDidSerializer)
    @action(detail=True)
    def did(self, request: Request, lake: str) -> Response:
        """Tell of one DID: its size, checksums and metadata."""
        item = _did_asked_for(request)
        found = browsing.one(lake_for(request.user, lake), request.user, item)
        return Response(OneDidSerializer(found, context={"request": request, "lake": lake}).data)

    @extend_schema(parameters=[AskedDidsSerializer], responses=DidPageSerializer)
    @action(detail=True)
    def content(self, request: Request, lake: str) -> Response:
        """List what is directly in a collection."""
        item = _did_asked_for(request)
        found = browsing.children(lake_for(request.user, lake), request.user, item)
        return Response(page_of(request, found, DidPageSerializer, lake=lake))

    @extend_schema(parameters=[AskedDidsSerializer], responses=TreePageSerializer)
    @action(detail=True)
    def tree(self, request: Request, lake: str) -> Response:
        """List all that is below a collection, depth first, each with what it is in."""
        item = _did_asked_for(request)
        found = browsing.tree(lake_for(request.user, lake), request.user, item)
        return Response(page_of(request, found, TreePageSerializer, lake=lake))

    @extend_schema(parameters=[AskedDidsSerializer], responses=DidPageSerializer)
    @action(detail=True)
    def parents(self, request: Request, lake: str) -> Response:
        """List the collections that a DID is directly in."""
        item = _did_asked_for(request)
        found = browsing.parents(lake_for(request.user, lake), request.user, item)
        return Response(page_of(request, found, DidPageSerializer, lake=lake))

    @extend_schema(parameters=[ReplicaQuerySerializer], responses=FilePageSerializer)
    @action(detail=True)
    def replicas(self, request: Request, lake: str) -> Response:
        """List the files of a DID with their replicas: where, in which state, by which links."""
        asked = parameters_of(request, ReplicaQuerySerializer)
        there = lake_for(request.user, lake)
        found = browsing.files_at(
            there,
            request.user,
            browsing.item_of(asked["scope"], asked["name"]),
            rse_expression=asked["rse_expression"],
            schemes=[scheme for scheme in asked["schemes"].split(",") if scheme],
            facility=facility_of(there, asked["facility"]) if asked["facility"] else None,
        )
        return Response(page_of(request, found, FilePageSerializer, lake=lake))

    @extend_schema(
        parameters=[
            OpenApiParameter("expression", description="Those that it matches, `country=NL`.")
        ],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=True)
    def storages(self, request: Request, lake: str) -> Response:
        """List the storage elements (RSEs); of an expression, those that it matches."""
        expression = request.query_params.get("expression", "")
        found = browsing.elements(lake_for(request.user, lake), request.user, expression)
        return Response({"results": found})

    @extend_schema(
        parameters=[
            OpenApiParameter("rse", required=True),
            OpenApiParameter("to", description="Another one, to tell how far that is."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=True)
    def storage(self, request: Request, lake: str) -> Response:
        """Tell of one storage element: its attributes, usage, limits, protocols; a distance."""
        there, rse = lake_for(request.user, lake), request.query_params.get("rse", "")
        if not rse:
            raise InvalidRequest("rse: name a storage element; they are listed under storages/.")
        found = browsing.element(there, request.user, rse)
        if to := request.query_params.get("to"):
            found["distance"] = browsing.distance(there, request.user, rse, to)
        return Response(found)

    @extend_schema(
        parameters=[
            AskedDidsSerializer,
            OpenApiParameter("rse", description="From this storage element only."),
            OpenApiParameter("Range", location=OpenApiParameter.HEADER),
        ],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiTypes.BINARY,
            302: OpenApiResponse(description="It is at the storage: Location says where."),
        },
    )
    @action(detail=True)
    def download(self, request: Request, lake: str) -> HttpResponseBase:
        """Download a file: by a redirect to the storage, or through the gateway, if need be."""
        there = lake_for(request.user, lake)
        query = request.query_params
        item = browsing.item_of(query.get("scope", ""), query.get("name", ""))
        found = downloads.offer(there, request.user, item, query.get("rse", ""))
        if not found.streams:
            return HttpResponseRedirect(found.link)
        return streamed(request, there, found)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def account(self, request: Request, lake: str) -> Response:
        """Tell of my account: its identities, and what it has and may have where."""
        return Response(mine.account(lake_for(request.user, lake), request.user))

    @extend_schema(
        operation_id="rucio_lakes_rules_list",
        parameters=[RuleQuerySerializer],
        responses=RulePageSerializer,
    )
    @action(detail=True)
    def rules(self, request: Request, lake: str) -> Response:
        """List my rules, the newest first."""
        asked = parameters_of(request, RuleQuerySerializer)
        state = RuleState(asked["state"]) if asked.get("state") else None
        found = mine.rules(
            lake_for(request.user, lake),
            request.user,
            state=state,
            rse_expression=asked["rse_expression"],
            text=asked["text"],
        )
        return Response(page_of(request, found, RulePageSerializer, lake=lake))

    @extend_schema(
        operation_id="rucio_lakes_rule",
        parameters=[OpenApiParameter("rule_id", location=OpenApiParameter.PATH)],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=True, url_path="rules/(?P<rule_id>[0-9a-f]{32})")
    def rule(self, request: Request, lake: str, rule_id: str) -> Response:
        """Tell of one rule: its locks, why it is stuck, and the history of its DID's rules."""
        return Response(mine.rule(lake_for(request.user, lake), request.user, rule_id))

    @extend_schema(request=SelectionSerializer, responses=EstimateSerializer)
    @action(detail=True, methods=["post"])
    def estimate(self, request: Request, lake: str) -> Response:
        """Tell what a staging would take: files, bytes, what is there, and the quota left."""
        body = SelectionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked, there = body.validated_data, lake_for(request.user, lake)
        target = target_of(there, asked["facility"], asked["rse_expression"])
        wanted = items_wanted(request.user, asked["dids"], asked["basket"])
        with estimating(request):
            found = estimate(there, request.user, wanted, target)
        return Response(EstimateSerializer(found).data)

    @extend_schema(request=UploadSerializer, responses={201: UploadedSerializer})
    @action(detail=True, methods=["post"], parser_classes=[MultiPartParser])
    def upload(self, request: Request, lake: str) -> Response:
        """Upload a small file to a scope of mine: stored, registered, and kept by a rule."""
        found = taken(request, lake_for(request.user, lake))
        return Response(UploadedSerializer(found).data, status=HTTPStatus.CREATED)


def _did_asked_for(request: Request) -> Item:
    asked = parameters_of(request, AskedDidsSerializer)
    return browsing.item_of(asked["scope"], asked["name"])


def _shown(request: Request, lake: DataLake) -> dict[str, Any]:
    config = lake.config
    url, links = url_of(request, "lake-detail", config.id), links_of_lake(request, config.id)
    shown = ("id", "title", "facilities", "lifetime", "longest_lifetime")
    more = ("most_copies", "anyone_reads")
    return {"url": url, "links": links, **{name: getattr(config, name) for name in (*shown, *more)}}
