"""Webhooks over HTTP."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from esap.api.bodies import members_of
from esap.api.pagination import (
    KeysetQuerySerializer,
    keyset_filters,
    keyset_page,
    keyset_response,
)
from esap.webhooks import services
from esap.webhooks.models import Webhook
from esap.webhooks.serializers import (
    ChangeWebhookSerializer,
    DeliveryPageSerializer,
    DeliverySerializer,
    NewWebhookSerializer,
    SecretSerializer,
    WebhookPageSerializer,
    WebhookSerializer,
    WebhookWithSecretSerializer,
)

__all__ = ["WebhookViewSet"]


class WebhookViewSet(ViewSet):
    """Addresses of your own to which is sent what happens to your jobs."""

    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    lookup_url_kwarg = "webhook_id"
    permission_classes = [IsAuthenticated]

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer[Any]:
        """Let the browsable page offer a form."""
        making = self.action in {"list", "create"}
        return (NewWebhookSerializer if making else ChangeWebhookSerializer)(*args, **kwargs)

    @extend_schema(
        operation_id="webhooks_list",
        parameters=[KeysetQuerySerializer],
        responses=WebhookPageSerializer,
    )
    def list(self, request: Request) -> Response:
        """List your webhooks, the newest first."""
        keyset_filters(request, KeysetQuerySerializer)
        found, following = keyset_page(request, services.webhooks_of(request.user), key="created")
        return keyset_response([WebhookSerializer(one).data for one in found], following)

    @extend_schema(
        operation_id="webhooks_create",
        request=NewWebhookSerializer,
        responses={201: WebhookWithSecretSerializer},
    )
    def create(self, request: Request) -> Response:
        """Have what happens to your jobs from now on sent to an address, signed with a secret.

        The secret is told in this answer only.
        """
        asked = members_of(request, NewWebhookSerializer)
        webhook, secret = services.create(request.user, asked.pop("url"), **asked)
        return Response(
            {**WebhookSerializer(webhook).data, "secret": secret},
            status=HTTPStatus.CREATED,
            headers={"Location": reverse("webhook-detail", args=[webhook.pk]).rstrip("/")},
        )

    @extend_schema(operation_id="webhooks_retrieve", responses=WebhookSerializer)
    def retrieve(self, request: Request, webhook_id: str) -> Response:
        """Tell of a webhook, and since when it fails, if it does."""
        return Response(WebhookSerializer(_own(request, webhook_id)).data)

    @extend_schema(
        operation_id="webhooks_change",
        request=ChangeWebhookSerializer,
        responses=WebhookSerializer,
    )
    def partial_update(self, request: Request, webhook_id: str) -> Response:
        """Change a webhook, disable it, or enable it again."""
        asked = members_of(request, ChangeWebhookSerializer)
        webhook = services.change(_own(request, webhook_id), **asked)
        return Response(WebhookSerializer(webhook).data)

    @extend_schema(operation_id="webhooks_delete", responses={204: None})
    def destroy(self, request: Request, webhook_id: str) -> Response:
        """Remove a webhook; what was still to be sent is not."""
        _own(request, webhook_id).delete()
        return Response(status=HTTPStatus.NO_CONTENT)

    @extend_schema(
        operation_id="webhooks_new_secret", request=None, responses={200: SecretSerializer}
    )
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, webhook_id: str) -> Response:
        """Make a new secret; the old one signs no more."""
        return Response({"secret": services.new_secret_for(_own(request, webhook_id))})

    @extend_schema(
        operation_id="webhooks_deliveries",
        parameters=[KeysetQuerySerializer],
        responses=DeliveryPageSerializer,
    )
    @action(detail=True)
    def deliveries(self, request: Request, webhook_id: str) -> Response:
        """List what was sent, or is to be, with every attempt; the newest first."""
        keyset_filters(request, KeysetQuerySerializer)
        rows = services.deliveries_of(_own(request, webhook_id))
        found, following = keyset_page(request, rows, key="created")
        return keyset_response([DeliverySerializer(one).data for one in found], following)


def _own(request: Request, webhook_id: str) -> Webhook:
    return services.webhook_of(request.user, UUID(webhook_id))
