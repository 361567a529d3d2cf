"""The shapes of baskets and items in the API."""

from dataclasses import asdict
from typing import Any

import orjson
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse

from accounts.baskets.holding import DEFAULT, NAME_LENGTH, tag_of
from accounts.baskets.items import ARCHIVE_LENGTH, KINDS
from accounts.baskets.owners import Owner
from accounts.models import Basket, BasketItem
from esap.api.pagination import KeysetQuerySerializer
from esap.errors import InvalidRequest

__all__ = [
    "AddedSerializer",
    "BasketChoiceSerializer",
    "BasketListQuerySerializer",
    "BasketPageSerializer",
    "BasketSerializer",
    "ItemPageSerializer",
    "ItemQuerySerializer",
    "ItemSerializer",
    "ItemsSerializer",
    "KeptItemSerializer",
    "NameSerializer",
    "NewBasketSerializer",
    "checked",
    "shown_basket",
    "shown_item",
    "shown_whole",
]

_RECORD = {"source_id": 66714384142368256, "parallax": 7.38}
_EXAMPLE = {"kind": "row", "archive": "gaia_bright", "record": _RECORD}


class ItemSerializer(serializers.Serializer[Any]):
    """An item as it is sent, and as it comes back: any JSON object that its kind allows."""

    kind = serializers.ChoiceField(
        choices=list(KINDS.items()),
        required=False,
        initial="row",
        help_text="Without one, it is an item of the published front end, and listed as a row.",
    )
    archive = serializers.CharField(
        max_length=ARCHIVE_LENGTH, required=False, initial="gaia_bright"
    )
    record = serializers.JSONField(
        required=False,
        initial=_RECORD,
        help_text="The row: an object, or a list of values. Other keys may stand beside it.",
    )


@extend_schema_field(ItemSerializer(many=True))
class ItemsField(serializers.Field[Any, Any, Any, Any]):
    """A list of items, which the service reads."""

    default_error_messages = {"not_a_list": "Send a list of items."}

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the list as it is."""
        if not isinstance(data, list):
            self.fail("not_a_list")
        return list(data)


class ItemsSerializer(serializers.Serializer[Any]):
    """All that a basket is to hold."""

    items = ItemsField(initial=[_EXAMPLE])


class NameSerializer(serializers.Serializer[Any]):
    """What a basket is to be called."""

    name = serializers.CharField(
        max_length=NAME_LENGTH, trim_whitespace=False, initial="Pleiades", help_text="No slashes."
    )


class NewBasketSerializer(NameSerializer):
    """A basket to be made."""

    items = ItemsField(required=False, initial=[_EXAMPLE])


class LimitsSerializer(serializers.Serializer[Any]):
    """How much you may keep."""

    items = serializers.IntegerField(help_text="In one basket.")
    item_bytes = serializers.IntegerField()
    baskets = serializers.IntegerField(help_text="Besides the default one.")
    bytes = serializers.IntegerField(help_text="In all baskets together.")


class BasketInListSerializer(serializers.Serializer[Any]):
    """A basket, without its items."""

    name = serializers.CharField()
    url = serializers.URLField()
    etag = serializers.CharField(help_text="For If-Match; another after every change.")
    created = serializers.DateTimeField(
        allow_null=True, help_text="Null if nothing has ever been put in."
    )
    changed = serializers.DateTimeField(allow_null=True)
    count = serializers.IntegerField(help_text="How many items it has.")
    bytes = serializers.IntegerField(help_text="How large they are together, as JSON.")


class BasketSerializer(BasketInListSerializer):
    """A basket with its items, each as it was sent, in the order in which they were put in."""

    limits = LimitsSerializer()
    items = ItemSerializer(many=True)


class BasketPageSerializer(serializers.Serializer[Any]):
    """One page of baskets, and where the next is."""

    results = BasketInListSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class KeptItemSerializer(serializers.Serializer[Any]):
    """An item in a basket."""

    id = serializers.UUIDField()
    url = serializers.URLField()
    basket = serializers.CharField(help_text="Name of the basket.")
    kind = serializers.ChoiceField(choices=list(KINDS.items()))
    archive = serializers.CharField(help_text="Empty if the item names none.")
    created = serializers.DateTimeField()
    item = ItemSerializer(help_text="The item exactly as it was sent.")


class ItemPageSerializer(serializers.Serializer[Any]):
    """One page of items, and where the next is."""

    results = KeptItemSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class AddedSerializer(serializers.Serializer[Any]):
    """What became of a list of items."""

    results = KeptItemSerializer(many=True)
    added = serializers.IntegerField(help_text="How many of them were not there before.")


class BasketListQuerySerializer(KeysetQuerySerializer):
    """What the list of baskets can be asked for."""


class BasketChoiceSerializer(serializers.Serializer[Any]):
    """Which basket is meant."""

    basket = serializers.CharField(required=False, default=DEFAULT)


class ItemQuerySerializer(KeysetQuerySerializer):
    """What the list of items can be asked for."""

    basket = serializers.CharField(required=False, default=DEFAULT)
    kind = serializers.ChoiceField(choices=list(KINDS.items()), required=False)
    archive = serializers.CharField(required=False)


def checked(shape: type[serializers.Serializer[Any]], body: object) -> dict[str, Any]:
    """Return what a body says; refuse what it may not say, rather than ignore it."""
    if not isinstance(body, dict):
        raise InvalidRequest("Send a JSON object.")
    asked = shape(data=body)
    unknown = set(body) - set(asked.fields)
    if unknown:
        known = ", ".join(asked.fields)
        raise InvalidRequest(f"{', '.join(sorted(unknown))}: cannot be set here. Send {known}.")
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def shown_basket(basket: Basket, request: Request) -> dict[str, Any]:
    """Return a basket as a list shows it; it has to have its `count` and `bytes`."""
    return {
        "name": basket.name,
        "url": reverse("basket-detail", args=[basket.name], request=request),
        "etag": tag_of(basket),
        "created": basket.created if basket.version else None,
        "changed": basket.changed if basket.version else None,
        "count": vars(basket)["count"],
        "bytes": vars(basket)["bytes"],
    }


def shown_whole(basket: Basket, owner: Owner, request: Request) -> dict[str, Any]:
    """Return a basket with its items, and how much its owner may keep."""
    items = list(basket.items.values_list("data", flat=True)) if basket.version else []
    vars(basket).update(count=len(items), bytes=sum(map(len, items)))
    return {
        **shown_basket(basket, request),
        "limits": asdict(owner.limits),
        "items": [orjson.Fragment(data) for data in items],
    }


def shown_item(item: BasketItem, basket: Basket, request: Request) -> dict[str, Any]:
    """Return an item of a basket: what was sent goes out as the text that is stored."""
    return {
        "id": item.pk,
        "url": reverse("basket-item-detail", args=[item.pk], request=request),
        "basket": basket.name,
        "kind": item.kind,
        "archive": item.archive,
        "created": item.created,
        "item": orjson.Fragment(item.data),
    }
