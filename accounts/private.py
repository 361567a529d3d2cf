"""Answers that are about one person."""

from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

__all__ = ["PrivateViewSet"]


class PrivateViewSet(ViewSet):
    """Endpoints whose answers no cache may keep: they differ by caller, and some hold a token."""

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> Any:
        """Forbid caches to keep the answer, also where it is a problem."""
        answer = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        answer.headers["Cache-Control"] = "no-store"
        return answer
