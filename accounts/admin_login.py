"""The way into the admin: by the login page, as into everything else."""

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

__all__ = ["AdminLoginForm"]


class AdminLoginForm(AdminAuthenticationForm):
    """Takes no password: a login here would be in no audit log, and end none of before."""

    def clean(self) -> dict[str, Any]:
        """Refuse without a look at the password."""
        raise ValidationError("Log in by the link.")
