"""Names of nebulae, clusters and galaxies, known offline from OpenNGC."""

import re
import sqlite3
from contextlib import closing
from functools import cached_property

from esap.backends.base import BackendConfig
from esap.errors import BackendUnavailable
from query.backends.base import Place, Resolver
from query.catalogues.openngc import OPENNGC, connect

__all__ = ["OpenNgcConfig", "OpenNgcResolver"]

# What people write before a number, and the catalogue's own mark with the digits it always has.
_CATALOGUES = {
    "NGC": ("NGC", 4),
    "IC": ("IC", 4),
    "M": ("M", 3),
    "MESSIER": ("M", 3),
    "C": ("C", 3),
    "CALDWELL": ("C", 3),
    "PGC": ("PGC", 6),
    "LEDA": ("PGC", 6),
    "UGC": ("UGC", 5),
    "MEL": ("MEL", 3),
    "MELOTTE": ("MEL", 3),
    "MWSC": ("MWSC", 4),
    "LBN": ("LBN", 3),
    "B": ("B", 3),
    "BARNARD": ("B", 3),
    "CL": ("CL", 3),
    "COLLINDER": ("CL", 3),
    "HCG": ("HCG", 3),
    "H": ("H", 2),
    "HARVARD": ("H", 2),
}
_NUMBERED = re.compile(r"([A-Z]+)0*([0-9]+)(.*)")
_ESO = re.compile(r"ESO0*([0-9]+)-G?0*([0-9]+)(.*)")

_PLACE = """
    SELECT name, degrees(ra), degrees(dec), typedesc, commonnames, messier FROM objects
    JOIN objTypes USING (type) WHERE ra IS NOT NULL AND ({condition}) LIMIT 1
"""
_BY_IDENTIFIER = _PLACE.format(
    condition="name = (SELECT name FROM objIdentifiers WHERE identifier = :key)"
)
_BY_MESSIER = _PLACE.format(condition="messier = :messier AND type <> 'Dup'")
_BY_NAME = _PLACE.format(condition="name = :name OR upper(replace(name, ' ', '')) = :key")
_BY_OTHER = _PLACE.format(
    condition="instr(',' || upper(replace(identifiers, ' ', '')) || ',', ',' || :bare || ',')"
)


class OpenNgcConfig(BackendConfig):
    """The entry of the resolver; it needs no more than its id and title."""


class OpenNgcResolver(Resolver):
    """NGC, IC, Messier and Caldwell numbers, other designations of these objects, common names."""

    Config = OpenNgcConfig

    def ping(self) -> None:
        with closing(self._open()):
            pass

    def resolve(self, name: str) -> Place | None:
        bare = re.sub(r"\s", "", name).upper()
        if not bare or "," in bare:  # The commas are between designations.
            return None
        key = _key(bare)
        asked = {
            "bare": bare,
            "key": key,
            "messier": key[1:] if re.fullmatch("M[0-9]{3}", key) else None,
            "name": self._by_common_name.get(_plain(name)),
        }
        with closing(self._open()) as connection:
            for question in (_BY_IDENTIFIER, _BY_MESSIER, _BY_NAME, _BY_OTHER):
                if row := connection.execute(question, asked).fetchone():
                    return self._place(*row)
        return None

    def _place(  # noqa: PLR0917 -- the columns of the query
        self, name: str, ra: float, dec: float, kind: str, common: str, messier: str
    ) -> Place:
        known_as = [f"M {int(messier)}"] if messier else []
        known_as += common.split(",") if common else []
        detail = f"{kind}, known as {', '.join(known_as)}" if known_as else kind
        return Place(name, ra, dec, self.config.id, detail)

    @cached_property
    def _by_common_name(self) -> dict[str, str]:
        with closing(self._open()) as connection:
            rows = connection.execute(
                "SELECT name, commonnames FROM objects WHERE commonnames > ''"
            )
            # Where two objects share a name (the Antennae), the first of them stands for both.
            return {
                _plain(common): name
                for name, names in reversed(rows.fetchall())
                for common in names.split(",")
            }

    def _open(self) -> sqlite3.Connection:
        try:
            return connect(OPENNGC.source)
        except sqlite3.Error as error:
            raise BackendUnavailable(
                f"{self.config.title} cannot be read ({error}): the operator should install the "
                f"package {OPENNGC.distribution} again."
            ) from error


def _key(bare: str) -> str:
    """Write a designation as the package's identifiers are: capitals, numbers of fixed length."""
    if eso := _ESO.fullmatch(bare):
        return f"ESO{int(eso[1]):03d}-{int(eso[2]):03d}{eso[3]}"
    numbered = _NUMBERED.fullmatch(bare)
    if numbered is None or numbered[1] not in _CATALOGUES:
        return bare
    mark, digits = _CATALOGUES[numbered[1]]
    return f"{mark}{numbered[2].zfill(digits)}{numbered[3]}"


def _plain(common_name: str) -> str:
    """Write a common name so that spelling does not matter: "the Cat's Eye" is "CATSEYE"."""
    return re.sub(
        r"[^A-Z0-9&]", "", re.sub(r"^\s*the\s", "", common_name, flags=re.IGNORECASE).upper()
    )
