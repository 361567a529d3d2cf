"""The batch app."""

from django.apps import AppConfig


class BatchConfig(AppConfig):
    """Run workflows on batch systems."""

    name = "batch"
