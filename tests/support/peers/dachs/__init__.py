"""GAVO DaCHS, a VO data centre: TAP, ObsCore, cone search, images and spectra, on PostgreSQL.

Real rows of Gaia DR3 and OpenNGC, and small synthetic catalogues, images and spectra.
"""

import hashlib
import importlib.metadata
import shutil
from pathlib import Path

import requests

from tests.support.peers import debian
from tests.support.peers.base import Peer, PeerInfo
from tests.support.peers.dachs import catalogues, synthetic
from tests.support.peers.dachs.postgres import Cluster
from tests.support.peers.dachs.site import PLACEHOLDER, Site
from tests.support.peers.ports import free_port
from tests.support.peers.processes import Processes, copy_tree

HERE = Path(__file__).parent
PACKAGES = ["python3-gavo", "postgresql-15", "postgresql-15-pgsphere", "postgresql-15-q3c"]
SYNTHETIC = ["cat", "img", "spec"]
REAL = ["gaia", "ngc"]


class Dachs(Peer):
    """DaCHS as Debian packages it, in a folder of its own."""

    name = "dachs"
    title = "GAVO DaCHS"

    def why_absent(self) -> str | None:
        if debian.missing(PACKAGES):
            return "not installed: run `make peers` as root, on Debian 12"
        return None

    def version(self) -> str:
        dachs, postgres = (_upstream(debian.installed(package)) for package in PACKAGES[:2])
        return f"DaCHS {dachs} on PostgreSQL {postgres}"

    def changes(self) -> list[str]:
        if missing := debian.missing(PACKAGES):
            return [
                f"install the Debian packages {', '.join(missing)}, and what they depend on",
                "PostgreSQL's package makes a cluster of its own, which is not used here",
            ]
        return []

    def install(self) -> None:
        debian.install(debian.missing(PACKAGES))

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(HERE.rglob("*")):
            if path.suffix in {".py", ".rd"}:
                digest.update(path.read_bytes())
        packages = [f"{package} {debian.installed(package)}" for package in PACKAGES]
        catalogue_data = [f"{name} {importlib.metadata.version(name)}" for name in catalogues.NEEDS]
        return "\n".join([*packages, *catalogue_data, digest.hexdigest()])

    def prepare(self, folder: Path, processes: Processes) -> None:
        cluster = Cluster(folder, processes)
        cluster.create()
        cluster.start()
        cluster.sql("CREATE DATABASE gavo TEMPLATE template0;", database="postgres")
        cluster.add_pgsphere()
        site = Site(folder, processes)
        site.create()
        synthetic.write(site.inputs)
        catalogues.write(site.inputs)
        for rd in [*SYNTHETIC, *REAL]:
            (site.inputs / rd).mkdir(exist_ok=True)
            shutil.copy(HERE / "rd" / f"{rd}.rd", site.inputs / rd / "q.rd")
        shutil.copy(HERE / "rd" / "userconfig.rd", site.root / "etc")
        processes.account.give(site.root)
        site.dachs("imp", "//obscore")
        for rd in [*SYNTHETIC, *REAL]:
            site.dachs("imp", f"{rd}/q")
        catalogues.copy_into(cluster, site.inputs)
        resources = [f"{rd}/q" for rd in [*SYNTHETIC, *REAL]]
        cluster.sql("VACUUM FREEZE ANALYZE;")
        site.dachs("limits", *resources)
        site.dachs("pub", "//tap", "//siap2", "//obscore", "//services", *resources)
        (folder / "move.sql").write_text(cluster.sql(_FIND_PLACES, old=PLACEHOLDER))
        cluster.stop()

    def start(self, prepared: Path, folder: Path, processes: Processes) -> PeerInfo:
        for part in ("pgdata", "gavo"):
            copy_tree(prepared / part, folder / part)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        cluster = Cluster(folder, processes)
        cluster.start()
        cluster.sql((prepared / "move.sql").read_text(), old=PLACEHOLDER, new=url)
        site = Site(folder, processes)
        site.serve(port)
        processes.wait_until(lambda: _answers(f"{url}/tap/availability"), what="DaCHS")
        return PeerInfo(
            name=self.name,
            version=self.version(),
            url=url,
            links={
                "tap": f"{url}/tap",
                "cone": f"{url}/gaia/q/cone/scs.xml",
                "sia": f"{url}/img/q/i/siap.xml",
                "sia2": f"{url}/__system__/siap2/sitewide/siap2.xml",
                "ssa": f"{url}/spec/q/ssa/ssap.xml",
                "datalink": f"{url}/img/q/dl/dlmeta",
                "oai": f"{url}/oai.xml",
            },
        )


_FIND_PLACES = """
CREATE FUNCTION pg_temp.places(old text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    place record;
    found boolean;
BEGIN
    FOR place IN
        SELECT table_schema, table_name, column_name
        FROM information_schema.columns JOIN information_schema.tables
            USING (table_schema, table_name)
        WHERE table_type = 'BASE TABLE' AND data_type IN ('text', 'character varying')
            AND table_schema NOT IN ('pg_catalog', 'information_schema')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I WHERE strpos(%I, $1) > 0)',
            place.table_schema, place.table_name, place.column_name) INTO found USING old;
        IF found THEN
            RETURN NEXT format('UPDATE %I.%I SET %I = replace(%3$I, :''old'', :''new'')'
                ' WHERE strpos(%3$I, :''old'') > 0;',
                place.table_schema, place.table_name, place.column_name);
        END IF;
    END LOOP;
END $$;
SELECT pg_temp.places(:'old');
"""
"""Writes the statements that replace a URL wherever the database holds it.

DaCHS keeps its own address in some tables, and each run has another port.
"""


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=10).ok
        except requests.ConnectionError:
            return False


def _upstream(version: str | None) -> str:
    """Cut Debian's part off a version: `15.20-0+deb12u1`, `2.7+dfsg-2`."""
    return (version or "?").partition("-")[0].partition("+")[0]
