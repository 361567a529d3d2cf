"""The data of the fake archive, and the engine that answers ADQL over them: SQLite.

SQLite judges independently what the gateway writes: a value that left its literal would show.
"""

import math
import random
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

CENTRE = (56.75, 24.12)  # the Pleiades


@dataclass(frozen=True)
class Field:
    name: str
    datatype: str
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    description: str = ""

    @property
    def arraysize(self) -> str | None:
        return "*" if self.datatype in {"char", "unicodeChar"} else None


@dataclass(frozen=True)
class Answer:
    fields: list[Field]
    rows: list[tuple]
    overflow: bool


STARS = [
    Field("id", "long", ucd="meta.id;meta.main", description="Number of the star"),
    Field("name", "unicodeChar", ucd="meta.id", description="Designation"),
    Field("ra", "double", "deg", "pos.eq.ra;meta.main", description="ICRS right ascension"),
    Field("dec", "double", "deg", "pos.eq.dec;meta.main", description="ICRS declination"),
    Field("mag", "float", "mag", "phot.mag;em.opt", description="Magnitude; some are not known"),
    Field("class", "char", ucd="src.class", description="STAR, GALAXY or QSO"),
    Field("nobs", "short", ucd="meta.number;obs", description="Number of observations"),
]

# A part of the mandatory columns of ObsCore 1.1 (table 1).
_OBS = "obscore:"
OBSCORE = [
    Field("dataproduct_type", "char", "", "meta.code.class", _OBS + "ObsDataset.dataProductType"),
    Field("calib_level", "int", "", "meta.code;obs.calib", _OBS + "ObsDataset.calibLevel"),
    Field("obs_collection", "char", "", "meta.id", _OBS + "DataID.Collection"),
    Field("obs_id", "char", "", "meta.id", _OBS + "DataID.observationID"),
    Field("obs_publisher_did", "char", "", "meta.ref.ivoid", _OBS + "Curation.PublisherDID"),
    Field("access_url", "char", "", "meta.ref.url", _OBS + "Access.Reference"),
    Field("access_format", "char", "", "meta.code.mime", _OBS + "Access.Format"),
    Field("access_estsize", "long", "kbyte", "phys.size;meta.file", _OBS + "Access.Size"),
    Field("target_name", "char", "", "meta.id;src", _OBS + "Target.Name"),
    Field("s_ra", "double", "deg", "pos.eq.ra", _OBS + "Char.SpatialAxis.Coverage.Location.C1"),
    Field("s_dec", "double", "deg", "pos.eq.dec", _OBS + "Char.SpatialAxis.Coverage.Location.C2"),
    Field("s_fov", "double", "deg", "phys.angSize;instr.fov", _OBS + "Char.SpatialAxis.Bounds"),
    Field("t_min", "double", "d", "time.start;obs.exposure", _OBS + "Char.TimeAxis.StartTime"),
    Field("t_max", "double", "d", "time.end;obs.exposure", _OBS + "Char.TimeAxis.StopTime"),
    Field("em_min", "double", "m", "em.wl;stat.min", _OBS + "Char.SpectralAxis.LoLimit"),
    Field("em_max", "double", "m", "em.wl;stat.max", _OBS + "Char.SpectralAxis.HiLimit"),
    Field("facility_name", "char", "", "meta.id;instr.tel", _OBS + "Provenance.Facility"),
    Field("instrument_name", "char", "", "meta.id;instr", _OBS + "Provenance.Instrument"),
]

TABLES = {"sky.stars": STARS, "ivoa.obscore": OBSCORE}

_SCHEMA_TABLES = ["table_name", "table_type", "description"]
_SCHEMA_COLUMNS = [
    "table_name", "column_name", "datatype", "arraysize", "unit", "ucd", "utype", "description",
]  # fmt: skip
_SQL_TYPES = {"long": "INTEGER", "int": "INTEGER", "short": "INTEGER", "char": "TEXT"}
_TOP = re.compile(r"^\s*SELECT\s+((?:DISTINCT\s+)?)TOP\s+(\d+)\s", re.IGNORECASE)


_QUOTED = re.compile(r"""'(?:[^']|'')*'|"((?:[^"]|"")*)\"""")


class Sky:
    """A few hundred stars and observations around the Pleiades, the same at every start."""

    def __init__(self, stars: int = 300) -> None:
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute("PRAGMA case_sensitive_like = ON")
        for name, function, arguments in [
            ("POINT", lambda _, ra, dec: f"{ra!r} {dec!r}", 3),
            ("CIRCLE", lambda _, ra, dec, radius: f"{ra!r} {dec!r} {radius!r}", 4),
            ("CONTAINS", _contains, 2),
        ]:
            self._db.create_function(name, arguments, function, deterministic=True)
        for schema in ("sky", "ivoa", "tap_schema"):
            self._db.execute(f"ATTACH ':memory:' AS {schema}")
        self._fill("sky.stars", STARS, list(_stars(stars)))
        self._fill("ivoa.obscore", OBSCORE, list(_observations()))
        texts = [Field(name, "char") for name in _SCHEMA_TABLES]
        self._fill(
            "tap_schema.tables", texts, [(name, "table", f"About {name}") for name in TABLES]
        )
        columns = [Field(name, "char") for name in _SCHEMA_COLUMNS]
        self._fill(
            "tap_schema.columns",
            columns,
            [
                (name, f.name, f.datatype, f.arraysize, f.unit, f.ucd, f.utype, f.description)
                for name, fields in TABLES.items()
                for f in fields
            ],
        )
        self._known = {f.name: f for fields in (*TABLES.values(), texts, columns) for f in fields}

    def close(self) -> None:
        self._db.close()

    def ask(self, adql: str, maxrec: int) -> Answer:
        """Answer; raise `sqlite3.Error` for a query that is at fault."""
        self._refuse_unknown_names(adql)
        limited = _TOP.match(adql)
        top = int(limited[2]) if limited else maxrec + 1
        sql = _TOP.sub(r"SELECT \1", adql)
        cursor = self._db.execute(f"{sql} LIMIT {min(top, maxrec + 1)}")
        rows = cursor.fetchall()
        names = [column[0] for column in cursor.description]
        fields = [
            self._known.get(name) or _guessed(name, [row[i] for row in rows])
            for i, name in enumerate(names)
        ]
        return Answer(fields, rows[:maxrec], overflow=len(rows) > maxrec)

    def _refuse_unknown_names(self, adql: str) -> None:
        # SQLite takes a name in double quotes that it does not know for a text.
        for name in _QUOTED.findall(adql):
            if name and name.replace('""', '"') not in self._known:
                raise sqlite3.OperationalError(f"no such column: {name}")

    def _fill(self, table: str, fields: list[Field], rows: list[tuple]) -> None:
        columns = ", ".join(f'"{f.name}" {_SQL_TYPES.get(f.datatype, "REAL")}' for f in fields)
        columns = columns.replace("REAL", "TEXT") if table.startswith("tap_schema") else columns
        self._db.execute(f"CREATE TABLE {table} ({columns})")
        marks = ", ".join("?" * len(fields))
        self._db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


def separation(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Return the great-circle distance in degrees (haversine)."""
    ra1, dec1, ra2, dec2 = map(math.radians, (ra1, dec1, ra2, dec2))
    half = (
        math.sin((dec2 - dec1) / 2) ** 2
        + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    )
    return math.degrees(2 * math.asin(math.sqrt(half)))


def _contains(point: str, circle: str) -> int:
    ra, dec = map(float, point.split())
    centre_ra, centre_dec, radius = map(float, circle.split())
    return int(separation(ra, dec, centre_ra, centre_dec) <= radius)


def _guessed(name: str, values: list) -> Field:
    kinds = {type(value) for value in values if value is not None}
    datatype = "long" if kinds == {int} else "double" if kinds == {float} else "char"
    return Field(name, datatype)


_NAMES = ["O'Neill's Star", "50% grey_scale", "Étoile ☉", 'the "quoted" one', "' OR 1=1 --"]


def _stars(count: int) -> Iterator[tuple]:
    dice = random.Random(20261122)
    for number in range(1, count + 1):
        ra = round(CENTRE[0] + dice.uniform(-1.5, 1.5), 6)
        dec = round(CENTRE[1] + dice.uniform(-1.5, 1.5), 6)
        name = _NAMES[number - 1] if number <= len(_NAMES) else f"Fake J{ra:.4f}+{dec:.4f}"
        mag = None if number % 10 == 0 else dice.randrange(4 * 64, 16 * 64) / 64
        kind = ("STAR", "STAR", "GALAXY", "QSO")[number % 4]
        yield number, name, ra, dec, mag, kind, None if number % 7 == 0 else number % 50


def _observations() -> Iterator[tuple]:
    dice = random.Random(1)
    for number in range(1, 121):
        kind, instrument = [("image", "FAKECAM"), ("spectrum", "FAKESPEC"), ("cube", "FAKEIFU")][
            number % 3
        ]
        t_min = 59000.0 + number
        yield (
            kind,
            1 + number % 3,
            ("FAKE-DR1", "FAKE-DR2")[number % 2],
            f"obs-{number:03d}",
            f"ivo://fake.test/obs?{number:03d}",
            f"http://fake.test/data/obs-{number:03d}.fits",
            "image/fits",
            1000 + number,
            f"Field {number % 5}",
            round(CENTRE[0] + dice.uniform(-2, 2), 6),
            round(CENTRE[1] + dice.uniform(-2, 2), 6),
            0.25,
            t_min,
            t_min + 0.125,
            4e-7,
            7e-7,
            "Fake Telescope",
            instrument,
        )
