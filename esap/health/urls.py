"""Where health is asked for."""

from django.urls import re_path

from esap.health.views import Jobs, Live, Metrics, Peers, Ready

urlpatterns = [
    re_path(r"^live/?$", Live.as_view(), name="health-live"),
    re_path(r"^ready/?$", Ready.as_view(), name="health-ready"),
    re_path(r"^jobs/?$", Jobs.as_view(), name="health-jobs"),
    re_path(r"^peers/?$", Peers.as_view(), name="health-peers"),
]
metrics_urlpatterns = [re_path(r"^metrics/?$", Metrics.as_view(), name="metrics")]
