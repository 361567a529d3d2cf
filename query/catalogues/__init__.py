"""Real catalogues that come with the gateway, so that it answers with no network.

Each is installed from PyPI as a Python package with a file of data; `build` turns it into Parquet
once, with the units, UCDs and descriptions of its columns and the credits it asks for.
"""

from query.catalogues.build import build
from query.catalogues.catalogue import Catalogue, CatalogueTable
from query.catalogues.gaia import GAIA
from query.catalogues.hipparcos import HIPPARCOS
from query.catalogues.openngc import OPENNGC

__all__ = ["CATALOGUES", "Catalogue", "CatalogueTable", "build"]

CATALOGUES = {catalogue.id: catalogue for catalogue in (GAIA, HIPPARCOS, OPENNGC)}
