"""Names that SIMBAD, NED or VizieR know, asked of CDS Sesame.

The answer's format is told at https://cds.unistra.fr/cgi-bin/Sesame; what is read of it are the
lines `#=S=Simbad` (who answers next), `%J 83.633 +22.014` (ICRS degrees), `%C.0 SNR` (type) and
`%I.0 M   1` (main name).
"""

import re
from urllib.parse import quote

from pydantic import HttpUrl

from esap.backends.base import BackendConfig
from esap.backends.http import PeerSession
from esap.errors import InvalidRequest, UnreadableAnswer
from query.backends.base import Place, Resolver
from query.positions import Position, parse_position

__all__ = ["SesameConfig", "SesameResolver"]

_RESOLVERS = {"S": "SIMBAD", "N": "NED", "V": "VizieR"}
_WHO = re.compile(r"#=([SNV])c?=")  # The c says that the answer was in Sesame's cache.
_WHERE = re.compile(r"%J\s+([0-9.eE+-]+)\s+([0-9.eE+-]+)")
_TYPE = re.compile(r"%C\.0\s+(.+)")
_MAIN_NAME = re.compile(r"%I\.0\s+(.+)")
_END = "#====Done"


class SesameConfig(BackendConfig):
    """The entry of a Sesame service; its `url` is the one that `/SNV?name` is added to."""

    url: HttpUrl
    timeout: float = 10.0
    max_bytes: int = 1 << 20


class SesameResolver(Resolver):
    """SIMBAD, then NED, then VizieR; the first that knows the name is believed."""

    Config = SesameConfig
    http: PeerSession

    def ping(self) -> None:
        self._ask("M31")

    def resolve(self, name: str) -> Place | None:
        return self._read(self._ask(name), name)

    def _ask(self, name: str) -> str:
        answer = self.http.get(f"{self.config.base_url}/SNV?{quote(name, safe='')}")
        text = self.http.expect(answer).content.decode("utf-8", "replace")
        if _END not in text:
            raise UnreadableAnswer(
                f"{self.config.title} answered with something other than a look-up of names."
            )
        return text

    def _read(self, text: str, name: str) -> Place | None:
        """Return the first position of an answer, with who gave it."""
        _, *answers = _WHO.split(text)
        for letter, lines in zip(answers[::2], answers[1::2], strict=True):
            if where := _WHERE.search(lines):
                ra, dec = self._position(where[1], where[2])
                who = _RESOLVERS[letter]
                main_name = _MAIN_NAME.search(lines)
                kind = _TYPE.search(lines)
                return Place(
                    name=" ".join(main_name[1].split()) if main_name else name,
                    ra=ra,
                    dec=dec,
                    resolver=f"{self.config.id} ({who})",
                    detail=f"{kind[1].strip()}, found by {who}" if kind else f"found by {who}",
                )
        return None

    def _position(self, ra: str, dec: str) -> Position:
        try:
            return parse_position(ra, dec)
        except InvalidRequest as error:
            raise UnreadableAnswer(
                f"{self.config.title} gave a position that is none: {ra} {dec}."
            ) from error
