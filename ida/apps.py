"""The ida app."""

from django.apps import AppConfig


class IdaConfig(AppConfig):
    """Analyse data interactively, in notebooks."""

    name = "ida"
