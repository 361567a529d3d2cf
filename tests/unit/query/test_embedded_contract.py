"""The embedded catalogues keep the promises of every archive."""

import pytest

from query.adql import Cone
from query.backends.base import Query
from tests.contracts.archive import ArchiveContract, Known
from tests.support.catalogues import embedded


class TestEmbedded(ArchiveContract):
    @pytest.fixture
    def archive(self):
        return embedded()

    @pytest.fixture
    def known(self):
        # Counted in the package's SQLite file; the cone by astropy.
        return Known(
            table="openngc.objects",
            position=("ra", "dec"),
            cone=Cone(187.7, 12.4, 1.5),
            rows_in_cone=90,
            row={
                "name": "NGC4486",
                "type": "G",
                "ra": 187.70591666666667,
                "dec": 12.39111111111111,
                "constellation": "Vir",
                "redshift": 0.0042,
                "messier": 87,
                "minor_axis": 6.67,
            },
            text=("constellation", "Vir", 1236),
            fragment=("common_names", "NEBULA", 60),
            number=("v_mag", 8.0, 265, 4014),
            units_and_ucds={
                "name": (None, "meta.id;meta.main"),
                "ra": ("deg", "pos.eq.ra;meta.main"),
                "v_mag": ("mag", "phot.mag;em.opt.V"),
            },
        )

    @pytest.fixture
    def endless(self, archive):
        return archive, Query(
            "SELECT COUNT(*) FROM gaia.stars a, gaia.stars b, gaia.stars c "
            "WHERE a.ra + b.ra = c.ra",
            limit=10,
        )
