"""The health app."""

from django.apps import AppConfig


class HealthConfig(AppConfig):
    """Liveness, readiness, and the state of every peer."""

    name = "esap.health"
    label = "health"
