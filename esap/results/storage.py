"""Where stored results are: a folder for each job, in it a Parquet file for each table.

In Django's storage "results", a local folder or a bucket. A file is there whole or not at all, and
is replaced at one stroke.
"""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages

from esap.errors import NotFound, NotReady
from esap.results import copies

__all__ = [
    "NAME",
    "Stored",
    "delete_results",
    "draft",
    "find",
    "folders",
    "forget_old_drafts",
    "names",
    "publish",
]

NAME = r"[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9][a-z0-9_-]*)?"
"""What the name of a result may be."""

_SUFFIX = ".parquet"
_DRAFTS = "drafts"
_OLD_DRAFT_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored table: its file on this machine, and which version of it that is."""

    name: str
    path: Path
    version: str
    size: int


def find(job_id: UUID, name: str) -> Stored:
    """Return a stored table of a job; `NotFound` if there is none of that name."""
    storage = _storage()
    if not re.fullmatch(NAME, name):
        raise _missing(job_id, name)
    with _answering():
        try:
            if isinstance(storage, FileSystemStorage):
                path = Path(storage.path(_key(job_id, name)))
                state = path.stat()
                version = f"{state.st_ino:x}-{state.st_mtime_ns:x}-{state.st_size:x}"
                return Stored(name, path, version, state.st_size)
            return _copied(storage, job_id, name)
        except FileNotFoundError:
            raise _missing(job_id, name) from None


def names(job_id: UUID) -> list[str]:
    """Return the names of all tables that are stored of a job."""
    with _answering():
        try:
            _, files = _storage().listdir(str(job_id))
        except FileNotFoundError:
            return []
    return sorted(file.removesuffix(_SUFFIX) for file in files if file.endswith(_SUFFIX))


def draft() -> Path:
    """Return a path for a file that is still being written, where nobody looks for results."""
    folder = _drafts()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{uuid4()}{_SUFFIX}"


def publish(job_id: UUID, name: str, written: Path) -> Stored:
    """Make a draft a result of a job, in place of what was there; the draft is gone after that."""
    storage = _storage()
    with _answering():
        if isinstance(storage, FileSystemStorage):
            target = Path(storage.path(_key(job_id, name)))
            target.parent.mkdir(parents=True, exist_ok=True)
            written.replace(target)
        else:
            with written.open("rb") as file:
                storage.save(_key(job_id, name), file)
            version, size = storage.state(_key(job_id, name))
            copies.keep(written, job_id, name, version, size)
    return find(job_id, name)


def delete_results(job_id: UUID) -> None:
    """Delete all that is stored of a job; nothing happens where nothing is."""
    storage = _storage()
    copies.forget(job_id)
    with _answering():
        if isinstance(storage, FileSystemStorage):
            with suppress(FileNotFoundError):
                shutil.rmtree(storage.path(str(job_id)))
        else:
            for file in storage.listdir(str(job_id))[1]:
                storage.delete(f"{job_id}/{file}")


def folders() -> list[UUID]:
    """Return the jobs that something is stored of."""
    with _answering():
        try:
            found, _ = _storage().listdir("")
        except FileNotFoundError:
            return []
    return [UUID(name) for name in found if name != _DRAFTS]


def forget_old_drafts() -> int:
    """Delete drafts that nobody has written to for a day; return how many."""
    forgotten = 0
    for file in _drafts().glob(f"*{_SUFFIX}"):
        with suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > _OLD_DRAFT_SECONDS:
                file.unlink()
                forgotten += 1
    return forgotten


def _storage() -> Any:
    """Return Django's storage: a folder, or our `Bucket`, which is imported only where it is."""
    return storages["results"]


def _drafts() -> Path:
    """Return the folder of drafts, on the file system that they will be moved to."""
    storage = _storage()
    local = isinstance(storage, FileSystemStorage)
    return Path(storage.path(_DRAFTS)) if local else settings.RESULTS_CACHE_DIR / _DRAFTS


def _copied(storage: Any, job_id: UUID, name: str) -> Stored:
    key = _key(job_id, name)
    version, size = storage.state(key)
    path = copies.known(job_id, name, version)
    if path is None:
        fetched = draft()
        try:
            with fetched.open("wb") as file:
                storage.fetch(key, file)
            path = copies.keep(fetched, job_id, name, version, size)
        finally:
            fetched.unlink(missing_ok=True)
    return Stored(name, path, version, size)


def _key(job_id: UUID, name: str) -> str:
    return f"{job_id}/{name}{_SUFFIX}"


def _missing(job_id: UUID, name: str) -> NotFound:
    return NotFound(f"No result {name[:80]!r} is stored of job {job_id}.")


def _troubles() -> tuple[type[Exception], ...]:
    """Return what a storage raises when it fails."""
    try:
        from boto3.exceptions import Boto3Error  # noqa: PLC0415 - only there for a bucket
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError:
        return (OSError,)
    return (OSError, Boto3Error, BotoCoreError, ClientError)


_TROUBLES = _troubles()


@contextmanager
def _answering() -> Iterator[None]:
    """Turn the failures of a storage into a problem of the gateway's own."""
    try:
        yield
    except FileNotFoundError:
        raise
    except _TROUBLES as error:
        raise NotReady(
            f"The gateway's store of results does not answer ({error}). Try again later; if it "
            "stays so, the operator should look."
        ) from error
