"""Secrets of entries: named in YAML, kept in the environment or in a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

from pydantic import AfterValidator, Field

__all__ = ["SecretName", "secret_file", "secret_named"]


def secret_named(name: str) -> str:
    """Return the secret that `env:VARIABLE` or `file:/path` names; `ValueError` if there is none.

    A line break at the end of a file is not part of the secret: editors add one.
    """
    kind, _, place = name.partition(":")
    if kind == "env":
        secret = os.environ.get(place, "")
        if not secret:
            raise ValueError(f"the environment variable {place} is not set")
        return secret
    try:
        secret = Path(place).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file {place} cannot be read") from error
    if not secret:
        raise ValueError(f"the file {place} is empty")
    return secret


@contextmanager
def secret_file(name: str) -> Iterator[Path]:
    """Give the path of a file that holds the secret, for what reads only files; do not keep it."""
    kind, _, place = name.partition(":")
    if kind == "file":
        yield Path(place)
        return
    with NamedTemporaryFile("w", encoding="utf-8") as file:  # nobody else may read it
        file.write(secret_named(name))
        file.flush()
        yield Path(file.name)


def _there(name: str) -> str:
    secret_named(name)
    return name


SecretName = Annotated[str, Field(pattern=r"^(env|file):.+$"), AfterValidator(_there)]
"""Where a secret of an entry is: `env:VARIABLE` or `file:/path`. That it is there is checked."""
