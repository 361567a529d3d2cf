"""The pages of a login at a provider: away to it, and back again."""

import time
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.generic import View
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
    get_next_url,
)

from accounts.actions import Action
from accounts.audit import record
from accounts.backends.base import Provider, providers, with_query
from accounts.login.backend import CALLBACK, LoginBackend
from accounts.login.sessions import begin
from accounts.tokens import keep_login
from esap.api.problems import PROBLEM_JSON, problem_response
from esap.errors import EsapError, LoginFailed, NotFound
from esap.jobs.services import resume

__all__ = ["Authenticate", "Callback", "after_login"]

_STATE_SECONDS = 900
_STATES = "oidc_states"
_STRANGE = (
    "This login was not begun in this browser, is too old, or has been used already. Log in again."
)


@method_decorator(never_cache, name="dispatch")
class Authenticate(OIDCAuthenticationRequestView):  # type: ignore[misc]  # it has no types
    """Send the browser to a provider: to the one of `?provider=`, or the only one.

    Where there are several, a page asks which. `?next=` is where to go then, on this host.
    """

    provider: Provider

    def __init__(self, **known: Any) -> None:
        View.__init__(self, **known)

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Redirect to the provider, with a state, a nonce and a code challenge of this login."""
        try:
            provider = _asked_for(request)
            if provider is None:
                return _choice(request)
            self.provider = provider
            self.OIDC_RP_CLIENT_ID = self.provider.config.client_id
            self.OIDC_OP_AUTH_ENDPOINT = self.provider.endpoint("authorization_endpoint")
            if request.session.is_empty():
                # Anybody may begin logins; what none of them ends is not kept for weeks.
                request.session.set_expiry(_STATE_SECONDS)
            response: HttpResponseRedirect = super().get(request)
        except EsapError as error:
            return refused(request, error)
        asked = dict(parse_qsl(response.url.rpartition("?")[2]))
        # mozilla-django-oidc does not expect an endpoint with a query of its own.
        response.headers["Location"] = with_query(self.OIDC_OP_AUTH_ENDPOINT, asked)
        state = asked["state"]
        # Beside the nonce that mozilla-django-oidc keeps: several tabs may be at it.
        request.session[_STATES][state] |= {
            "provider": self.provider.config.id,
            "next": request.session.pop("oidc_login_next", None),
        }
        request.session.modified = True
        return response

    def get_settings(self, name: str, *default: Any) -> Any:
        """Tell the flow what the provider's entry says."""
        told = {
            "OIDC_AUTHENTICATION_CALLBACK_URL": CALLBACK,
            "OIDC_RP_SCOPES": " ".join(self.provider.config.scopes),
            "OIDC_USE_PKCE": True,
        }
        return told.get(name, *default)

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        """Add what the entry wants to be asked."""
        return dict(self.provider.extra())


@method_decorator(never_cache, name="dispatch")
class Callback(OIDCAuthenticationCallbackView):  # type: ignore[misc]  # it has no types
    """Take back whom a provider sends, and begin their session."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Redirect to where the user wanted to go; say why not, if the login has failed."""
        try:
            self.began = _began(request)
            provider = providers.for_gateway().get(self.began["provider"])
            vars(request)["login_provider"] = provider
            _check_sender(request, provider)
            response: HttpResponseBase = super().get(request)
        except SuspiciousOperation:
            return refused(request, LoginFailed(_STRANGE))
        except EsapError as error:
            return refused(request, error)
        return response

    def login_success(self) -> HttpResponse:
        """Begin a session for the user, and keep what the provider gave for it."""
        provider, tokens, claims = vars(self.request)["login"]
        begin(self.request, self.user, LoginBackend)
        keep_login(self.user, provider, tokens, claims, self.request.session.session_key or "")
        record(Action.LOGIN, self.user, request=self.request, provider=provider.config.id)
        resume(self.user)
        return HttpResponseRedirect(self.began["next"] or after_login())

    def login_failure(self) -> HttpResponse:
        """Raise what the caller of this makes a page of."""
        raise LoginFailed(_STRANGE)


def after_login() -> str:
    """Return where users go who did not say where."""
    return settings.LOGIN_REDIRECT or reverse("landing")


def refused(request: HttpRequest, error: EsapError) -> HttpResponse:
    """Answer a login that failed: a problem, a page that says why, or the front end's own page.

    The audit log has it if it was a login: an address that anybody may ask does not fill it.
    """
    if "login_provider" in vars(request):
        record(Action.LOGIN_REFUSED, None, request=request, slug=error.slug)
    is_browser = request.get_preferred_type([PROBLEM_JSON, "text/html"]) == "text/html"
    if settings.LOGIN_FAILED_REDIRECT and is_browser:
        query = urlencode({"problem": error.slug})
        return HttpResponseRedirect(f"{settings.LOGIN_FAILED_REDIRECT}?{query}")
    return problem_response(error, request)


def _asked_for(request: HttpRequest) -> Provider | None:
    """Return the provider to log in at; None where the user has to choose."""
    known = providers.for_gateway()
    if asked := request.GET.get("provider"):
        return known.get(asked)
    if len(known) == 1 and not settings.LOCAL_LOGIN:
        return next(iter(known))
    if not len(known) and not settings.LOCAL_LOGIN:
        raise NotFound("This gateway has no login yet: its operator has to name a provider.")
    return None


def _choice(request: HttpRequest) -> HttpResponse:
    """Let the user choose where to log in, if there is a choice."""
    back = get_next_url(request, "next") or ""
    if not len(providers.for_gateway()):
        return HttpResponseRedirect(f"{reverse('local-login')}?{urlencode({'next': back})}")
    names = [
        (provider.config.title, urlencode({"provider": provider.config.id, "next": back}))
        for provider in providers.for_gateway()
    ]
    local = urlencode({"next": back}) if settings.LOCAL_LOGIN else None
    return render(request, "accounts/login.html", {"providers": names, "local": local})


def _began(request: HttpRequest) -> dict[str, Any]:
    """Return what was kept when this login began; raise `LoginFailed` if it did not begin here."""
    states = request.session.get(_STATES, {})
    began = states.get(request.GET.get("state", ""))
    if not began or "provider" not in began:
        raise LoginFailed(_STRANGE)
    if time.time() - began["added_on"] > _STATE_SECONDS:
        raise LoginFailed("This login took too long. Log in again.")
    return dict(began)


def _check_sender(request: HttpRequest, provider: Provider) -> None:
    """Refuse an answer that is not the provider's, or not a login (RFC 9207; RFC 6749, 4.1.2)."""
    sender = request.GET.get("iss")
    if sender != provider.config.issuer and (sender is not None or provider.names_itself):
        raise LoginFailed(
            f"The answer to this login did not come from {provider.config.title}. Log in again; "
            "if it stays, tell the operator of the gateway."
        )
    if "error" in request.GET or "code" not in request.GET:
        del request.session[_STATES][request.GET["state"]]
        request.session.modified = True
        given_up = request.GET.get("error") == "access_denied"
        raise LoginFailed(
            "You are not logged in: the login was given up or not allowed there."
            if given_up
            else f"{provider.config.title} could not log you in. Try again later."
        )
