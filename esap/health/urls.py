"""Where health is asked for."""

from django.urls import re_path

from esap.health.views import Live, Peers, Ready

urlpatterns = [
    re_path(r"^live/?$", Live.as_view(), name="health-live"),
    re_path(r"^ready/?$", Ready.as_view(), name="health-ready"),
    re_path(r"^peers/?$", Peers.as_view(), name="health-peers"),
]
