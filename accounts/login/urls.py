"""Where browsers log in and out, as published: `oidc/authenticate`, `oidc/callback`."""

from django.urls import path, re_path

from accounts.login.backend import CALLBACK
from accounts.login.local import LocalLogin
from accounts.login.logout import BackChannelLogout, Logout
from accounts.login.views import Authenticate, Callback

urlpatterns = [
    re_path(r"^oidc/authenticate/?$", Authenticate.as_view(), name="oidc-authenticate"),
    # Its address has the slash: so the published gateway is registered at its providers.
    path("oidc/callback/", Callback.as_view(), name=CALLBACK),
    re_path(r"^oidc/callback/?$", Callback.as_view()),
    re_path(r"^oidc/logout/?$", Logout.as_view(), name="oidc-logout"),
    re_path(
        r"^oidc/backchannel-logout/(?P<provider>[a-z0-9_-]+)/?$",
        BackChannelLogout.as_view(),
        name="oidc-backchannel-logout",
    ),
    re_path(r"^oidc/local/?$", LocalLogin.as_view(), name="local-login"),
]
