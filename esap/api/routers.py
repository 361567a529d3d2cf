"""The one router of the API: both slash forms answer directly."""

from typing import Any

from rest_framework.routers import DefaultRouter

__all__ = ["Router"]


class Router(DefaultRouter):
    """A router whose trailing slash is optional, and whose root is a page of our own."""

    include_root_view = False
    include_format_suffixes = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trailing_slash = "/?"
