"""A stand-in for CDS Sesame on loopback, which knows the objects of OpenNGC.

    with FakePeer(sesame()) as peer:
        entry = {"type": "sesame", "url": f"{peer.origin}/cgi-bin/nph-sesame", ...}

Its answers are shaped like the real service's, which was recorded by astropy
(astropy/coordinates/tests/test_name_resolve.py).
"""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from query.backends.openngc import OpenNgcConfig, OpenNgcResolver
from tests.support.fakes.http import Heard, Script, Step, message

KNOWN_TO = {"S": "Simbad (CDS, via client/server)", "N": "NED", "V": "VizieR (local)"}


def sesame(known_to: str = "S", others: Mapping[str, str] | None = None) -> Script:
    """Answer as Sesame does, as if the resolver with this letter knew what OpenNGC knows.

    `others` are further answers, by name: the lines between the resolver's and the end.
    """
    openngc = OpenNgcResolver(OpenNgcConfig(id="sky", type="openngc", title="Sky"), http=None)

    def script(heard: Heard) -> Iterable[Step]:
        name = unquote(heard.target.partition("?")[2])
        lines = [f"# {name}\t#Q22658"]
        for letter in "SNV":
            lines.append(f"#={letter}={KNOWN_TO[letter]}:    1     0ms")
            if letter != known_to:
                lines.append("#!SIMBAD: No known catalog could be found")
                continue
            if others and name in others:
                lines.append(others[name])
            elif place := openngc.resolve(name):
                lines += [
                    "%@ 1575544",
                    f"%C.0 {place.detail.split(',')[0]}",
                    f"%J {place.ra:.8f} {place.dec:+.8f} = 00:42:44.33 +41:16:07.5",
                    "%J.E [0.0 0.0 90] C 2006AJ....131.1163S",
                    f"%I.0 {place.name}",
                ]
            else:
                lines.append("#! *** Nothing found *** ")
            break
        lines += ["", "#====Done (2026-Nov-22,18:00:00z)====", ""]
        return [message("\n".join(lines).encode(), Content_Type="text/plain; charset=utf-8")]

    return script
