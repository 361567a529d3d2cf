"""The same request, sent again, finds the job that it made (Idempotency-Key)."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from django.db import IntegrityError, transaction

from esap.errors import InvalidRequest, KeyReused
from esap.jobs.models import IdempotencyKey, Job
from esap.redaction import carries_token

__all__ = ["KEY_HOURS", "Once", "made_before", "once", "same_request"]

KEY_HOURS = 24
"""How long a key is remembered."""

_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_MOST_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Once:
    """What is to be done once: by whom, under which key, and what exactly, as a digest."""

    caller: str
    key: str
    digest: str


def same_request(header: str | None, *, caller: str, asked: object) -> Once | None:
    """Read an `Idempotency-Key` header; None if there is none.

    The header is a string in quotes (RFC 8941, section 3.3.3; the IETF draft
    idempotency-key-header, section 2.1); without quotes it is taken as well. `caller` tells callers
    apart, who may choose equal keys; `asked` is all that makes two requests the same, as JSON
    values: the path, and the body.
    """
    if header is None:
        return None
    key = header.strip()
    if key.startswith('"'):
        quoted = _QUOTED.fullmatch(key)
        key = re.sub(r'\\(["\\])', r"\1", quoted[1]) if quoted else ""
    if carries_token(key):
        raise InvalidRequest(
            "There is a token in the Idempotency-Key, which is kept: send a UUID, and revoke it."
        )
    if not key or len(key) > _MOST_CHARACTERS or not (key.isascii() and key.isprintable()):
        raise InvalidRequest(
            f"Idempotency-Key: send 1 to {_MOST_CHARACTERS} printable ASCII characters, in double "
            "quotes, that you use for this one request; a UUID is best."
        )
    digest = hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str))
    return Once(caller, key, digest.hexdigest())


@transaction.atomic
def once(mark: Once | None, make: Callable[[], Job]) -> tuple[Job, bool]:
    """Make a job, or return the one that the same request made before; and whether it is new.

    Of many at the same time one makes it, and the others wait for it: the database lets a key in
    only once. If that one fails, the next tries. Raises `KeyReused` for another request.
    """
    if mark is None:
        return make(), True
    if found := made_before(mark):
        return found, False
    try:
        with transaction.atomic():
            kept = IdempotencyKey.objects.create(
                caller=mark.caller, key=mark.key, digest=mark.digest
            )
    except IntegrityError:
        found = made_before(mark)
        if found is None:  # it has been forgotten in this moment
            raise
        return found, False
    kept.job = make()
    kept.save(update_fields=["job"])
    return kept.job, True


def made_before(mark: Once | None) -> Job | None:
    """Return the job that the same request made before; raises `KeyReused` for another request."""
    if mark is None:
        return None
    kept = IdempotencyKey.objects.filter(caller=mark.caller, key=mark.key).first()
    if kept is None or kept.job is None:
        return None
    if kept.digest != mark.digest:
        raise KeyReused(
            f"The Idempotency-Key {mark.key!r} was used for another request. Use a new key for "
            "each request, and the same key only to send the very same request again.",
            job=str(kept.job_id),
        )
    return kept.job
