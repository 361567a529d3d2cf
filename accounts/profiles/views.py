"""Who the caller is: in the published shape, and in ours."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from accounts.baskets.services import tag_of
from accounts.baskets.views import ETAG, IF_MATCH, if_match
from accounts.credentials import caller_of, credential_of
from accounts.display_tokens import display_token
from accounts.models import Basket, User
from accounts.private import PrivateViewSet
from accounts.profiles import services
from accounts.profiles.lists import PAGING
from accounts.profiles.shapes import (
    CartSerializer,
    ProfilePageSerializer,
    ProfileSerializer,
    WhoSerializer,
)
from esap.api.pagination import published_page
from esap.api.parsers import JSONParser
from esap.errors import NotFound

__all__ = ["UserProfileViewSet", "WhoAmIViewSet"]


class UserProfileViewSet(PrivateViewSet):
    """Your profile, with your basket as its shopping cart, as the published front end reads it."""

    permission_classes = (AllowAny,)  # of the list; the rest: `get_permissions`
    parser_classes = (JSONParser,)
    lookup_value_regex = "[^/]+"  # names have dots, @ and more
    lookup_url_kwarg = "user_name"

    def get_permissions(self) -> Sequence[BasePermission]:
        """Let anybody look into the list, which is empty without a login."""
        one = self.action in {"retrieve", "partial_update"}
        return [IsAuthenticated()] if one else [AllowAny()]

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer[Any]:
        """Let the browsable page show an example of a cart."""
        return CartSerializer(*args, **kwargs)

    @extend_schema(
        operation_id="user_profiles_list",
        parameters=[*PAGING, ETAG],
        responses=ProfilePageSerializer,
    )
    def list(self, request: Request) -> Response:
        """Show your profile, in a list of one; the list is empty if you have not logged in."""
        if not request.user.is_authenticated:
            return Response(published_page(request, []))
        basket = services.default_basket(caller_of(request))
        return _with_tag(published_page(request, [_profile(request, basket)]), basket)

    @extend_schema(
        operation_id="user_profiles_retrieve", parameters=[ETAG], responses=ProfileSerializer
    )
    def retrieve(self, request: Request, user_name: str) -> Response:
        """Show your profile; that of somebody else is 404."""
        basket = services.default_basket(_own(request, user_name))
        return _with_tag(_profile(request, basket), basket)

    @extend_schema(
        operation_id="user_profiles_fill_cart",
        parameters=[IF_MATCH, ETAG],
        request=CartSerializer,
        responses=ProfileSerializer,
    )
    def partial_update(self, request: Request, user_name: str) -> Response:
        """Have the shopping cart hold these items and no others, and show the profile."""
        user = _own(request, user_name)
        basket = services.fill_cart(user, request.data, if_match=if_match(request))
        return _with_tag(_profile(request, basket), basket)


class WhoAmIViewSet(PrivateViewSet):
    """Who you are to the gateway, and what you came with."""

    permission_classes = (AllowAny,)  # To somebody without a login it tells just that.

    @extend_schema(operation_id="whoami", responses=WhoSerializer)
    def list(self, request: Request) -> Response:
        """Tell who the caller is; and somebody who has not logged in, where to."""
        if request.user.is_authenticated:
            return Response(services.who(caller_of(request), credential_of(request)))
        login = request.build_absolute_uri(reverse("oidc-authenticate"))
        return Response({"authenticated": False, "login_url": login})


def _own(request: Request, user_name: str) -> User:
    """Return the caller, if this is their name; who else there is, nobody is told."""
    user = caller_of(request)
    if user.get_username() != user_name:
        raise NotFound(f"You see your own profile only, and {user_name!r} is not your name.")
    return user


def _profile(request: Request, basket: Basket) -> dict[str, Any]:
    token, login_ends = display_token(request)
    if credential_of(request).kind == "session":
        login_ends = request.session.get_expiry_date()
    return services.profile(caller_of(request), basket, access_token=token, login_ends=login_ends)


def _with_tag(data: Any, basket: Basket) -> Response:
    return Response(data, headers={"ETag": tag_of(basket)})
