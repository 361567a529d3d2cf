"""The OpenID Connect code flow of mozilla-django-oidc, with the checks that it leaves out.

It trusts a token that its provider signed for anybody, whatever its audience, issuer and expiry,
and finds users by e-mail address. Here the provider's backend verifies, and users are found by
issuer and subject.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from accounts.backends.base import Provider
from accounts.backends.grants import GrantEnded, Tokens
from accounts.backends.signed import TokenRefused
from accounts.identities import user_of
from esap.errors import LoginFailed

__all__ = ["CALLBACK", "LoginBackend"]

CALLBACK = "oidc-callback"
"""The name of the route to which providers send users back."""


class LoginBackend(OIDCAuthenticationBackend):  # type: ignore[misc]  # it has no types
    """Makes a user out of the code that a provider sent back with them.

    One instance serves one login. After `authenticate`, `request.login` has what it learnt.
    """

    request: Any  # an HttpRequest, on which the views find what was learnt
    get_user = ModelBackend.get_user  # which knows nobody whose account is closed

    def __init__(self) -> None:
        self.UserModel = get_user_model()

    def authenticate(self, request: HttpRequest | None, **known: Any) -> Any:
        """Return the user, None if this is not a login at a provider; raise `LoginFailed`.

        The view has put the provider into `request.login_provider`.
        """
        provider: Provider | None = vars(request).get("login_provider") if request else None
        if request is None or provider is None:
            return None
        self.provider = provider
        self.OIDC_RP_CLIENT_ID = provider.config.client_id
        self.OIDC_RP_CLIENT_SECRET = ""  # The provider's backend knows it.
        try:
            return super().authenticate(request, **known)
        except TokenRefused as error:
            raise LoginFailed(
                f"What {provider.config.title} says of you cannot be believed: {error}. Log in "
                "again; if it stays, tell the operator of the gateway."
            ) from error
        except GrantEnded as error:
            raise LoginFailed(
                f"{provider.config.title} does not know this login any more. Log in again."
            ) from error

    @staticmethod
    def get_settings(name: str, *default: Any) -> Any:
        """Tell what the flow reads of settings: only where it comes back to."""
        return {"OIDC_AUTHENTICATION_CALLBACK_URL": CALLBACK}.get(name, *default)

    def get_token(self, payload: Mapping[str, str]) -> dict[str, str]:
        """Redeem the code."""
        tokens: Tokens = self.provider.redeem(
            payload["code"],
            verifier=payload["code_verifier"],
            redirect_uri=payload["redirect_uri"],
        )
        if not tokens.id_token:
            raise TokenRefused("there is no ID token with it")
        self.tokens = tokens
        return {"id_token": tokens.id_token, "access_token": tokens.access_token}

    def verify_token(self, token: str, **known: Any) -> Mapping[str, Any]:
        """Return the claims of the ID token."""
        return self.provider.verify_id_token(token, nonce=str(known["nonce"]))

    def store_tokens(self, access_token: str, id_token: str) -> None:
        """Keep nothing in the session: it is signed, not encrypted."""

    def get_or_create_user(
        self, access_token: str, id_token: str, payload: Mapping[str, Any]
    ) -> Any:
        """Return the user of the subject, with what ID token and userinfo say of them."""
        info = self.provider.user_info(access_token, subject=str(payload["sub"]))
        # What is signed for this login wins.
        user = user_of(self.provider, {**info, **payload}, request=self.request)
        self.request.login = (self.provider, self.tokens, payload)
        return user
