"""Sessions of browsers: how each begins and ends, whatever the way in."""

from django.contrib import auth
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.baskets.services import adopt
from accounts.baskets.visitors import visitor_key
from accounts.models import User
from accounts.tokens import forget_session

__all__ = ["begin", "finish"]


def begin(request: HttpRequest, user: User, backend: type[ModelBackend]) -> None:
    """Begin a session under a new key; the visitor's basket comes along.

    A login of before in the same browser ends: its tokens would have no session to end with.
    """
    before = request.session.session_key
    visitor = visitor_key(request)
    auth.login(request, user, backend=f"{backend.__module__}.{backend.__qualname__}")
    request.session.cycle_key()  # Django keeps it where the same user logs in again.
    request.session.set_expiry(None)  # That it was to end soon is over.
    if before:
        forget_session(before)
    if visitor:
        adopt(visitor, user, request=request)


def finish(request: HttpRequest) -> tuple[str, str]:
    """End the session and forget its tokens.

    Returns the id of the provider's entry and the ID token of the login, both empty for a session
    without one: what is needed to end the provider's own session.
    """
    ended = forget_session(request.session.session_key or "")
    auth.logout(request)
    return ended
