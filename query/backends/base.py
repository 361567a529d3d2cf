"""What the gateway asks of every archive, and of every name resolver."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from esap.backends.base import SLUG, Backend, BackendConfig
from esap.backends.registry import Registry, Section, stable_number
from esap.tables.columns import Column
from esap.tables.stream import TableStream
from query.adql import Cone

__all__ = [
    "Archive",
    "ArchiveConfig",
    "Catalog",
    "Criterion",
    "Dataset",
    "ParameterMapping",
    "Place",
    "Query",
    "Resolver",
    "Rule",
    "Selection",
    "TableInfo",
    "archives",
    "mappings",
    "resolvers",
]


class _Part(BaseModel):
    """A part of an entry."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Part):
    """How one ESAP parameter becomes a condition on a column.

    `value` says what is written there: the text as given, a number, or a date as Modified Julian
    Date (ObsCore's t_min and t_max). `contains` compares without regard to case.
    """

    column: str
    op: Literal["=", "<=", ">=", "contains"] = "="
    value: Literal["text", "number", "mjd"] = "text"


class ParameterMapping(_Part):
    """ESAP parameter names, and the columns of an archive that they mean.

    `ra` and `dec` name the columns of a position in ICRS degrees; `fov` is the radius of the cone
    around it, so its column is shown in the published list and used in rows, not compared.
    """

    id: str = Field(pattern=SLUG)
    number: int = 0
    parameters: Mapping[str, str | Rule]

    def rule(self, parameter: str) -> Rule | None:
        """Return what a parameter means here, or None if it means nothing."""
        meaning = self.parameters.get(parameter)
        return Rule(column=meaning) if isinstance(meaning, str) else meaning

    @property
    def pk(self) -> int:
        """The integer id of the published paths."""
        return self.number or stable_number(self.id)


class Catalog(_Part):
    """How the service behind an archive is shown in the published list of catalogs."""

    id: str = Field(default="", pattern=rf"{SLUG}|^$")
    number: int = 0
    name: str = ""
    description: str = ""
    user_url: HttpUrl | None = None
    thumbnail: str = ""


class Dataset(_Part):
    """One table, or one collection inside a table, of an archive.

    `collection` limits the rows to those whose collection column says so; `columns` are asked for
    (all, if none are named); `mapping` replaces the archive's.
    """

    id: str = Field(pattern=SLUG)
    number: int = 0
    name: str
    table: str
    collection: str = ""
    level: str = ""
    category: str = ""
    mapping: str = ""
    columns: tuple[str, ...] = ()
    description: str = ""
    retrieval_description: str = ""
    documentation_url: str = ""
    thumbnail: str = ""
    url_field: str = ""
    title_field: str = ""
    thumbnail_field: str = ""

    @property
    def pk(self) -> int:
        """The integer id of the published paths."""
        return self.number or stable_number(self.id)


class ArchiveConfig(BackendConfig):
    """The entry of an archive: how it is shown, how it is asked, and its datasets.

    `checked` says when the address was last seen to answer; entries that ship unchecked say so.
    """

    number: int = 0
    order: int = 100
    visible: bool = True
    short_description: str = ""
    description: str = ""
    retrieval_description: str = ""
    documentation_url: str = ""
    thumbnail: str = ""
    instrument: str = ""
    institute: str = ""
    acknowledgement: str = ""
    checked: str = ""
    mapping: str = ""
    catalog: Catalog = Catalog()
    datasets: tuple[Dataset, ...] = ()

    @property
    def pk(self) -> int:
        """The integer id of the published paths."""
        return self.number or stable_number(self.id)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing asked of a column: what an ESAP parameter became by the mapping."""

    parameter: str
    column: str
    op: Literal["=", "<=", ">=", "contains"]
    value: str | float | int


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of one table, in the archive's own column names, before it is phrased."""

    table: str
    limit: int
    cone: Cone | None = None
    position: tuple[str, str] = ("", "")
    criteria: tuple[Criterion, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A question in the words of the archive, so that it can be repeated elsewhere.

    `limit` is the most rows wanted. `mode` says whether it runs as a job of the archive's own
    (UWS); without one the archive decides.
    """

    text: str
    limit: int
    language: str = "ADQL"
    mode: Literal["", "sync", "async"] = ""


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table that can be asked, as VOSI describes it."""

    name: str
    columns: list[Column]
    kind: str = "table"
    description: str = ""


class Archive(Backend):
    """A collection of datasets that can be searched.

    `protocol` is how it is asked, in the words of a standard; empty where there is none. Rows with
    `own_columns` are shown by the published paths as they are: there is no sky in them.
    """

    protocol: ClassVar[str] = ""
    own_columns: ClassVar[bool] = False
    Config: ClassVar[type[ArchiveConfig]] = ArchiveConfig
    config: ArchiveConfig

    @abstractmethod
    def phrase(self, selection: Selection) -> Query:
        """Write a selection in the archive's query language, without asking anything.

        Raises `InvalidRequest` when it cannot be asked of this archive.
        """

    @abstractmethod
    def run(self, query: Query) -> TableStream:
        """Ask, and return the rows as they come: at most `query.limit` of them.

        The stream's `overflow` says, at its end, that there were more. Raises `QueryRejected` when
        the archive finds fault with the query, another `BackendFailed` when it fails; also while
        the stream is read. Obeys the current `esap.backends.deadline` scope.
        """

    @abstractmethod
    def tables(self) -> list[TableInfo]:
        """Return the tables of the archive with their columns."""


@dataclass(frozen=True, slots=True)
class Place:
    """A name's position in ICRS degrees, and who said so."""

    name: str
    ra: float
    dec: float
    resolver: str
    detail: str = ""


class Resolver(Backend):
    """A service that knows where named objects are."""

    @abstractmethod
    def resolve(self, name: str) -> Place | None:
        """Return the place of an object, or None if the name is not known here."""


archives = Registry("query", "archives", Archive)  # type: ignore[type-abstract]
resolvers = Registry("query", "resolvers", Resolver)  # type: ignore[type-abstract]
mappings = Section("query", "mappings", ParameterMapping)
