"""The page on backups, followed to the letter: what is lost is there again, and exactly that.

Only the places of the data, the copies and the database are put in.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from esap.jobs.models import Job
from esap.vault import seal, unseal
from esap.webhooks.models import Webhook
from tests.e2e.machine import ROOT
from tests.support.database import everything, file_database, postgres_database

pytestmark = pytest.mark.e2e

PAGE = (ROOT / "docs" / "how-to" / "back-up-and-upgrade.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
POSTGRES = Path("/usr/lib/postgresql/15/bin")


def blocks(title):
    """Return the blocks of a section of the page."""
    (section,) = [part for part in PAGE.split("\n## ") if part.startswith(f"{title}\n")]
    return BLOCK.findall(section)


class Operator:
    """Somebody who types what the page says, in one terminal."""

    def __init__(self, folder, environment):
        self.data, self.folder = Path(environment["ESAP_DATA_DIR"]), folder
        self.environment = environment

    def types(self, *texts):
        """Return what the commands print; all end well."""
        places = {
            "/var/lib/esap": str(self.data),
            "/var/backups/esap": str(self.folder / "backup"),
            "postgres://esap:password@localhost/esap": self.environment["DATABASE_URL"],
        }
        script = "set -e\n" + "\n".join(texts)
        for told, here in places.items():
            script = script.replace(told, here)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            env={
                **self.environment,
                "DJANGO_SETTINGS_MODULE": "esap.settings.test",
                "PATH": f"{Path(sys.executable).parent}:{POSTGRES}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def fill(data):
    """Make what a gateway has: a user, a job with a result, a secret."""
    ada = User.objects.create_user("ada")
    members = {"parameters": {"target": "M31"}, "owner": ada, "ended": timezone.now()}
    job = Job.objects.create(kind="query.search", phase="COMPLETED", **members)
    job.events.create(name="phase", data={"phase": "COMPLETED"})
    result = data / "results" / str(job.pk) / "rows.parquet"
    result.parent.mkdir(parents=True)
    result.write_bytes(b"PAR1")
    sealed = seal("whsec_of_ada", bound_to="here")
    Webhook.objects.create(
        owner=ada, url="https://a.example.org", events=[], sealed_secret=sealed, cursor=0
    )
    return result


def spoil(result):
    """Do what should never have been done."""
    shutil.rmtree(result.parent)
    Webhook.objects.all().delete()
    Job.objects.create(kind="query.search", owner=User.objects.create_user("eve"))
    Job.objects.filter(owner__username="ada").delete()


def check(operator, back_up, restore):
    result = fill(operator.data)
    before = everything()
    said = operator.types(*back_up)
    spoil(result)
    assert everything() != before
    connection.close()

    operator.types(back_up[0], restore)

    assert everything() == before
    assert result.read_bytes() == b"PAR1"
    assert unseal(Webhook.objects.get().sealed_secret, bound_to="here") == "whsec_of_ada"
    return said


def test_on_sqlite_everything_is_there_again(tmp_path, django_db_setup, django_db_blocker):
    data = tmp_path / "data"
    data.mkdir()
    *back_up, restore = blocks("SQLite")
    with (
        django_db_blocker.unblock(),
        file_database(data / "esap.sqlite3") as environment,
    ):
        said = check(Operator(tmp_path, environment), back_up, restore)

    assert said == "ok\n"


@pytest.mark.peer("postgres")
def test_on_postgresql_everything_is_there_again_and_nothing_else(
    tmp_path, postgres, django_db_setup, django_db_blocker
):
    data = tmp_path / "data"
    data.mkdir()
    *back_up, restore = blocks("PostgreSQL")
    with django_db_blocker.unblock(), postgres_database(postgres.url, data) as environment:
        operator = Operator(tmp_path, environment)
        with psycopg.connect(
            environment["DATABASE_URL"].replace("postgres:", "postgresql:"), autocommit=True
        ) as admin:
            check(operator, back_up, restore)
            admin.execute("CREATE TABLE of_a_newer_version (id int)")

        operator.types(back_up[0], restore)

        assert "of_a_newer_version" not in connection.introspection.table_names()
        assert operator.types(*back_up) == ""  # a restored database can be backed up in its turn


def test_after_a_restore_jobs_are_looked_after(tmp_path, django_db_setup, django_db_blocker):
    (after,) = blocks("After a restore")
    with (
        django_db_blocker.unblock(),
        file_database(tmp_path / "esap.sqlite3") as environment,
    ):
        lost = {"lease": uuid4(), "due": timezone.now(), "silent": True}
        job = Job.objects.create(kind="query.search", phase="EXECUTING", **lost)
        connection.close()

        Operator(tmp_path, environment).types("export REDIS_URL=redis://127.0.0.1:1/0", after)

        job.refresh_from_db()
    assert (job.phase, job.problem["slug"]) == ("ERROR", "work-lost")


def test_every_block_of_the_page_is_typed_here():
    assert len(BLOCK.findall(PAGE)) == sum(
        len(blocks(title)) for title in ("SQLite", "PostgreSQL", "After a restore")
    )
