"""The rucio_app app."""

from django.apps import AppConfig


class RucioConfig(AppConfig):
    """Stage data with Rucio."""

    name = "rucio_app"
