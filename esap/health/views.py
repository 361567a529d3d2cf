"""Health over HTTP: for load balancers, and for people who wonder."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from esap.health.matrix import matrix
from esap.health.readiness import check_ready
from esap.health.serializers import HealthMatrixSerializer, StatusSerializer

__all__ = ["Live", "Peers", "Ready"]


class Live(APIView):
    """Whether the process lives: no database, no broker, no peer is asked."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="health_live", responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        """Answer 200."""
        return Response(_ok())


class Ready(APIView):
    """Whether the gateway can serve. Peers have no part in it."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="health_ready", responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        """Answer 200, or 503 with what is not ready: database, migrations or broker."""
        check_ready()
        return Response(_ok())


class Peers(APIView):
    """How every service behind the gateway is, by the last of the regular pings."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="health_peers", responses=HealthMatrixSerializer)
    def get(self, request: Request) -> Response:
        """List all peers that you may use: their state, latency, last error and circuit breaker."""
        return Response({"results": matrix(request.user)})


def _ok() -> dict[str, str]:
    return {"status": "ok", "version": settings.VERSION}
