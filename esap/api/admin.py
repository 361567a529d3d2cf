"""Pages of the admin to look at, not to touch."""

from typing import Any

from django.http import HttpRequest

__all__ = ["ReadOnly"]


class ReadOnly:
    """A page, or a table in one, on which nobody adds, changes or deletes; admins neither."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
