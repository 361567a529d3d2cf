"""What a fresh Rucio is filled with: accounts, storage elements, scopes and quotas."""

from pathlib import Path

from tests.support.iam import Iam
from tests.support.peers.rucio.certificates import ROBOT
from tests.support.rucio import Lake

__all__ = ["fill"]

PEOPLE = {"alice": "USER", "bob": "USER", "esap": "SERVICE"}
ALL = {"read": 1, "write": 1, "delete": 1}
COPIED = {**ALL, "third_party_copy_read": 1, "third_party_copy_write": 1}
READ = {"read": 2, "write": 2, "delete": 2}
SITES = {
    "LAKE-NL": {"site": "NL", "country": "NL", "QOS": "CHEAP"},
    "ESAP-COMPUTE": {"site": "ESAP", "country": "NL", "QOS": "FAST", "compute": "true"},
    "SMALL-SITE": {"site": "SMALL", "country": "NL"},
    "BROKEN-SITE": {"site": "NOWHERE", "country": "XX"},
}
SMALL_QUOTA = 1_000
NO_LIMIT = -1


def fill(url: str, site: str, storage: Path, issuer: str) -> None:
    """Make all that tests take for granted; `storage` is where each element has its folder."""
    lake = Lake(url, site)
    subjects = _subjects(issuer)
    for name, kind in PEOPLE.items():
        email = f"{name}@example.org"
        lake.root("POST", f"/accounts/{name}", json={"type": kind, "email": email})
        lake.root(
            "PUT",
            f"/identities/{name}/userpass",
            headers={
                "X-Rucio-Username": name,
                "X-Rucio-Password": f"{name}-secret",
                "X-Rucio-Email": email,
            },
        )
        if name in subjects:
            identity = f"SUB={subjects[name]}, ISS={issuer}"
            lake.root(
                "POST",
                f"/accounts/{name}/identities",
                json={"identity": identity, "authtype": "OIDC", "email": email, "default": True},
            )
    lake.root(
        "POST",
        "/accounts/esap/identities",
        json={"identity": ROBOT, "authtype": "X509", "email": "esap@example.org"},
    )
    # Without it, only root may prolong or delete a rule: not even its owner.
    lake.root("POST", "/accounts/esap/attr/admin", json={"key": "admin", "value": "True"})
    for rse, attributes in SITES.items():
        _add_site(lake, rse, attributes, site, storage)
    for source in SITES:
        for target in SITES:
            if source != target:
                lake.root("POST", f"/rses/{source}/distances/{target}", json={"distance": 1})
    lake.root("POST", "/accounts/alice/limits/local/SMALL-SITE", json={"bytes": SMALL_QUOTA})
    for owner, scope in (("root", "escape"), ("alice", "user.alice"), ("bob", "user.bob")):
        lake.root("POST", f"/scopes/{owner}/{scope}")


def _add_site(lake: Lake, rse: str, attributes: dict[str, str], site: str, storage: Path) -> None:
    lake.root("POST", f"/rses/{rse}", json={"deterministic": True})
    prefix = storage / rse
    # Nothing can be written below a device: whatever is to arrive there gets stuck.
    folder = Path("/dev/null") / rse if rse == "BROKEN-SITE" else prefix
    lake.root(
        "POST",
        f"/rses/{rse}/protocols/file",
        json={
            "hostname": "localhost",
            "port": 0,
            "prefix": f"{folder}/",
            "impl": "rucio.rse.protocols.posix.Default",
            "domains": {"lan": ALL, "wan": COPIED},
        },
    )
    lake.root(
        "POST",
        f"/rses/{rse}/protocols/http",
        json={
            "hostname": "127.0.0.1",
            "port": int(site.rpartition(":")[2]),
            "prefix": f"/storage/{rse}/",
            "impl": "rucio.rse.protocols.webdav.Default",
            "domains": {"lan": READ, "wan": READ},
        },
    )
    for key, value in {**attributes, "fts": site}.items():
        lake.root("POST", f"/rses/{rse}/attr/{key}", json={"value": value})
    for account in (*PEOPLE, "root"):
        if (account, rse) != ("alice", "SMALL-SITE"):
            lake.root("POST", f"/accounts/{account}/limits/local/{rse}", json={"bytes": NO_LIMIT})


def _subjects(issuer: str) -> dict[str, str]:
    iam = Iam(issuer)
    try:
        return {name: str(user["sub"]) for name, user in iam.users().items()}
    finally:
        iam.http.close()
