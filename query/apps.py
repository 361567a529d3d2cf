"""The query app."""

from django.apps import AppConfig


class QueryConfig(AppConfig):
    """Find data in astronomy archives."""

    name = "query"
