"""How Prometheus says who it is, in the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

__all__ = ["MetricsScheme"]


class MetricsScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The token for the figures alone."""

    target_class = "esap.health.readers.MetricsToken"
    name = "metrics"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of ESAP_METRICS_TOKEN.",
        }
