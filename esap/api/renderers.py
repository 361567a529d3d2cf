"""How plain answers are written: JSON for programs, pages for people."""

from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer

__all__ = ["BrowsableRenderer", "JSONRenderer"]


class JSONRenderer(BaseRenderer):
    """JSON by orjson: times in ISO 8601 with Z, NaN as null."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """Return the bytes; nothing for an answer without a body."""
        if data is None:
            return b""
        indent = orjson.OPT_INDENT_2 if "indent" in (accepted_media_type or "") else 0
        return orjson.dumps(
            data, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS | indent, default=_other
        )


def _other(value: Any) -> Any:
    """Write what orjson does not know: lazy texts and DRF's own containers."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list | tuple | set):
        return list(value)
    return str(value)


class BrowsableRenderer(BrowsableAPIRenderer):
    """DRF's browsable API, under our name."""

    template = "esap/browsable.html"

    def get_default_renderer(self, view: Any) -> BaseRenderer:
        """Show answers as indented JSON."""
        return _Indented()

    def get_name(self, view: Any) -> str:
        """Call the page where one searches "Search", not "Search List"."""
        return str(super().get_name(view)).removesuffix(" List")

    def get_breadcrumbs(self, request: Any) -> list[tuple[str, str]]:
        """Leave out the second root: both its slash forms have an address."""
        seen: dict[str, str] = {}
        for name, url in super().get_breadcrumbs(request):
            seen.setdefault(name.removesuffix(" List"), url)
        return list(seen.items())

    def show_form_for_method(self, view: Any, method: str, request: Any, obj: Any) -> bool:
        """Offer forms only where the view has the method; DRF also asks its permissions."""
        return bool(super().show_form_for_method(view, method, request, obj))


class _Indented(JSONRenderer):
    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        return super().render(data, "application/json; indent=2", renderer_context)
