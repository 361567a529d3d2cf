"""The health app."""

from importlib import import_module

from django.apps import AppConfig


class HealthConfig(AppConfig):
    """Liveness, readiness, and the state of every peer."""

    name = "esap.health"
    label = "health"

    def ready(self) -> None:
        """Have the workers give signs of life, and the API described."""
        import_module("esap.health.signs")
        import_module("esap.health.schema")
