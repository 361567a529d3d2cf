"""What the OpenAPI document says of each call beyond what drf-spectacular finds by itself."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from esap.api.problems import PROBLEM_JSON

__all__ = ["DocumentedSchema", "ProblemSerializer"]


class ProblemSerializer(serializers.Serializer[Any]):
    """What every failed request answers (RFC 9457)."""

    type = serializers.CharField(help_text="Address of the page that explains the slug.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="A sentence that says what to do.")
    slug = serializers.CharField()
    retryable = serializers.BooleanField(help_text="Whether the same request may succeed later.")
    instance = serializers.CharField(required=False, help_text="Path of the request.")


class DocumentedSchema(AutoSchema):
    """The first paragraph of a view's docstring stands beside its path in Swagger UI and ReDoc.

    Every call may answer with a problem besides what its view says. A DELETE has the body that
    the view names as `delete_body`, if any.
    """

    def get_summary(self) -> str:
        """Return one sentence on the call."""
        first, _, _ = self.get_description().partition("\n\n")
        return " ".join(first.split()).removesuffix(".")

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Add the problem to what the view says."""
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            problem = self.resolve_serializer(ProblemSerializer, "response")
            other = operation["responses"].setdefault("default", {"description": "A problem."})
            other.setdefault("content", {})[PROBLEM_JSON] = {"schema": problem.ref}
            body = getattr(self.view, "delete_body", None)
            if self.method == "DELETE" and body is not None:
                shape = {"schema": self.resolve_serializer(body, "request").ref}
                operation["requestBody"] = {
                    "content": {"application/json": shape},
                    "required": True,
                }
        return operation

    def _is_list_view(self, *shape: Any) -> bool:
        """Let a list that is no bare array have a shape of its own (None for a plain schema)."""
        if not shape:
            return super()._is_list_view()
        return isinstance(shape[0], serializers.ListSerializer)
