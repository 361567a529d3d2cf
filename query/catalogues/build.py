"""Catalogues made into Parquet, once."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import structlog

from esap.errors import BackendUnavailable
from query.catalogues.catalogue import Catalogue, CatalogueTable

__all__ = ["build"]

log = structlog.get_logger(__name__)

# Small enough that a cone, which is a strip of declination, reads few of them.
_ROWS_PER_GROUP = 16_384


def build(catalogue: Catalogue, folder: Path) -> dict[str, Path]:
    """Return the Parquet file of each table of a catalogue, making those that are not there yet.

    Any number of processes may ask at once: one builds and the others wait. A file that is there
    is whole, whatever happened to the process that made it.
    """
    files = {
        table.name: folder / f"{table.name}-{catalogue.version}.parquet"
        for table in catalogue.tables
    }
    if all(file.exists() for file in files.values()):
        return files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / ".lock"):
            for table in catalogue.tables:
                if not files[table.name].exists():
                    _write(table, catalogue, files[table.name])
    except OSError as error:
        raise BackendUnavailable(
            f"{catalogue.title} cannot be made ready in {folder} ({error.strerror or error}): "
            "the operator should look whether that folder can be written and the disk has room."
        ) from error
    return files


def _write(table: CatalogueTable, catalogue: Catalogue, file: Path) -> None:
    rows = table.read(catalogue.source).cast(table.schema)
    if "dec" in rows.column_names:
        rows = rows.sort_by("dec")
    told = {
        "table": table.name,
        "description": table.description,
        "source": f"{catalogue.distribution} {catalogue.version}",
        "licence": catalogue.licence,
        "credits": catalogue.credits,
        "reference": catalogue.reference,
    }
    with _aside(file) as unfinished:
        pq.write_table(
            rows.replace_schema_metadata(told),
            unfinished,
            compression="zstd",
            row_group_size=_ROWS_PER_GROUP,
        )
    log.info("catalogue.built", table=table.name, rows=rows.num_rows, file=str(file))


@contextmanager
def _aside(file: Path) -> Iterator[Path]:
    """Give a path beside the file, which takes the file's name when the block ends well."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        unfinished.chmod(0o644)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock among processes; the system frees it if the process dies."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
