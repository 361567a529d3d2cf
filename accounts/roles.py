"""Who may do what beyond using the gateway, as groups at the login provider say."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest
from rest_framework.request import Request

from accounts import audit
from accounts.actions import Action
from accounts.models import Role, User
from esap.backends.visibility import plain_group

__all__ = ["RoleBackend", "apply_role", "role_for"]

_FLAGS = {
    Role.USER: {"is_staff": False, "is_superuser": False},
    Role.OPERATOR: {"is_staff": True, "is_superuser": False},
    Role.ADMIN: {"is_staff": True, "is_superuser": True},
}
# To close an account and to open it again, which is all that its page lets anybody change; and to
# hurry and abort jobs.
_OPERATORS_CHANGE = frozenset({"accounts.change_user", "jobs.operate_job"})


def role_for(
    groups: Iterable[str], operator_groups: Iterable[str], admin_groups: Iterable[str]
) -> Role:
    """Return the highest role that the groups give; with or without leading slashes."""
    mine = _plain(groups)
    if mine & _plain(admin_groups):
        return Role.ADMIN
    return Role.OPERATOR if mine & _plain(operator_groups) else Role.USER


def apply_role(user: User, role: Role, request: HttpRequest | Request | None = None) -> None:
    """Give a user a role, and what Django's admin asks for with it.

    A local account keeps what it was made with: no provider speaks for it.
    """
    if not user.subject:
        return
    wanted: dict[str, Any] = {"role": role, **_FLAGS[role]}
    if all(getattr(user, name) == value for name, value in wanted.items()):
        return
    before = user.role
    for name, value in wanted.items():
        setattr(user, name, value)
    user.save(update_fields=wanted)
    audit.record(
        Action.PERMISSIONS_CHANGED, user, request=request, before=str(before), after=role.value
    )


class RoleBackend(BaseBackend):
    """What operators may do in the admin: look at every page, close an account, and abort a job.

    Admins may do everything, as Django's superusers do.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Return whether an operator may do this, to any object or to none in particular."""
        _, _, what = perm.partition(".")
        allowed = what.startswith("view_") or perm in _OPERATORS_CHANGE
        return allowed and _is_operator(user_obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Return whether an operator may see pages of an app."""
        return _is_operator(user_obj)


def _is_operator(user: Any) -> bool:
    return bool(user.is_active and getattr(user, "role", None) == Role.OPERATOR)


def _plain(groups: Iterable[str]) -> set[str]:
    return {plain_group(group) for group in groups} - {""}
