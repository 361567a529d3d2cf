"""What a catalogue is, before it is Parquet."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa

from esap.errors import BackendUnavailable
from esap.tables.columns import Column

__all__ = ["Catalogue", "CatalogueTable"]


@dataclass(frozen=True, slots=True)
class CatalogueTable:
    """A table of a catalogue: how it is described, and how its rows are read from the package."""

    name: str
    description: str
    columns: tuple[Column, ...]
    read: Callable[[Path], pa.Table]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the table, with the VO metadata of its columns."""
        return pa.schema([column.field() for column in self.columns])


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A catalogue in a Python package: where from, on what terms, and its tables.

    `edition` is raised whenever the tables made from the same data change. `keys` are columns to
    join tables by: table and column that refer, table and column that are referred to.
    """

    id: str
    title: str
    distribution: str
    module: str
    edition: int
    licence: str
    credits: str
    reference: str
    tables: tuple[CatalogueTable, ...]
    keys: tuple[tuple[str, str, str, str], ...] = ()

    @property
    def version(self) -> str:
        """The version of the data and of our tables of it."""
        return f"{version(self.distribution)}-{self.edition}"

    @property
    def source(self) -> Path:
        """The folder of the installed package, found without importing it."""
        found = find_spec(self.module)
        if found is None or not found.submodule_search_locations:
            raise BackendUnavailable(
                f"{self.title} is not installed: install the package {self.distribution} "
                "and try again."
            )
        return Path(found.submodule_search_locations[0])
