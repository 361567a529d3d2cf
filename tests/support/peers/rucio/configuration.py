"""The files by which a Rucio server, its daemons and its schema are configured."""

import json
from configparser import ConfigParser
from pathlib import Path

from tests.support.peers.account import account
from tests.support.rucio import ROOT_PASSWORD, ROOT_USER

__all__ = ["write"]

NOWHERE = 9  # the discard port: nobody listens there

_ALEMBIC = """
[alembic]
script_location = rucio:db/sqla/migrate_repo
sqlalchemy.url = {database}
[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
level = WARNING
handlers =
"""


def write(
    home: Path, *, database_in: Path, venv: Path, port: int = NOWHERE, issuer: str = ""
) -> None:
    """Write `etc/` of a `RUCIO_HOME`; `database_in` is the folder with PostgreSQL's socket."""
    etc = home / "etc"
    (home / "log").mkdir(parents=True, exist_ok=True)
    account().give(home / "log")
    etc.mkdir(exist_ok=True)
    database = f"postgresql+psycopg://{account().name}@/rucio?host={database_in}"
    config = ConfigParser(interpolation=None)
    config.read_dict(_settings(home, etc, database, port))
    with (etc / "rucio.cfg").open("w") as file:
        config.write(file)
    (etc / "alembic.ini").write_text(_ALEMBIC.format(database=database))
    (etc / "idpsecrets.json").write_text(json.dumps(_issuers(issuer, port)))


def _settings(home: Path, etc: Path, database: str, port: int) -> dict[str, dict[str, object]]:
    return {
        "common": {"logdir": home / "log", "loglevel": "WARNING"},
        "client": {
            "rucio_host": f"http://127.0.0.1:{port}",
            "auth_host": f"http://127.0.0.1:{port}",
            "auth_type": "userpass",
            "username": ROOT_USER,
            "password": ROOT_PASSWORD,
            "account": "root",
        },
        "database": {"default": database, "pool_size": 10, "max_overflow": 10, "echo": 0},
        # Each identity that is not emptied here would be a public one, with root's rights.
        "bootstrap": {
            "userpass_identity": ROOT_USER,
            "userpass_pwd": ROOT_PASSWORD,
            "userpass_email": "root@example.org",
            "x509_identity": "",
            "gss_identity": "",
            "ssh_identity": "",
        },
        "alembic": {"cfg": etc / "alembic.ini"},
        "policy": {
            "permission": "generic",
            "schema": "generic",
            "lfn2pfn_algorithm_default": "hash",
        },
        "conveyor": {"scheme": "file,http,https,davs", "transfertool": "fts3"},
        # A memcached of this machine would be used at once, and make every answer stale.
        "cache": {"url": f"127.0.0.1:{NOWHERE}"},
        "oidc": {
            "idpsecrets": etc / "idpsecrets.json",
            "admin_issuer": "esap",
            "expected_audience": "rucio",
            "expected_scope": "openid profile",
        },
        "metadata": {"plugins": "rucio.core.did_meta_plugins.json_meta.JSONDidMeta"},
    }


def _issuers(issuer: str, port: int) -> dict[str, object]:
    if not issuer:
        return {}
    client = {"client_id": "rucio", "client_secret": "unused"}
    return {
        "esap": {
            "issuer": issuer,
            **client,
            "redirect_uris": [f"https://127.0.0.1:{port}/auth/oidc_code"],
            # Without this, no issuer is loaded, and nothing says so.
            "SCIM": client,
        }
    }
