"""What users do with their accounts as a whole: take a copy, or delete them."""

from http import HTTPStatus
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts import audit
from accounts.actions import Action
from accounts.credentials import caller_of
from accounts.data.deletion import delete_account
from accounts.data.export import document
from accounts.permissions import HumanLogin
from esap.api.in_flight import Slots, caller_key
from esap.api.streaming import stream
from esap.errors import InvalidRequest

__all__ = ["AccountViewSet"]

_copies = Slots("copies of your data")


class ConfirmDeletionSerializer(serializers.Serializer[Any]):
    """A word that nobody writes by mistake."""

    confirm = serializers.CharField(help_text="Your user name.")


class AccountViewSet(ViewSet):
    """Your account as a whole."""

    permission_classes = [HumanLogin]
    delete_body = ConfirmDeletionSerializer

    @extend_schema(
        operation_id="account_export",
        responses={
            200: OpenApiResponse(
                OpenApiTypes.OBJECT, "A member for each kind of data, such as `profile` and `jobs`."
            )
        },
    )
    @action(detail=False, url_path="export", url_name="export")
    def export(self, request: Request) -> HttpResponseBase:
        """Take a copy of all that the gateway holds of you, as a JSON file."""
        user, caller = caller_of(request), caller_key(request)
        _copies.take(caller, 1)
        try:
            audit.record(Action.ACCOUNT_EXPORTED, user, request=request)
            return stream(
                document(user),
                content_type="application/json",
                filename="esap-account.json",
                on_close=lambda: _copies.give_back(caller),
            )
        except BaseException:  # whatever happened, the place is free again
            _copies.give_back(caller)
            raise

    @extend_schema(operation_id="account_delete", responses={204: None})
    @action(detail=False, methods=["delete"], url_path="account", url_name="account")
    def delete_account(self, request: Request) -> Response:
        """Delete your account, with all that is kept of you; nobody can bring it back.

        Your unfinished jobs are aborted, and your logins and connections ended.
        """
        asked = ConfirmDeletionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = caller_of(request)
        if asked.validated_data["confirm"] != user.get_username():
            raise InvalidRequest(
                f"confirm: to delete your account, write your user name, {user.get_username()}."
            )
        delete_account(user)
        request.session.flush()
        return Response(status=HTTPStatus.NO_CONTENT)
