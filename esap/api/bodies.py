"""What a request asks for, in its body or its address: read by its shape and by nothing else."""

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import Serializer

from esap.errors import InvalidRequest

__all__ = ["members_of", "parameters_of"]


def members_of(request: Request, shape: type[Serializer[Any]]) -> dict[str, Any]:
    """Return what a body asks for; refuse what is no member of it, rather than ignore it.

    Raises `InvalidRequest`, or DRF's `ValidationError` for values that a member cannot have.
    """
    if not isinstance(request.data, Mapping):
        raise InvalidRequest("Send a JSON object.")
    body = shape(data=request.data)
    # The browsable page's forms have the token.
    unknown = sorted(set(request.data) - set(body.fields) - {"csrfmiddlewaretoken"})
    if unknown:
        raise InvalidRequest(
            f"{', '.join(unknown)[:200]}: not a member of this. There are: "
            f"{', '.join(body.fields)}."
        )
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def parameters_of(request: Request, shape: type[Serializer[Any]]) -> dict[str, Any]:
    """Return what the address of a list asks for; refuse what is no parameter of it.

    Raises as `members_of` does.
    """
    query = shape(data=request.query_params.dict())
    unknown = sorted(set(request.query_params) - set(query.fields))
    if unknown:
        raise InvalidRequest(
            f"{', '.join(unknown)[:200]}: not a parameter of this list. There are: "
            f"{', '.join(query.fields)}."
        )
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)
