"""Figures for Prometheus: exact, for those only who may have them, and of nobody in person."""

import os
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.db import OperationalError
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families as parsed

from esap.clock import ALIVE
from esap.health import figures, metrics
from esap.health.models import PeerHealth
from esap.jobs.models import Job
from esap.mail.models import Letter
from esap.webhooks.models import Delivery, Webhook

pytestmark = pytest.mark.django_db

TOKEN = "a-token-for-prometheus-alone"  # noqa: S105
PATH = "/esap-api/metrics"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.METRICS_TOKEN = TOKEN
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture(autouse=True)
def messages(monkeypatch):
    """Return a list with the answer of the broker: how many messages wait."""
    answer = [0]
    monkeypatch.setattr(figures, "messages_waiting", lambda: answer[0])
    return answer


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


def told(client):
    answer = client.get(PATH, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return answer.content.decode()


def lines(client, *names):
    """Return the lines of some figures."""
    return [line for line in told(client).splitlines() if line.startswith(names)]


def samples(client):
    """Return the value of each figure, by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parsed(told(client))
        for sample in family.samples
    }


class TestWhoMayRead:
    def test_prometheus_with_its_token(self, client):
        answer = client.get(PATH, headers={"Authorization": f"Bearer {TOKEN}"})

        assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.content.startswith(b"# HELP esap_http_requests_total Requests answered")

    def test_prometheus_asks_in_its_own_way(self, client):
        answer = client.get(
            PATH,
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Accept": "application/openmetrics-text;version=1.0.0;q=0.6,"
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            },
        )

        assert answer.status_code == 200

    @pytest.mark.parametrize("with_token", [{}, {"Authorization": f"Bearer {TOKEN}x"}])
    def test_nobody_else_without_a_login(self, client, with_token):
        answer = client.get(PATH, headers=with_token)

        assert answer.status_code == 401
        assert b"esap_" not in answer.content

    def test_an_empty_setting_lets_no_empty_token_in(self, client, settings):
        settings.METRICS_TOKEN = ""

        assert client.get(PATH, headers={"Authorization": "Bearer "}).status_code == 401

    def test_an_operator_who_has_logged_in(self, client, ada):
        ada.is_staff = True
        ada.save()
        client.force_login(ada)

        assert client.get(PATH).status_code == 200

    def test_no_other_user(self, client, ada):
        client.force_login(ada)

        answer = client.get(PATH)

        assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")

    def test_its_token_opens_nothing_else(self, client):
        answer = client.get("/esap-api/jobs/", headers={"Authorization": f"Bearer {TOKEN}"})

        assert answer.status_code == 401


class TestRequests:
    def test_they_are_counted_by_route_whatever_their_path(self, client):
        before = samples(client)

        client.get("/esap-api/health/live")
        client.get("/esap-api/health/live/")

        after = samples(client)
        live = ("esap_http_requests_total", ("method", "GET"), ("route", "health-live"))
        key = (*live, ("status", "200"))
        assert after[key] - before.get(key, 0) == 2

    def test_what_is_no_route_and_no_method_makes_no_new_figure(self, client):
        client.generic("BREW", "/esap-api/nowhere/at/all")
        client.generic("STEEP", "/esap-api/elsewhere/or/so")

        found = lines(client, "esap_http_requests_total")
        assert [line for line in found if "BREW" in line or "STEEP" in line] == []
        assert [line for line in found if "nowhere" in line or "elsewhere" in line] == []
        assert any('method="other",route="none",status="404"' in line for line in found)


def test_jobs_are_told_by_kind_and_phase(client, ada):
    now = timezone.now()
    for _ in range(2):
        Job.objects.create(kind="query.search", phase="EXECUTING", owner=ada, started=now)
    ended = {"started": now, "ended": now + timedelta(seconds=90)}
    Job.objects.create(kind="query.search", phase="COMPLETED", owner=ada, **ended)
    long_ago = {"started": now - timedelta(hours=3), "ended": now - timedelta(hours=2)}
    Job.objects.create(kind="query.search", phase="COMPLETED", owner=ada, **long_ago)
    Job.objects.create(kind="batch.job", phase="ERROR", ended=now)

    assert lines(client, "esap_jobs{", "esap_jobs_ended", "esap_job_seconds") == [
        'esap_jobs{kind="batch.job",phase="ERROR"} 1.0',
        'esap_jobs{kind="query.search",phase="COMPLETED"} 2.0',
        'esap_jobs{kind="query.search",phase="EXECUTING"} 2.0',
        'esap_jobs_ended_last_hour{kind="batch.job",phase="ERROR"} 1.0',
        'esap_jobs_ended_last_hour{kind="query.search",phase="COMPLETED"} 1.0',
        'esap_job_seconds_last_hour{kind="query.search",phase="COMPLETED"} 90.0',
    ]


def test_what_is_late_is_told(client):
    now = timezone.now()
    waits = Job.objects.create(kind="query.search", phase="QUEUED", due=now + timedelta(hours=1))
    waits.events.create(name="phase", data={}, time=now - timedelta(seconds=100))
    waits.events.create(name="phase", data={}, time=now - timedelta(seconds=40))
    lost = {"lease": waits.pk, "due": now - timedelta(seconds=7)}
    Job.objects.create(kind="query.search", phase="EXECUTING", **lost)

    found = samples(client)

    assert found["esap_jobs_due",] == 1
    assert found["esap_job_lease_overrun_seconds",] == pytest.approx(7, abs=2)
    assert found["esap_job_queued_seconds",] == pytest.approx(40, abs=2)


def test_mail_is_told(client, ada):
    job = Job.objects.create(kind="query.search", owner=ada)
    for number, members in enumerate(({}, {"attempts": [{"status": 451}]}, {"due": None})):
        Letter.objects.create(job=job, round=number, subject="", body="", **members)

    assert lines(client, "esap_mail") == ["esap_mail_waiting 2.0", "esap_mail_failed 1.0"]


def test_webhooks_are_told(client, ada):
    members = {"owner": ada, "events": [], "sealed_secret": "", "cursor": 0}
    well = Webhook.objects.create(url="https://a.example.org", **members)
    Webhook.objects.create(url="https://b.example.org", failing_since=timezone.now(), **members)
    Webhook.objects.create(url="https://c.example.org", disabled=timezone.now(), **members)
    Delivery.objects.create(webhook=well, event=1, body="")
    Delivery.objects.create(webhook=well, event=2, body="", attempts=[{"status": 500}])
    Delivery.objects.create(webhook=well, event=3, body="", due=None)

    assert lines(client, "esap_webhook") == [
        "esap_webhook_deliveries_waiting 2.0",
        "esap_webhook_deliveries_failed 1.0",
        "esap_webhooks_failing 1.0",
        "esap_webhooks_disabled 1.0",
    ]


def test_peers_are_told_as_they_were_when_last_asked(client, ward):
    ward.admit("well", lambda: None)
    ward.admit("ill", lambda: None)
    ward.admit("new", lambda: None)
    (place,) = {(peer.room, peer.section) for peer in figures.all_peers()}
    row = {"room": place[0], "section": place[1], "checked": timezone.now()}
    PeerHealth.objects.create(peer="well", state="ok", latency=0.25, **row)
    PeerHealth.objects.create(peer="ill", state="failing", **row)
    PeerHealth.objects.create(peer="gone", state="failing", **row)

    where = f'peer="{{}}",room="{place[0]}",section="{place[1]}"'
    assert lines(client, "esap_peer") == [
        f"esap_peer_up{{{where.format('ill')}}} 0.0",
        f"esap_peer_up{{{where.format('well')}}} 1.0",
        f"esap_peer_ping_seconds{{{where.format('well')}}} 0.25",
    ]


def test_processes_and_the_broker_are_told(client, folder, messages):
    (folder / "workers-alive").mkdir()
    (folder / "workers-alive" / "celery@one").touch()
    (folder / ALIVE).touch()
    messages[0] = 12

    assert lines(client, "esap_workers", "esap_broker") == [
        "esap_workers 1.0",
        "esap_broker_up 1.0",
        "esap_broker_messages 12.0",
    ]
    assert samples(client)["esap_clock_seen_seconds",] == pytest.approx(0, abs=2)


def test_the_queue_of_a_broker_that_is_away_is_left_out(client, messages):
    messages[0] = None

    assert lines(client, "esap_broker") == ["esap_broker_up 0.0"]


def test_without_the_database_all_else_is_told(client, monkeypatch):
    def away(*_args):
        raise OperationalError("connection refused")

    monkeypatch.setattr("esap.jobs.figures.figures", away)

    found = samples(client)

    assert found["esap_database_up",] == 0
    assert found["esap_broker_up",] == 1
    assert ("esap_webhooks_failing",) in found


def test_labels_hold_nothing_of_users(client, ada):
    job = Job.objects.create(kind="query.search", owner=ada, run_id="my-secret-run")
    client.force_login(ada)
    client.get(f"/esap-api/jobs/{job.pk}?share=sometoken")

    text = told(client)

    for private in ("ada", str(job.pk), "my-secret-run", "sometoken", TOKEN):
        assert private not in text


def test_all_is_as_prometheus_reads_it(client):
    names = [family.name for family in parsed(told(client))]

    assert len(names) == len(set(names))
    assert all(name.startswith("esap_") for name in names)


def test_the_events_process_tells_of_its_listeners_and_not_of_what_all_share():
    program = """
        import esap.asgi
        from esap.health.metrics import exposition
        print(exposition().decode())
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "esap.settings.test",
            "ESAP_DATA_DIR": str(configured.DATA_DIR),
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert "\nesap_event_listeners 0.0\n" in f"\n{done.stdout}"
    assert "esap_jobs" not in done.stdout
    assert "esap_database_up" not in done.stdout


def test_processes_of_one_server_tell_the_sum(tmp_path):
    """As gunicorn's do: each counts in a file of one folder, and any of them tells of all."""
    program = """
        from esap.health.registry import process_registry, requests_served
        from prometheus_client import generate_latest
        requests_served.labels("GET", "jobs", "200").inc()
        print(generate_latest(process_registry()).decode())
    """

    said = [
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]

    count = 'esap_http_requests_total{method="GET",route="jobs",status="200"} '
    assert [f"{count}{number}.0\n" in text for number, text in enumerate(said, 1)] == [True, True]


def test_what_all_share_is_told_by_paths_that_exist():
    assert metrics.settings.METRICS
    for name in metrics.settings.METRICS:
        assert callable(metrics.import_string(name))
