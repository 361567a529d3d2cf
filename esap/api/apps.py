"""The app of the shared HTTP face: templates and static files."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The HTTP face that all rooms share."""

    name = "esap.api"
    label = "esap_api"

    def ready(self) -> None:
        """Register the start-up checks."""
        import esap.checks  # noqa: F401, PLC0415 - registering is what the import is for
