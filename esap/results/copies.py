"""Local copies of results that are in a bucket: bounded in size, the least used goes first."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

__all__ = ["forget", "keep", "known"]

_SUFFIX = ".parquet"


def known(job_id: UUID, name: str, version: str) -> Path | None:
    """Return the copy of one version of a result, if there is one, as used just now."""
    path = _path(job_id, name, version)
    try:
        os.utime(path)
    except FileNotFoundError:
        return None
    return path


def keep(file: Path, job_id: UUID, name: str, version: str, size: int) -> Path:
    """Move a file to the copies, making room for it, and return where it is now."""
    path = _path(job_id, name, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    for older in path.parent.glob(f"{name}@*{_SUFFIX}"):
        older.unlink(missing_ok=True)
    _make_room(size)
    file.replace(path)
    os.utime(path)
    return path


def forget(job_id: UUID) -> None:
    """Delete all copies of a job's results."""
    shutil.rmtree(settings.RESULTS_CACHE_DIR / str(job_id), ignore_errors=True)


def _path(job_id: UUID, name: str, version: str) -> Path:
    folder: Path = settings.RESULTS_CACHE_DIR / str(job_id)
    return folder / f"{name}@{version}{_SUFFIX}"


def _make_room(size: int) -> None:
    """Delete copies until one more fits. Readers of a deleted file keep what they have open."""
    copies = sorted(_copies())
    left = settings.RESULTS_CACHE_BYTES - size - sum(held for _, held, _ in copies)
    for _, held, path in copies:
        if left >= 0:
            return
        path.unlink(missing_ok=True)
        left += held


def _copies() -> Iterator[tuple[float, int, Path]]:
    """Yield when each copy was last used, its size, and where it is."""
    for path in settings.RESULTS_CACHE_DIR.glob(f"*/*@*{_SUFFIX}"):
        with suppress(FileNotFoundError):
            state = path.stat()
            yield state.st_mtime, state.st_size, path
