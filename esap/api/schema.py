"""What the OpenAPI document says of each call beyond what drf-spectacular finds by itself."""

from drf_spectacular.openapi import AutoSchema

__all__ = ["DocumentedSchema"]


class DocumentedSchema(AutoSchema):
    """The first paragraph of a view's docstring stands beside its path in Swagger UI and ReDoc."""

    def get_summary(self) -> str:
        """Return one sentence on the call."""
        first, _, _ = self.get_description().partition("\n\n")
        return " ".join(first.split()).removesuffix(".")
