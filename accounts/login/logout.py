"""Logging out: here, at the provider, and when the provider says so."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from mozilla_django_oidc.views import OIDCLogoutView

from accounts.actions import Action
from accounts.audit import record
from accounts.backends.base import Provider, providers
from accounts.backends.signed import TokenRefused
from accounts.login.sessions import finish
from accounts.models import Grant, Session
from accounts.origin import check_origin
from accounts.tokens import end
from esap.api.problems import problem_response
from esap.errors import EsapError, InvalidRequest, MethodNotAllowed

__all__ = ["BackChannelLogout", "Logout"]


# The origin is checked instead: the published front end has no CSRF token to send.
@method_decorator([never_cache, csrf_exempt], name="dispatch")
class Logout(OIDCLogoutView):  # type: ignore[misc]  # it has no types
    """End the session here, and send the browser to end the one at the provider."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer with a page that goes on to the provider's logout; a program gets its address.

        A page and no redirect: browsers hold redirects of forms to our own origin (W3C CSP level 3,
        form-action).
        """
        try:
            check_origin(request)
        except EsapError as error:
            return problem_response(error, request)
        back_to = request.build_absolute_uri(settings.LOGOUT_REDIRECT or reverse("landing"))
        address = back_to
        if request.user.is_authenticated:
            user = request.user
            server, hint = finish(request)
            record(Action.LOGOUT, user, request=request)
            address = _provider_logout(server, hint, back_to) or back_to
        if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
            return render(request, "accounts/logged_out.html", {"address": address})
        return JsonResponse({"logout_url": address})

    def http_method_not_allowed(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """Refuse to log out by GET: an image on a foreign page could do that."""
        response = problem_response(MethodNotAllowed("Log out by POST."), request)
        response.headers["Allow"] = "POST"
        return response


# A provider calls, with no cookie of ours; what it says is signed.
@method_decorator([never_cache, csrf_exempt], name="dispatch")
class BackChannelLogout(OIDCLogoutView):  # type: ignore[misc]
    """Hear from a provider that a login has ended there (Back-Channel Logout 1.0, section 2.5)."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, provider: str) -> HttpResponse:
        """End the sessions and forget the tokens of that login, or of all logins of the user."""
        try:
            server = providers.for_gateway().get(provider)
            claims = server.verify_logout_token(request.POST.get("logout_token", ""))
        except TokenRefused as error:
            return problem_response(
                InvalidRequest(f"The logout token cannot be believed: {error}."), request
            )
        except EsapError as error:
            return problem_response(error, request)
        for grant in _ended(server, claims):
            Session.objects.filter(pk=grant.session_key).delete()
            end(grant)
            record(Action.LOGIN_ENDED, grant.user, server=provider)
        return HttpResponse(status=HTTPStatus.OK, headers={"Cache-Control": "no-store"})


def _ended(server: Provider, claims: Any) -> list[Grant]:
    grants = Grant.objects.filter(kind=Grant.Kind.LOGIN, server=server.config.id)
    if "sid" in claims:
        grants = grants.filter(sid=str(claims["sid"])).exclude(sid="")
    if "sub" in claims:
        grants = grants.filter(subject=str(claims["sub"]))
    return list(grants.select_related("user"))


def _provider_logout(server: str, hint: str, back_to: str) -> str:
    """Return the provider's logout; empty where there is none, or it is away just now."""
    try:
        return providers.for_gateway().get(server).logout_url(id_token=hint, back_to=back_to)
    except EsapError:
        return ""
