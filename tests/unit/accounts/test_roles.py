"""Roles: who gets which, and what operators may do with theirs."""

import pytest

from accounts.models import Role, User
from accounts.roles import RoleBackend, apply_role, role_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ([], Role.USER),
        (["/escape"], Role.USER),
        (["/escape/ops"], Role.OPERATOR),
        (["escape/ops", "other"], Role.OPERATOR),
        (["admins"], Role.ADMIN),
        (["/escape/ops", "/admins"], Role.ADMIN),
        (["/escape/ops/deeper"], Role.USER),
        (["/Admins"], Role.USER),
    ],
)
def test_groups_give_the_highest_role(groups, role):
    assert role_for(groups, ["/escape/ops"], ["admins"]) == role


@pytest.mark.parametrize("groups", [[], [""], ["/"], ["", "/"]])
def test_no_group_gives_no_role_however_it_is_written(groups):
    assert role_for(groups, ["", "/"], ["", "/"]) == Role.USER


@pytest.mark.parametrize(
    ("role", "flags"),
    [
        (Role.OPERATOR, (True, False)),
        (Role.ADMIN, (True, True)),
    ],
)
def test_a_role_comes_with_what_the_admin_asks_for_and_goes_with_it(ada, role, flags):
    apply_role(ada, role)

    given = User.objects.get()
    assert (given.role, given.is_staff, given.is_superuser) == (role, *flags)
    apply_role(given, Role.USER)
    taken = User.objects.get()
    assert (taken.role, taken.is_staff, taken.is_superuser) == (Role.USER, False, False)


def test_a_change_of_role_is_one_statement_and_in_the_audit_log(ada, django_assert_num_queries):
    with django_assert_num_queries(2):  # the user, the event
        apply_role(ada, Role.OPERATOR)

    event = ada.audit_events.get()
    assert (event.action, event.detail) == (
        "permissions.changed",
        {"before": "user", "after": "operator"},
    )


def test_a_role_that_stays_is_not_written(ada, django_assert_num_queries):
    apply_role(ada, Role.OPERATOR)

    with django_assert_num_queries(0):
        apply_role(ada, Role.OPERATOR)


def test_flags_that_do_not_fit_the_role_are_put_right(ada):
    User.objects.update(is_superuser=True)
    ada.refresh_from_db()

    apply_role(ada, Role.USER)

    assert not User.objects.get().is_superuser


def test_a_local_account_keeps_what_it_was_made_with(django_user_model, django_assert_num_queries):
    root = django_user_model.objects.create_superuser("root")

    with django_assert_num_queries(0):
        apply_role(root, Role.USER)

    assert User.objects.get().is_superuser


@pytest.mark.parametrize(
    "perm", ["jobs.view_job", "accounts.view_auditevent", "accounts.view_user"]
)
def test_operators_may_view(ada, perm):
    apply_role(ada, Role.OPERATOR)

    assert ada.has_perm(perm)
    assert ada.has_module_perms("jobs")


@pytest.mark.parametrize(
    "perm",
    [
        "accounts.add_user",
        "accounts.delete_user",
        "jobs.change_job",
        "accounts.delete_auditevent",
        "view_job",
        "jobs.preview_job",
    ],
)
def test_operators_may_do_nothing_else(ada, perm):
    apply_role(ada, Role.OPERATOR)

    assert not ada.has_perm(perm)


def test_users_may_view_nothing(ada):
    assert not ada.has_perm("jobs.view_job")
    assert not ada.has_module_perms("jobs")


def test_an_operator_whose_account_is_closed_may_view_nothing(ada):
    apply_role(ada, Role.OPERATOR)
    ada.is_active = False

    assert not RoleBackend().has_perm(ada, "jobs.view_job")
    assert not ada.has_module_perms("jobs")
