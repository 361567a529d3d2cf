"""The way into the admin: by the login provider, or by a password where that is wanted."""

from typing import Any

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

__all__ = ["AdminLoginForm"]


class AdminLoginForm(AdminAuthenticationForm):
    """Takes a name and a password where ESAP_LOCAL_LOGIN allows it, as the login page does."""

    @property
    def takes_passwords(self) -> bool:
        """Whether the page shows the form."""
        return bool(settings.LOCAL_LOGIN)

    def clean(self) -> dict[str, Any]:
        """Look at no password where none is wanted: nothing here slows down who guesses them."""
        if not self.takes_passwords:
            raise ValidationError("There are no local accounts here. Log in at the provider.")
        return super().clean()
