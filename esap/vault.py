"""Secrets at rest: sealed before they reach the database, and opened only where they are used.

Fernet (AES-128-CBC with HMAC-SHA256) by the `cryptography` package. The first of
ESAP_VAULT_KEYS seals, every one of them opens; so a key is changed by putting a new one in
front, sealing everything anew (`manage.py reseal`), and dropping the old one.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

__all__ = ["CannotUnseal", "is_sealed_by_first_key", "seal", "unseal"]

_KEY_BYTES = 32


class CannotUnseal(Exception):
    """What is stored was sealed by a key that is gone, for somebody else, or is damaged."""


def seal(secret: str, *, bound_to: str) -> str:
    """Return the secret as it may be stored; an empty one stays empty.

    `bound_to` names the row and the purpose (`"grant 3f2a refresh"`). What is sealed for one
    place cannot be opened in another, so nobody who can write to the database can move a
    secret to a user of their own.
    """
    if not secret:
        return ""
    return _keys().encrypt(f"{bound_to}\0{secret}".encode()).decode()


def unseal(sealed: str, *, bound_to: str) -> str:
    """Return what was sealed for this place, or raise `CannotUnseal`."""
    if not sealed:
        return ""
    try:
        text = _keys().decrypt(sealed).decode()
    except (InvalidToken, ValueError) as error:  # the latter where it is no base64 at all
        raise CannotUnseal("None of the keys opens it.") from error
    place, _, secret = text.partition("\0")
    if place != bound_to:
        raise CannotUnseal("It was sealed for another place.")
    return secret


def is_sealed_by_first_key(sealed: str) -> bool:
    """Say whether a stored secret is sealed by the key that seals now."""
    try:
        _fernet(settings.VAULT_KEYS[0]).decrypt(sealed)
    except (InvalidToken, ValueError):
        return False
    return True


def _keys() -> MultiFernet:
    return _multi(tuple(settings.VAULT_KEYS))


@lru_cache(maxsize=8)
def _multi(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([_fernet(key) for key in keys])


@lru_cache(maxsize=16)
def _fernet(key: str) -> Fernet:
    """Make a key of the right size out of any long text, for this one purpose."""
    derived = HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=b"esap vault").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
