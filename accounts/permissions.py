"""What only a person may do, and no token that we made."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.credentials import credential_of
from esap.api.refusal import Refusal
from esap.errors import NotAllowed

__all__ = ["HumanLogin"]


class HumanLogin(BasePermission):
    """A login of a person: a session here, or an access token of the login provider.

    Tokens that we made ourselves are refused, whatever their scopes: whoever finds one must not
    be able to make it last, or to take the account.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether somebody has logged in; refuse a token of ours with `NotAllowed`."""
        if not credential_of(request).is_of_a_person:
            raise Refusal(NotAllowed("An API token cannot do this. Use your browser login."))
        return request.user.is_authenticated
