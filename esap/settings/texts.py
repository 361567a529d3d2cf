"""What an operator writes as one text where a setting has several values."""

from typing import Annotated

from pydantic import BeforeValidator, NonNegativeInt
from pydantic_settings import NoDecode

__all__ = ["Counts", "Words"]


def _words(value: object) -> object:
    """Lists are written with commas or spaces between."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _counts(value: object) -> object:
    """Read `query.search=8, batch.job=100`."""
    if not isinstance(value, str):
        return value
    pairs = [word.partition("=") for word in value.replace(",", " ").split()]
    return {name: count for name, _, count in pairs}


Words = Annotated[list[str], NoDecode, BeforeValidator(_words)]
Counts = Annotated[dict[str, NonNegativeInt], NoDecode, BeforeValidator(_counts)]
