"""What it costs to know who asks: a session, an API token, an access token of the provider.

CPU of the server process (gunicorn, as `make run` starts it) for `accounts/whoami`, which anybody
may ask, beside that of a request of nobody; SQL statements; and calls to the provider, which is a
real one. On SQLite and on PostgreSQL, each in a process of its own.

    python -m benchmarks.auth [--quick]
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from benchmarks.support import cpu_seconds, keep, serve, set_up_django, table

PORT = 18_766
HOST = f"http://127.0.0.1:{PORT}"
WHOAMI = "/esap-api/accounts/whoami/"
USER = "alice"
ROUNDS = 6


def main() -> None:
    """Measure on both databases, and print."""
    if "--database" in sys.argv:
        print(json.dumps(measure(sys.argv[-1], 100 if "--quick" in sys.argv else 500)))
        return
    found = {"SQLite": in_process("")}
    with postgresql() as url:
        found["PostgreSQL"] = in_process(url)
    for database, measured in found.items():
        nobody = measured["nobody"]["cpu_ms"]
        table(
            [database, "CPU ms", "more than nobody ms", "SQL", "calls to the provider"],
            [
                [who, one["cpu_ms"], one["cpu_ms"] - nobody, one["sql"], one["provider"]]
                for who, one in measured.items()
            ],
        )
        print()
    keep("auth", found)


def in_process(database: str) -> dict[str, Any]:
    """Measure in a process of its own: Django is set up for one database."""
    quick = ["--quick"] if "--quick" in sys.argv else []
    command = [sys.executable, "-m", "benchmarks.auth", *quick, "--database", database]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(database: str, asked: int) -> dict[str, Any]:
    from tests.support.own_iam import own_instance

    with tempfile.TemporaryDirectory() as folder, own_instance() as iam:
        environment = {"ESAP_DATA_DIR": folder, "ESAP_PEERS": f"{folder}/accounts.yaml"}
        if database:
            environment["DATABASE_URL"] = database
        set_up_django(**environment)

        from tests.support.accounts import provider_entry, write_accounts

        write_accounts(Path(folder), providers=[provider_entry(iam)])
        with serve(PORT, HOST + WHOAMI, **environment) as server:
            callers = {who: Caller(who, headers) for who, headers in log_in(iam).items()}
            for _ in range(ROUNDS):
                for caller in callers.values():
                    caller.ask(server, iam, asked)
            return {
                who: {
                    "sql": sql_statements(caller.headers),
                    "cpu_ms": round(min(caller.rounds), 4),
                    "provider": caller.calls,
                    "requests": ROUNDS * asked,
                }
                for who, caller in callers.items()
            }


class Caller:
    """Asks who it is, in turn with the others: so all have the same share of a busy machine."""

    def __init__(self, who: str, headers: dict[str, str]) -> None:
        self.headers = headers
        self.rounds: list[float] = []
        self.calls = 0
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(headers)
        said = self.session.get(HOST + WHOAMI).json()
        assert said["authenticated"] == (who != "nobody"), said

    def ask(self, server: subprocess.Popen, iam: Any, times: int) -> None:
        """Note the CPU milliseconds of the server for one request, and calls to the provider."""
        iam.forget_hits()
        before = cpu_seconds(server.pid)
        for _ in range(times):
            self.session.get(HOST + WHOAMI).raise_for_status()
        self.rounds.append(1000 * (cpu_seconds(server.pid) - before) / times)
        # Those of the benchmark itself are below /__test.
        hits = iam.hits().items()
        self.calls += sum(n for path, n in hits if not path.startswith("/__test"))


def log_in(iam: Any) -> dict[str, dict[str, str]]:
    """Return the headers of each kind of caller."""
    from tests.support.iam import log_in_at

    with requests.Session() as browser, requests.Session() as at_provider:
        begun = browser.get(
            f"{HOST}/esap-api/oidc/authenticate?provider=iam", allow_redirects=False
        )
        callback = log_in_at(at_provider, begun.headers["Location"], USER)
        browser.get(callback, allow_redirects=False).raise_for_status()
        made = browser.post(
            f"{HOST}/esap-api/accounts/api-tokens/",
            json={"name": "benchmark", "scopes": ["read"]},
            headers={"Origin": HOST},
        )
        session, token = browser.cookies["sessionid"], made.json()["token"]
    access_token = iam.log_in(USER, audience="esap")["access_token"]
    return {
        "nobody": {},
        "session": {"Cookie": f"sessionid={session}"},
        "API token": {"Authorization": f"Bearer {token}"},
        "access token": {"Authorization": f"Bearer {access_token}"},
    }


def sql_statements(headers: dict[str, str]) -> int:
    """Return how many statements a request takes, once the caller is known."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client(headers=headers)
    client.get(WHOAMI)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(WHOAMI)
    assert answer.json().get("user_name", USER) == USER
    connection.close()
    return len(captured)


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the address of an empty database in a cluster of its own, which then is thrown away."""
    from tests.support.peers.account import account
    from tests.support.peers.dachs.postgres import Cluster
    from tests.support.peers.processes import Processes

    with (
        tempfile.TemporaryDirectory(prefix="esap-pg-") as name,
        Processes(Path(name), account()) as processes,
    ):
        cluster = Cluster(processes.account.folder(Path(name)), processes)
        cluster.create()
        cluster.start()
        cluster.sql("CREATE ROLE esap LOGIN PASSWORD 'esap';", database="postgres")
        cluster.sql("CREATE DATABASE esap OWNER esap;", database="postgres")
        yield f"postgres://esap:esap@{quote(name, safe='')}/esap"


if __name__ == "__main__":
    main()
