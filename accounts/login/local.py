"""Accounts of this machine, made by `manage.py createsuperuser`: for a gateway of one person."""

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from accounts.actions import Action
from accounts.audit import record
from accounts.login.sessions import begin
from accounts.login.views import after_login
from esap.api.problems import problem_response
from esap.errors import NotFound

__all__ = ["LocalLogin"]


class LocalLogin(LoginView):
    """Log in by name and password, where ESAP_LOCAL_LOGIN allows it."""

    template_name = "accounts/local_login.html"

    def dispatch(self, request: HttpRequest, *args: object, **known: object) -> HttpResponseBase:
        """Refuse where passwords are not wanted: nothing here slows down who guesses them."""
        if not settings.LOCAL_LOGIN:
            return problem_response(
                NotFound("There are no local accounts here. Log in at the provider."), request
            )
        return super().dispatch(request, *args, **known)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Begin the session."""
        user = form.get_user()
        begin(self.request, user, ModelBackend)
        record(Action.LOGIN, user, request=self.request, provider="local")
        return HttpResponseRedirect(self.get_redirect_url() or after_login())
