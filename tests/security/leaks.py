"""Secrets that are known, and all places in which they are looked for."""

import base64
import io
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus

from esap.settings.env import read_environment
from esap.settings.logs import logging_config

__all__ = ["Looked", "everything_logged"]


class Looked:
    """Texts by the place where they were found, and secrets by what they are."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.places: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)

    def know(self, name: str, secret: str) -> str:
        """Remember a secret, and return it."""
        assert len(secret) > 20, f"{name} is too short to be looked for"
        self.secrets[name] = secret
        return secret

    def at(self, place: str, text: str, but: frozenset[str] = frozenset()) -> None:
        """Remember a text; `but` are secrets that whoever reads it has just written there."""
        self.places[place].append((text, but))

    def leaks(self) -> dict[tuple[str, str], str]:
        """Return which secret was found where, with what stands before it."""
        spellings = {name: _spellings(secret) for name, secret in self.secrets.items()}
        return {
            (name, place): text[max(0, text.find(found) - 200) :][:300]
            for place, texts in self.places.items()
            for text, but in texts
            for name, spelt in spellings.items()
            for found in spelt
            if name not in but and found in text
        }


def _spellings(secret: str) -> list[str]:
    """Return a secret as it may be written: as it is, quoted, encoded, and its signature alone."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    # Inside of a longer text, base64 depends on the place modulo 3: the middle is the same.
    shifted = [base64.b64encode(b"x" * n + secret.encode()).decode()[4:-4] for n in (1, 2)]
    signature = [secret.rpartition(".")[2]] if secret.count(".") == 2 else []
    return [secret, quote_plus(secret), encoded, *shifted, *signature]


@contextmanager
def everything_logged() -> Iterator[dict[str, io.StringIO]]:
    """Yield what all loggers write from DEBUG on, in both of our formats, as on standard error."""
    environment = read_environment()
    root = logging.getLogger()
    written, handlers = {}, []
    for style in ("console", "json"):
        logging_config("DEBUG", style)
        ours = next(each for each in root.handlers if type(each) is logging.StreamHandler)
        written[style] = io.StringIO()
        handler = logging.StreamHandler(written[style])
        handler.setFormatter(ours.formatter)
        handlers.append(handler)
    loggers = [each for each in logging.root.manager.loggerDict.values() if _is_logger(each)]
    levels = {logger: logger.level for logger in loggers}
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield written
    finally:
        for handler in handlers:
            root.removeHandler(handler)
        for logger, level in levels.items():
            logger.setLevel(level)
        logging_config(environment.log_level, environment.log_format)


def _is_logger(entry: Any) -> bool:
    return isinstance(entry, logging.Logger)
