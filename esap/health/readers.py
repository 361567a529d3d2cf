"""Who may read the figures: Prometheus, with a token of its own, and operators."""

import hmac
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from esap.api.refusal import Refusal
from esap.errors import NotAllowed

__all__ = ["MayReadMetrics", "MetricsToken"]


class MetricsToken(BaseAuthentication):
    """The token of ESAP_METRICS_TOKEN, which opens nothing else and is nobody's."""

    def authenticate(
        self, request: Request
    ) -> tuple[AnonymousUser, type[BaseAuthentication]] | None:
        """Recognise the token; any other is for those who come after."""
        scheme, _, token = get_authorization_header(request).partition(b" ")
        wanted = settings.METRICS_TOKEN.encode()
        if scheme.lower() != b"bearer" or not wanted:
            return None
        if not hmac.compare_digest(token.strip(), wanted):
            return None
        return AnonymousUser(), MetricsToken


class MayReadMetrics(BasePermission):
    """Let in who brought that token, operators and admins."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether somebody is known at all; refuse other users with `NotAllowed`."""
        if request.auth is MetricsToken:
            return True
        if not request.user.is_authenticated:
            return False
        if not request.user.is_staff:
            raise Refusal(NotAllowed("The figures of the gateway are for its operators."))
        return True
