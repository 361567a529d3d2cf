"""The jobs app."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Long-running work, shared by every room."""

    name = "esap.jobs"
    label = "jobs"
