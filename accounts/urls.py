"""The accounts' place in the shared router."""

from rest_framework.routers import BaseRouter

from accounts.api_tokens.views import ApiTokenViewSet
from accounts.audit_views import AuditViewSet
from accounts.baskets.views import BasketItemViewSet, BasketViewSet
from accounts.connections.views import ConnectionViewSet
from accounts.data.views import AccountViewSet
from accounts.profiles.lists import EMPTY_LISTS, AccountsRootViewSet, ShoppingItemViewSet
from accounts.profiles.views import UserProfileViewSet, WhoAmIViewSet

__all__ = ["register"]


def register(router: BaseRouter) -> None:
    """Add all that is about who the caller is."""
    router.register("accounts", AccountsRootViewSet, basename="accounts")
    for name, view in EMPTY_LISTS.items():
        router.register(f"accounts/{name}", view, basename=name)
    router.register("accounts/shopping-items", ShoppingItemViewSet, basename="shopping-item")
    router.register("accounts/user-profiles", UserProfileViewSet, basename="user-profile")
    router.register("accounts/whoami", WhoAmIViewSet, basename="whoami")
    router.register("accounts/baskets", BasketViewSet, basename="basket")
    router.register("accounts/basket/items", BasketItemViewSet, basename="basket-item")
    router.register("accounts/api-tokens", ApiTokenViewSet, basename="api-token")
    router.register("accounts/connections", ConnectionViewSet, basename="connection")
    router.register("accounts/audit", AuditViewSet, basename="audit")
    router.register("accounts", AccountViewSet, basename="account")
