"""Health over HTTP: for load balancers, and for people who wonder."""

from dataclasses import asdict

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from esap.api.renderers import JSONRenderer
from esap.errors import NotReady
from esap.health.matrix import matrix
from esap.health.metrics import CONTENT_TYPE, exposition
from esap.health.readers import MayReadMetrics, MetricsToken
from esap.health.readiness import check_ready
from esap.health.serializers import (
    HealthMatrixSerializer,
    ReadySerializer,
    StatusSerializer,
    WorkSerializer,
)
from esap.health.work import missing, state_of_work

__all__ = ["Jobs", "Live", "Metrics", "Peers", "Ready"]


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

    @extend_schema(operation_id="health_ready", responses=ReadySerializer)
    def get(self, request: Request) -> Response:
        """Answer 200, or 503 with what is not ready: database, migrations or broker.

        Without a worker or the clock the gateway serves all the same, and `warnings` says so.
        """
        check_ready()
        return Response({**_ok(), "warnings": list(missing().values())})


class Jobs(APIView):
    """Whether jobs are carried out."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="health_jobs", responses=WorkSerializer)
    def get(self, request: Request) -> Response:
        """Answer 200, or 503 with what is wrong and what to do: broker, workers, clock or queue.

        Both tell how many workers live and how long jobs have waited.
        """
        work = state_of_work()
        if wrong := work.wrong():
            raise NotReady(" ".join(wrong.values()), not_ready=sorted(wrong), **asdict(work))
        return Response({**_ok(), **asdict(work)})


class Peers(APIView):
    """How every service behind the gateway is, by the last of the regular pings."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="health_peers", responses=HealthMatrixSerializer)
    def get(self, request: Request) -> Response:
        """List all peers that you may use: their state, latency, last error and circuit breaker."""
        return Response({"results": matrix(request.user)})


class _Exposition(JSONRenderer):
    """What Prometheus accepts; only problems are rendered, and they name their own type."""

    media_type = "text/plain"
    format = "prometheus"


class Metrics(APIView):
    """The figures of the gateway, for Prometheus."""

    authentication_classes = [MetricsToken, *APIView.authentication_classes]
    permission_classes = [MayReadMetrics]
    renderer_classes = [_Exposition, JSONRenderer]

    @extend_schema(
        operation_id="metrics",
        responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR)},
    )
    def get(self, request: Request) -> HttpResponse:
        """Tell all figures in Prometheus' text format, to `ESAP_METRICS_TOKEN` and to operators."""
        return HttpResponse(exposition(), content_type=CONTENT_TYPE)


def _ok() -> dict[str, str]:
    return {"status": "ok", "version": settings.VERSION}
