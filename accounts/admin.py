"""Accounts as operators see them: no secret, no digest, and one box to tick."""

from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts.activation import activate, deactivate
from accounts.admin_login import AdminLoginForm
from accounts.api_tokens import services as api_tokens
from accounts.login.logout import Logout
from accounts.models import ApiToken, AuditEvent, Basket, Grant, User
from esap.api.admin import ReadOnly

__all__ = ["ApiTokenAdmin", "AuditEventAdmin", "BasketAdmin", "GrantAdmin", "UserAdmin"]

admin.site.login_form = AdminLoginForm
admin.site.login_template = "accounts/admin_login.html"
admin.site.logout = Logout.as_view()  # type: ignore[method-assign]  # Django's own keeps the tokens
admin.site.unregister(Group)  # What somebody may do follows from groups at the provider.


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """All users. Their accounts can be closed and opened again, and nothing else be changed."""

    list_display = ("username", "full_name", "email", "provider", "role", "is_active", "last_login")
    list_filter = ("is_active", "role", "provider")
    search_fields = ("username", "full_name", "email", "subject")
    fields = (
        "username",
        "full_name",
        "email",
        "is_active",
        "role",
        "provider",
        "issuer",
        "subject",
        "claimed_groups",
        "date_joined",
        "last_login",
    )
    readonly_fields = tuple(name for name in fields if name != "is_active")
    actions = ("close_accounts", "open_accounts")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Users come by logging in."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Users delete their accounts themselves: jobs and tokens at peers end with them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody closes their own account, and only admins close an admin's."""
        if obj is not None:
            me = cast("User", request.user)
            if obj.pk == me.pk or (obj.is_superuser and not me.is_superuser):
                return False
        return super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        """Close or open the account; there is nothing else to save."""
        if "is_active" in form.changed_data:
            move = activate if obj.is_active else deactivate
            move(obj, by=cast("User", request.user), request=request)

    @admin.action(description="Close the accounts for the time being", permissions=["change"])
    def close_accounts(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Close all selected accounts that the caller may close."""
        for user in self._changeable(request, users):
            deactivate(user, by=cast("User", request.user), request=request)

    @admin.action(description="Open the accounts again", permissions=["change"])
    def open_accounts(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Open all selected accounts that the caller may open."""
        for user in self._changeable(request, users):
            activate(user, by=cast("User", request.user), request=request)

    def _changeable(self, request: HttpRequest, users: QuerySet[User]) -> list[User]:
        return [user for user in users if self.has_change_permission(request, user)]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What was done in users' names. Nobody changes it, admins neither."""

    list_display = ("time", "action", "username", "address", "detail")
    list_filter = ("action", "time")
    search_fields = ("username", "address", "request_id")
    show_full_result_count = False


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """All API tokens. Admins may revoke them."""

    list_display = ("name", "user", "scopes", "state", "created", "expires", "last_used")
    list_filter = ("expires", "revoked")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    fields = ("id", "user", "name", "scopes", "state", "created", "expires", "last_used", "revoked")
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Operators look on."""
        return cast("User", request.user).is_superuser

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        """Revoke all selected tokens."""
        for token in tokens:
            by = cast("User", request.user)
            api_tokens.revoke(token.user, token.pk, by=by, request=request)


@admin.register(Grant)
class GrantAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Logins at providers and connections to peers, without any token."""

    list_display = ("user", "kind", "server", "subject", "created", "refreshed")
    list_filter = ("kind", "server")
    list_select_related = ("user",)
    search_fields = ("user__username", "subject")
    fields = ("id", "user", "kind", "server", "subject", "scope", "created", "refreshed")


@admin.register(Basket)
class BasketAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """All baskets, and how much is in them."""

    list_display = ("name", "user", "items_count", "version", "created", "changed")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    fields = ("id", "user", "name", "version", "created", "changed")
    ordering: ClassVar = ["-changed"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Basket]:
        """Count the items of each."""
        baskets: QuerySet[Basket] = super().get_queryset(request)
        return baskets.annotate(items_count=Count("items"))

    @admin.display(description="items")
    def items_count(self, basket: Any) -> int:
        """Return how many items are in a basket."""
        return int(basket.items_count)
