"""Secrets in texts: what looks like one is hidden, in logs, in problems, and in what is kept.

Callers and peers write them where they do not belong: into addresses, names, and texts of errors.
"""

import re
from typing import Any
from uuid import UUID

__all__ = ["HIDDEN", "carries_token", "for_logs", "without_tokens"]

HIDDEN = "[hidden]"
# JSON Web Tokens (RFC 7519), and our own API tokens.
_TOKEN = re.compile(
    r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*|\besap_api_[A-Za-z0-9_-]{16,}"
)
_IN_LOGS = [
    # Authorization header values, wherever they are quoted.
    re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}"),
    # Secrets in query strings, forms and URLs.
    re.compile(r"(?i)\b([\w-]*(?:token|secret|password|passwd|api_?key|code|state)=)[^&\s\"']+"),
    re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"),
]
_WORD = re.compile(r"[A-Za-z0-9_-]{30,}")
_HEX = re.compile(r"[0-9a-f]+")


def carries_token(value: object) -> bool:
    """Say whether a text, or one in a list or an object, has a token in it that can be told."""
    match value:
        case str():
            return _TOKEN.search(value) is not None
        case dict():
            return any(carries_token(each) for pair in value.items() for each in pair)
        case list() | tuple():
            return any(map(carries_token, value))
    return False


def without_tokens(value: Any) -> Any:
    """Return a text, or what has texts in it, without the tokens that can be told."""
    match value:
        case str():
            return _TOKEN.sub(HIDDEN, value)
        case dict():
            return {key: without_tokens(each) for key, each in value.items()}
        case list() | tuple():
            return [without_tokens(each) for each in value]
    return value


def for_logs(text: str) -> str:
    """Return a text without anything that may be a secret.

    In a log a word too many may be hidden, such as `token endpoint`; a long one that no human would
    write is taken for a key of a session, a code, or a token that tells nothing of itself.
    """
    text = _TOKEN.sub(HIDDEN, text)
    for pattern in _IN_LOGS:
        text = pattern.sub(lambda found: found[1] + HIDDEN, text)
    return _WORD.sub(lambda found: HIDDEN if _is_random(found[0]) else found[0], text)


def _is_random(word: str) -> bool:
    """Say whether a long word looks drawn by lot. Ids and digests do not count: they open nothing.

    So base64 has letters of both cases and something besides, and Django's keys have letters and
    digits without a break.
    """
    if _HEX.fullmatch(word) or _is_uuid(word):
        return False
    plain = word.isalpha()
    both_cases = word.lower() != word != word.upper()
    unbroken = word.isalnum()
    return not plain and (both_cases or unbroken)


def _is_uuid(word: str) -> bool:
    try:
        return str(UUID(word)) == word.lower()
    except ValueError:
        return False
