"""JSON Web Tokens of a provider, verified here with its published keys (RFC 7515, 7517, 7519)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jwt
from jwt import PyJWK, PyJWKSet

from accounts.backends.told import is_name
from esap.errors import UnreadableAnswer

__all__ = ["Keys", "TokenRefused", "is_signed", "keys_in", "verified"]

Keys = Sequence[PyJWK]
_NAMING = frozenset({"sub", "sid"})
LONGEST = 16_384
"""Characters of a token that are looked at: headers have room for no more."""


class TokenRefused(Exception):
    """A token is not to be believed; the text says why, and quotes nothing of it."""


def is_signed(token: str) -> bool:
    """Say whether a token has the shape of a signed one, so that it can be verified here."""
    return token.count(".") == 2  # noqa: PLR2004 - header.payload.signature


def keys_in(document: object, title: str) -> Keys:
    """Return the keys of a JWK Set that verify signatures; others in it are left out."""
    try:
        found = PyJWKSet.from_dict(document).keys  # type: ignore[arg-type]  # it checks by itself
    except (jwt.PyJWTError, AttributeError, TypeError, ValueError) as error:
        raise UnreadableAnswer(f"{title} publishes no keys that can be used.") from error
    return [key for key in found if key.public_key_use in (None, "sig")]


def verified(
    token: str,
    keys: Callable[[bool], Keys],
    *,
    issuer: str,
    audience: Sequence[str] | None,
    algorithms: Sequence[str],
    leeway: float,
    required: Sequence[str],
) -> Mapping[str, Any]:
    """Return the claims of a token, or raise `TokenRefused`.

    Checked are the signature, by an algorithm of the list; that it is of now, within `leeway`
    seconds; issuer; audience, unless it is None; that the required claims are there; and that
    subject and session are names.
    `keys(True)` asks the provider anew, for a key that is not among `keys(False)`.
    """
    if len(token) > LONGEST:
        raise TokenRefused("it is too long")
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in algorithms:
            raise TokenRefused("it is signed in a way that is not accepted here")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key=_key(header, keys),
            algorithms=[header["alg"]],
            issuer=issuer,
            audience=audience,
            leeway=leeway,
            options={"require": list(required), "verify_aud": audience is not None},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenRefused("it has expired") from error
    except jwt.ImmatureSignatureError as error:
        raise TokenRefused("it is not valid yet") from error
    except jwt.InvalidIssuerError as error:
        raise TokenRefused("another issuer made it") from error
    except jwt.InvalidAudienceError as error:
        raise TokenRefused("it was made for another audience") from error
    except jwt.MissingRequiredClaimError as error:
        raise TokenRefused(f"it has no claim {error.claim!r}") from error
    except jwt.PyJWTError as error:
        raise TokenRefused("its signature or its form is wrong") from error
    _check_names(claims)
    return claims


def _check_names(claims: Mapping[str, Any]) -> None:
    for name in _NAMING & claims.keys():
        if not is_name(claims[name]):
            raise TokenRefused(f"its claim {name!r} is no name")


def _key(header: Mapping[str, Any], keys: Callable[[bool], Keys]) -> PyJWK:
    for renew in (False, True):
        for key in keys(renew):
            same_id = key.key_id == header["kid"] if "kid" in header else True
            if same_id and key.algorithm_name == header["alg"]:
                return key
    raise TokenRefused("its key is not among those that the provider publishes")
