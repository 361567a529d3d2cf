"""The accounts' place in the shared router."""

from rest_framework.routers import BaseRouter

from accounts.api_tokens.views import ApiTokenViewSet
from accounts.audit_views import AuditViewSet
from accounts.data.views import AccountViewSet

__all__ = ["register"]


def register(router: BaseRouter) -> None:
    """Add all that is about who the caller is."""
    router.register("accounts/api-tokens", ApiTokenViewSet, basename="api-token")
    router.register("accounts/audit", AuditViewSet, basename="audit")
    router.register("accounts", AccountViewSet, basename="account")
