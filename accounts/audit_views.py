"""The audit log as its users read it: what was done in their own name."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.actions import Action
from accounts.credentials import caller_of
from accounts.models import AuditEvent
from esap.api.pagination import (
    KeysetQuerySerializer,
    keyset_filters,
    keyset_page,
    keyset_response,
)

__all__ = ["AuditViewSet"]


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """One thing that was done in your name."""

    meaning = serializers.SerializerMethodField(help_text="The action, in a sentence.")
    detail = serializers.DictField()
    address = serializers.CharField(help_text="Whence the request came; empty if there was none.")

    class Meta:
        model = AuditEvent
        fields: ClassVar = ["id", "time", "action", "meaning", "detail", "address", "request_id"]
        read_only_fields = fields

    def get_meaning(self, event: AuditEvent) -> str:
        """Return the sentence of the action; empty for one of an earlier version."""
        return str(Action(event.action).label) if event.action in Action.values else ""


class AuditQuerySerializer(KeysetQuerySerializer):
    """What the audit log can be asked for."""

    action = serializers.ChoiceField(choices=Action.values, required=False)


class AuditPageSerializer(serializers.Serializer[Any]):
    """One page of the audit log, and where the next is."""

    results = AuditEventSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class AuditViewSet(ViewSet):
    """What was done in your name: logins, tokens, permissions. Look for what you do not know."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="audit_list", parameters=[AuditQuerySerializer], responses=AuditPageSerializer
    )
    def list(self, request: Request) -> Response:
        """List what was done in your name, the newest first."""
        filters = keyset_filters(request, AuditQuerySerializer)
        mine = AuditEvent.objects.filter(user=caller_of(request), **filters)
        events, following = keyset_page(request, mine, key="time")
        return keyset_response(list(AuditEventSerializer(events, many=True).data), following)
