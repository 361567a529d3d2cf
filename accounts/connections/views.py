"""Connections: what there are, and the way to one and back."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.connections import services
from accounts.credentials import caller_of, credential_of
from accounts.permissions import HumanLogin
from accounts.private import PrivateViewSet
from esap.api.refusal import Refusal
from esap.errors import NotAllowed

__all__ = ["ConnectionViewSet"]


class ConnectionSerializer(serializers.Serializer[Any]):
    """A service with a login of its own, and how you stand with it."""

    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    connected = serializers.BooleanField()
    subject = serializers.CharField(help_text="Who you are there, as far as it says.")
    scopes = serializers.ListField(child=serializers.CharField())
    created = serializers.DateTimeField(allow_null=True)
    refreshed = serializers.DateTimeField(allow_null=True)
    connect = serializers.URLField(help_text="Go there in a browser to connect.")


class ConnectionsSerializer(serializers.Serializer[Any]):
    """All of them."""

    results = ConnectionSerializer(many=True)


class BrowserLogin(BasePermission):
    """A session: what is begun waits in it for the answer."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether somebody has logged in; refuse a token with `NotAllowed`."""
        if credential_of(request).kind != "session":
            raise Refusal(NotAllowed("Connections are made in a browser. Log in there."))
        return request.user.is_authenticated


class ConnectionViewSet(PrivateViewSet):
    """Services with a login of their own, such as a JupyterHub, that act in your name.

    Connect once, in a browser; the gateway then keeps your token there, sealed, until you
    disconnect.
    """

    permission_classes = [HumanLogin]
    lookup_value_regex = "[a-z0-9][a-z0-9_-]{0,63}"
    lookup_url_kwarg = "connection"

    @extend_schema(operation_id="connections_list", responses=ConnectionsSerializer)
    def list(self, request: Request) -> Response:
        """List the services that you may connect to."""
        found = services.connections_of(caller_of(request))
        return Response({"results": [_told(each, request) for each in found]})

    @extend_schema(operation_id="connections_retrieve", responses=ConnectionSerializer)
    def retrieve(self, request: Request, connection: str) -> Response:
        """Tell how you stand with a service."""
        return Response(_told(services.connection_of(caller_of(request), connection), request))

    @extend_schema(operation_id="connections_end", responses={204: None})
    def destroy(self, request: Request, connection: str) -> Response:
        """Disconnect: the gateway forgets your token, and tells the service to do so."""
        services.disconnect(caller_of(request), connection, request=request)
        return Response(status=HTTPStatus.NO_CONTENT)

    @extend_schema(
        operation_id="connections_connect",
        parameters=[OpenApiParameter("next", str, description="Where to go then, on this host.")],
        responses={302: OpenApiResponse(description="The service's login page, at Location.")},
    )
    @action(detail=True, permission_classes=[BrowserLogin])
    def connect(self, request: Request, connection: str) -> HttpResponseRedirect:
        """Go to the service to connect; for browsers."""
        address = services.begin(
            caller_of(request),
            connection,
            session=request.session,
            redirect_uri=_callback(request),
            back_to=_next(request),
        )
        return HttpResponseRedirect(address)

    @extend_schema(
        operation_id="connections_callback",
        parameters=[
            OpenApiParameter("state", str, required=True),
            OpenApiParameter("code", str),
            OpenApiParameter("error", str),
        ],
        responses={302: OpenApiResponse(description="Where you came from.")},
    )
    @action(detail=False, permission_classes=[BrowserLogin])
    def callback(self, request: Request) -> HttpResponseRedirect:
        """Come back from a service."""
        back_to = services.finish(
            caller_of(request),
            request.query_params.dict(),
            redirect_uri=_callback(request),
            request=request,
        )
        return HttpResponseRedirect(back_to)


def _told(connection: services.Connection, request: Request) -> dict[str, Any]:
    connect = reverse("connection-connect", args=[connection.id])
    return {**asdict(connection), "connect": request.build_absolute_uri(connect)}


def _callback(request: Request) -> str:
    return request.build_absolute_uri(reverse("connection-callback"))


def _next(request: Request) -> str:
    """Return where the user wants to go then; only addresses of our own are followed."""
    wanted = request.query_params.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and ours else reverse("connection-list")
