"""Every operation of the OpenAPI document, so that no test forgets a route to come."""

import re
from dataclasses import dataclass
from functools import cache

from django.contrib import admin
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

__all__ = ["Operation", "admin_pages", "operations", "reads"]

_METHODS = {"get", "post", "put", "patch", "delete"}


@dataclass(frozen=True)
class Operation:
    """A method of a path as the document has it, such as `/esap-api/jobs/{job_id}/`."""

    method: str
    path: str
    query: tuple[str, ...] = ()
    is_current: bool = True
    """Whether the document does not call it deprecated."""

    def __str__(self) -> str:
        return f"{self.method} {self.path.removeprefix('/esap-api')}"

    @property
    def has_id(self) -> bool:
        """Whether the path names one thing of many."""
        return "{" in self.path

    def at(self, value: str, below: str = "") -> str:
        """Return the path with its parameter filled in; `below` is a second one's, if not that."""
        values = iter([value, below or value])
        return re.sub(r"\{\w+\}", lambda _: next(values), self.path)


@cache
def operations() -> tuple[Operation, ...]:
    """Return all that the gateway can be asked, as it tells in its OpenAPI document."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return tuple(
        Operation(method.upper(), path, tuple(_queries(told)), not told.get("deprecated"))
        for path, methods in paths.items()
        for method, told in methods.items()
        if method in _METHODS
    )


def reads(*, with_id: bool | None = None) -> list[Operation]:
    """Return what can be read; only paths with an id, or only those without one, if you say."""
    return [
        each for each in operations() if each.method == "GET" and with_id in (None, each.has_id)
    ]


def _queries(told: dict) -> list[str]:
    return [each["name"] for each in told.get("parameters", []) if each["in"] == "query"]


def admin_pages() -> list[str]:
    """Return every page of the admin: of each model the list, and one page for each row."""
    pages = [reverse("admin:index")]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        rows = model._default_manager.values_list("pk", flat=True)
        pages += [
            reverse(f"{name}_changelist"),
            *(reverse(f"{name}_change", args=[pk]) for pk in rows),
        ]
    return pages
