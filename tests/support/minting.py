"""Tokens signed well, not at all, or as an attacker would."""

import base64
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def sign(
    claims: Mapping[str, Any], headers: Mapping[str, Any], *, alg: str, key: Mapping[str, Any]
) -> str:
    """Make a JWT with a private JWK.

    `none` leaves the signature out. `HS256` takes the public half of an RSA key, which everybody
    knows, for a secret: a careless verifier then finds the signature good.
    """
    if alg == "HS256":
        return _with_the_public_key(claims, headers, key)
    signer = None if alg == "none" else _private_key(json.dumps(key), alg)
    return jwt.encode(dict(claims), signer, algorithm=alg, headers=dict(headers))


@lru_cache(maxsize=16)
def _private_key(jwk: str, alg: str) -> Any:
    """Read a private key, which takes a tenth of a second for RSA: its numbers are checked."""
    return jwt.PyJWK.from_json(jwk, algorithm=alg).key


def _with_the_public_key(
    claims: Mapping[str, Any], headers: Mapping[str, Any], key: Mapping[str, Any]
) -> str:
    """Sign by hand, for PyJWT refuses to."""
    public = jwt.PyJWK.from_dict({name: key[name] for name in ("kty", "n", "e")}, algorithm="RS256")
    pem = public.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [{"alg": "HS256", "typ": "JWT", **headers}, claims]
    text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_encoded(hmac.digest(pem, text.encode(), 'sha256'))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
