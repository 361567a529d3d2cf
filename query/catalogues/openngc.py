"""The nebulae, clusters and galaxies of OpenNGC, from the package pyongc.

The package is not imported: it takes 0.7 s, and all it knows is in its SQLite file.
"""

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from esap.tables.columns import Column
from query.catalogues.catalogue import Catalogue, CatalogueTable

__all__ = ["DATABASE", "OPENNGC"]

DATABASE = "ongc.db"


def _text(name: str, description: str, ucd: str | None = None) -> Column:
    return Column(name, "char", arraysize="*", ucd=ucd, description=description)


def _magnitude(band: str, ucd: str) -> Column:
    return Column(
        f"{band.lower()}_mag",
        "float",
        unit="mag",
        ucd=f"phot.mag;{ucd}",
        description=f"Apparent magnitude in the {band} band",
    )


def _number(name: str, unit: str | None, ucd: str, description: str) -> Column:
    return Column(name, "double", unit=unit, ucd=ucd, description=description)


# Our columns, and the SQL that gives each from the package's tables `objects` and `objTypes`.
_OBJECTS = {
    _text("name", "Designation in OpenNGC", "meta.id;meta.main"): "name",
    _text("type", "Code of the type of object", "src.class"): "objects.type",
    _text("type_name", "Type of object", "src.class"): "typedesc",
    _number("ra", "deg", "pos.eq.ra;meta.main", "Right ascension (ICRS)"): "degrees(ra)",
    _number("dec", "deg", "pos.eq.dec;meta.main", "Declination (ICRS)"): "degrees(dec)",
    _text("constellation", "Constellation", "meta.id.part"): "const",
    _number("major_axis", "arcmin", "phys.angSize.smajAxis", "Major axis"): "majax",
    _number("minor_axis", "arcmin", "phys.angSize.sminAxis", "Minor axis"): "minax",
    _number("position_angle", "deg", "pos.posAng", "Position angle of the major axis"): "pa",
    _magnitude("B", "em.opt.B"): "bmag",
    _magnitude("V", "em.opt.V"): "vmag",
    _magnitude("J", "em.IR.J"): "jmag",
    _magnitude("H", "em.IR.H"): "hmag",
    _magnitude("K", "em.IR.K"): "kmag",
    _number(
        "surface_brightness",
        "mag/arcsec**2",
        "phot.mag.sb;em.opt.B",
        "Mean surface brightness inside the 25 mag isophote, in B (galaxies)",
    ): "sbrightn",
    _text("hubble_type", "Morphological type (galaxies)", "src.morph.type"): "hubble",
    _number("parallax", "mas", "pos.parallax", "Parallax"): "parallax",
    _number("pmra", "mas/yr", "pos.pm;pos.eq.ra", "Proper motion in right ascension"): "pmra",
    _number("pmdec", "mas/yr", "pos.pm;pos.eq.dec", "Proper motion in declination"): "pmdec",
    _number("radial_velocity", "km/s", "spect.dopplerVeloc", "Radial velocity"): "radvel",
    _number("redshift", None, "src.redshift", "Redshift"): "redshift",
    Column(
        "messier", "int", ucd="meta.id", description="Number in the Messier catalogue"
    ): "CAST(nullif(messier, '') AS INTEGER)",
    _text("common_names", "Common names, parted by commas", "meta.id"): "commonnames",
    _text("identifiers", "Designations elsewhere, parted by commas", "meta.id"): "identifiers",
    _text("ned_notes", "Notes by NED", "meta.note"): "nednotes",
    _text("openngc_notes", "Notes by OpenNGC", "meta.note"): "ongcnotes",
}

_IDENTIFIERS = {
    _text(
        "identifier", "Designation in capitals, without spaces", "meta.id;meta.main"
    ): "identifier",
    _text("name", "Designation in OpenNGC of the object it means", "meta.id"): "name",
}


def connect(package: Path) -> sqlite3.Connection:
    """Open the package's database to read it, from any thread."""
    file = (package / DATABASE).resolve().as_uri()
    connection = sqlite3.connect(f"{file}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    # Not every SQLite is built with its mathematical functions.
    connection.create_function(
        "degrees", 1, lambda angle: None if angle is None else math.degrees(angle)
    )
    return connection


def _reader(columns: dict[Column, str], tables: str) -> Callable[[Path], pa.Table]:
    return partial(_read, columns, tables)


def _read(columns: dict[Column, str], tables: str, package: Path) -> pa.Table:
    """Read the columns; the empty texts of the package become nulls."""
    with closing(connect(package)) as connection:
        # The SQL is made of the constants above.
        rows = connection.execute(f"SELECT {', '.join(columns.values())} FROM {tables}").fetchall()  # noqa: S608
    cells: Iterator[tuple[Any, ...]] = zip(*rows, strict=True)
    return pa.table(
        {
            column.name: pa.array([None if cell == "" else cell for cell in values]).cast(
                column.field().type
            )
            for column, values in zip(columns, cells, strict=True)
        }
    )


OPENNGC = Catalogue(
    id="openngc",
    title="OpenNGC",
    distribution="pyongc",
    module="pyongc",
    edition=1,
    licence="CC BY-SA 4.0",
    credits=(
        "This work has made use of OpenNGC by Mattia Verga "
        "(https://github.com/mattiaverga/OpenNGC), licensed under CC BY-SA 4.0."
    ),
    reference="OpenNGC; package pyongc by M. Verga",
    tables=(
        CatalogueTable(
            "openngc.objects",
            "The objects of the NGC and IC catalogues, and of Messier's and Caldwell's beyond them",
            tuple(_OBJECTS),
            _reader(_OBJECTS, "objects JOIN objTypes ON objTypes.type = objects.type"),
        ),
        CatalogueTable(
            "openngc.identifiers",
            "The designations by which the objects of openngc.objects are known elsewhere",
            tuple(_IDENTIFIERS),
            _reader(_IDENTIFIERS, "objIdentifiers"),
        ),
    ),
    keys=(("openngc.identifiers", "name", "openngc.objects", "name"),),
)
