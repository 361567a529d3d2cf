"""The query app."""

from django.apps import AppConfig


class QueryConfig(AppConfig):
    """Find data in astronomy archives."""

    name = "query"

    def ready(self) -> None:
        """Have the entries of this room checked at start-up."""
        from query import checks  # noqa: F401, PLC0415 - checks register on import
