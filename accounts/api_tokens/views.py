"""API tokens: list, make, show, revoke."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.api_tokens import services
from accounts.api_tokens.serializers import (
    ApiTokenPageSerializer,
    ApiTokenQuerySerializer,
    ApiTokenSerializer,
    MadeTokenSerializer,
    NewTokenSerializer,
)
from accounts.credentials import caller_of
from accounts.permissions import HumanLogin
from esap.api.pagination import keyset_filters, keyset_page, keyset_response

__all__ = ["ApiTokenViewSet"]


class ApiTokenViewSet(ViewSet):
    """Personal API tokens, for scripts of yours.

    A token stands for you, within its scopes, until it expires or you revoke it. Send it as
    `Authorization: Bearer esap_api_...`.
    """

    permission_classes = [IsAuthenticated]
    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    lookup_url_kwarg = "token_id"

    def get_permissions(self) -> Sequence[BasePermission]:
        """Let a token look at tokens, but make or revoke none."""
        return [IsAuthenticated()] if self.action in {"list", "retrieve"} else [HumanLogin()]

    def get_serializer(self, *args: Any, **kwargs: Any) -> NewTokenSerializer:
        """Let the browsable page show a form."""
        return NewTokenSerializer(*args, **kwargs)

    @extend_schema(
        operation_id="api_tokens_list",
        parameters=[ApiTokenQuerySerializer],
        responses=ApiTokenPageSerializer,
    )
    def list(self, request: Request) -> Response:
        """List your tokens, the newest first, with when each was last used."""
        keyset_filters(request, ApiTokenQuerySerializer)
        tokens, following = keyset_page(
            request, services.tokens_of(caller_of(request)), key="created"
        )
        shown = [ApiTokenSerializer(token, context={"request": request}).data for token in tokens]
        return keyset_response(shown, following)

    @extend_schema(
        operation_id="api_tokens_create",
        request=NewTokenSerializer,
        responses={201: MadeTokenSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make a token. The answer shows its text, this once and never again."""
        asked = NewTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        token, text = services.make(caller_of(request), request=request, **asked.validated_data)
        shown = {**ApiTokenSerializer(token, context={"request": request}).data, "token": text}
        return Response(
            shown,
            status=HTTPStatus.CREATED,
            headers={"Location": shown["url"], "Cache-Control": "no-store"},
        )

    @extend_schema(operation_id="api_tokens_retrieve", responses=ApiTokenSerializer)
    def retrieve(self, request: Request, token_id: str) -> Response:
        """Tell what a token may do, until when, and when it was last used."""
        token = services.token_of(caller_of(request), UUID(token_id))
        return Response(ApiTokenSerializer(token, context={"request": request}).data)

    @extend_schema(operation_id="api_tokens_revoke", responses={204: None})
    def destroy(self, request: Request, token_id: str) -> Response:
        """Revoke a token: from now on it opens nothing. It stays in the list."""
        services.revoke(caller_of(request), UUID(token_id), request=request)
        return Response(status=HTTPStatus.NO_CONTENT)
