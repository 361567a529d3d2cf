"""Baskets over HTTP, for users and for visitors alike."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

from django.utils.http import parse_etags
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from accounts.baskets import services
from accounts.baskets.serializers import (
    AddedSerializer,
    BasketChoiceSerializer,
    BasketListQuerySerializer,
    BasketPageSerializer,
    BasketSerializer,
    ItemPageSerializer,
    ItemQuerySerializer,
    ItemSerializer,
    ItemsSerializer,
    KeptItemSerializer,
    NameSerializer,
    NewBasketSerializer,
    checked,
    shown_basket,
    shown_item,
    shown_whole,
)
from accounts.baskets.visitors import owner_of, writing
from accounts.models import Basket
from accounts.private import PrivateViewSet
from esap.api.pagination import keyset_filters, keyset_page, keyset_response
from esap.api.parsers import JSONParser
from esap.errors import InvalidRequest, PreconditionRequired

__all__ = ["BasketItemViewSet", "BasketViewSet", "if_match"]

IF_MATCH = OpenApiParameter(
    "If-Match",
    location=OpenApiParameter.HEADER,
    description="The basket's `ETag` as you know it. If it has another by now, nothing is changed.",
)
ETAG = OpenApiParameter(
    "ETag",
    location=OpenApiParameter.HEADER,
    response=True,
    description="The version of the basket.",
)
_ITEM = {"$ref": "#/components/schemas/ItemRequest"}
_ADDED = PolymorphicProxySerializer(
    component_name="ItemOrItemsAdded",
    serializers=[KeptItemSerializer, AddedSerializer],
    resource_type_field_name=None,
)


def if_match(request: Request) -> list[str] | None:
    """Return the entity tags in If-Match (RFC 9110, section 13.1.1); None if it is not there."""
    header = request.headers.get("If-Match")
    return None if header is None else parse_etags(header)


class _BasketViews(PrivateViewSet):
    """What both views share: the body is JSON, and every answer tells the basket's version."""

    # A visitor has a basket, too, with the session (docs/reference/baskets.md).
    permission_classes = (AllowAny,)
    parser_classes = (JSONParser,)
    bodies: ClassVar[Mapping[str, type[Serializer[Any]]]]

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer[Any]:
        """Let the browsable page show an example of what to send."""
        return self.bodies.get(self.action, Serializer)(*args, **kwargs)

    def _answer(
        self, data: Any, basket: Basket | None, status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        headers = {"ETag": services.tag_of(basket)} if basket is not None else None
        return Response(data, status=status, headers=headers)


class BasketViewSet(_BasketViews):
    """Your baskets, by name; or those of this browser, if you have not logged in.

    What a visitor collects is kept for some days, and becomes the user's at the next login.
    """

    lookup_value_regex = r"[^/\x00]+"  # PostgreSQL takes no text with U+0000
    lookup_url_kwarg = "name"
    bodies = {
        "create": NewBasketSerializer,
        "update": ItemsSerializer,
        "partial_update": NameSerializer,
    }

    @extend_schema(
        operation_id="baskets_list",
        parameters=[BasketListQuerySerializer],
        responses=BasketPageSerializer,
    )
    def list(self, request: Request) -> Response:
        """List your baskets, the newest first."""
        keyset_filters(request, BasketListQuerySerializer)
        found, following = keyset_page(
            request, services.baskets_of(owner_of(request)), key="created"
        )
        return keyset_response([shown_basket(basket, request) for basket in found], following)

    @extend_schema(
        operation_id="baskets_create",
        parameters=[ETAG],
        request=NewBasketSerializer,
        responses={201: BasketSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make a basket, with or without items."""
        asked = checked(NewBasketSerializer, request.data)
        with writing(request) as owner:
            basket = services.create(owner, asked["name"], asked.get("items", ()))
        shown = shown_whole(basket, owner, request)
        answer = self._answer(shown, basket, HTTPStatus.CREATED)
        answer.headers["Location"] = shown["url"]
        return answer

    @extend_schema(operation_id="baskets_retrieve", parameters=[ETAG], responses=BasketSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        """Show a basket with its items. The basket `default` is always there."""
        owner = owner_of(request)
        basket = services.basket_named(owner, name)
        return self._answer(shown_whole(basket, owner, request), basket)

    @extend_schema(
        operation_id="baskets_replace",
        parameters=[IF_MATCH, ETAG],
        request=ItemsSerializer,
        responses=BasketSerializer,
    )
    def update(self, request: Request, name: str) -> Response:
        """Have a basket hold these items and no others. `If-Match` has to say which version goes.

        Without it the answer is 428; if the basket has changed since, 412.
        """
        asked = checked(ItemsSerializer, request.data)
        known = if_match(request)
        if known is None:
            raise PreconditionRequired(
                "This would replace all items. Send the basket's ETag as If-Match, so that nothing "
                "is lost that came in meanwhile."
            )
        with writing(request) as owner:
            basket = services.replace(owner, asked["items"], name=name, if_match=known)
        return self._answer(shown_whole(basket, owner, request), basket)

    @extend_schema(
        operation_id="baskets_rename",
        parameters=[IF_MATCH, ETAG],
        request=NameSerializer,
        responses=BasketSerializer,
    )
    def partial_update(self, request: Request, name: str) -> Response:
        """Give a basket another name."""
        asked = checked(NameSerializer, request.data)
        with writing(request) as owner:
            basket = services.rename(owner, name, asked["name"], if_match=if_match(request))
        return self._answer(shown_whole(basket, owner, request), basket)

    @extend_schema(
        operation_id="baskets_delete", parameters=[IF_MATCH, ETAG], responses={204: None}
    )
    def destroy(self, request: Request, name: str) -> Response:
        """Delete a basket with its items. The basket `default` is emptied instead."""
        with writing(request) as owner:
            basket = services.delete(owner, name, if_match=if_match(request))
        return self._answer(None, basket, HTTPStatus.NO_CONTENT)


class BasketItemViewSet(_BasketViews):
    """The items of your baskets, one by one."""

    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    lookup_url_kwarg = "item_id"
    bodies = {"create": ItemSerializer}

    @extend_schema(
        operation_id="basket_items_list",
        parameters=[ItemQuerySerializer, ETAG],
        responses=ItemPageSerializer,
    )
    def list(self, request: Request) -> Response:
        """List the items of one basket, the newest first: of `default`, unless you say."""
        filters = keyset_filters(request, ItemQuerySerializer)
        basket = services.basket_named(owner_of(request), filters.pop("basket"))
        found, following = keyset_page(request, basket.items.filter(**filters), key="position")
        answer = keyset_response([shown_item(item, basket, request) for item in found], following)
        answer.headers["ETag"] = services.tag_of(basket)
        return answer

    @extend_schema(
        operation_id="basket_items_add",
        parameters=[BasketChoiceSerializer, IF_MATCH, ETAG],
        request={"application/json": {"oneOf": [_ITEM, {"type": "array", "items": _ITEM}]}},
        responses={201: _ADDED, 200: _ADDED},
    )
    def create(self, request: Request) -> Response:
        """Put an item into a basket, or each of a list: 201; or 200 if nothing was new to it.

        An item equal to one that is there is not put in twice. A list answers `results`, an item
        each, and `added`, how many were new.
        """
        chosen = checked(BasketChoiceSerializer, request.query_params.dict())
        sent = request.data
        if not isinstance(sent, dict | list):
            raise InvalidRequest("Send an item, which is a JSON object, or a list of items.")
        with writing(request) as owner:
            added = services.add(
                owner,
                sent if isinstance(sent, list) else [sent],
                name=chosen["basket"],
                if_match=if_match(request),
            )
        shown = [shown_item(item, added.basket, request) for item in added.items]
        status = HTTPStatus.CREATED if added.new else HTTPStatus.OK
        if isinstance(sent, list):
            return self._answer({"results": shown, "added": added.new}, added.basket, status)
        answer = self._answer(shown[0], added.basket, status)
        answer.headers["Location"] = shown[0]["url"]
        return answer

    @extend_schema(
        operation_id="basket_items_retrieve", parameters=[ETAG], responses=KeptItemSerializer
    )
    def retrieve(self, request: Request, item_id: str) -> Response:
        """Show an item of any of your baskets."""
        item = services.item_of(owner_of(request), UUID(item_id))
        return self._answer(shown_item(item, item.basket, request), item.basket)

    @extend_schema(
        operation_id="basket_items_remove", parameters=[IF_MATCH, ETAG], responses={204: None}
    )
    def destroy(self, request: Request, item_id: str) -> Response:
        """Take an item out of its basket."""
        with writing(request) as owner:
            basket = services.remove(owner, UUID(item_id), if_match=if_match(request))
        return self._answer(None, basket, HTTPStatus.NO_CONTENT)
