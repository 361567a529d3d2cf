"""Signatures of deliveries, by the Standard Webhooks specification 1.0."""

import base64
import hashlib
import hmac
import secrets

__all__ = ["new_secret", "signature_headers"]

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret in the form in which libraries for receivers take it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature_headers(secret: str, *, message: str, seconds: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sends a message, and when (seconds since 1970).

    The id of the message stays the same when it is sent again; the time is that of the attempt.
    """
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message}.{seconds}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
