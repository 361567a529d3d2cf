"""A request that waits is held by the events process, and answered as the gateway answers."""

import threading
import time
from urllib.parse import urlsplit

import pytest
import requests
from django.contrib.auth import get_user_model
from django.core import signing
from django.test import Client

from esap.api import elsewhere
from esap.events import views
from esap.jobs import moves, services, waiting
from esap.jobs.models import Job
from tests.unit.esap.events.listening import browser, cookies_of, until

FACES = ["jobs/{}", "uws/jobs/{}", "uws/async/{}/"]


def ask(address, **options):
    return browser.get(address, timeout=20, allow_redirects=False, **options)


class Asking(threading.Thread):
    """Somebody who asks, and waits for the answer."""

    def __init__(self, address, **options):
        super().__init__()
        self.address, self.options, self.answer = address, options, None
        self.start()

    def run(self):
        self.answer = ask(self.address, **self.options)

    def is_held(self):
        return until(lambda: len(views.feed) == 1)


@pytest.mark.parametrize("face", FACES)
def test_it_is_answered_as_soon_as_the_phase_changes(url, face):
    job = services.begin("query.search", {})
    asking = Asking(f"{url}/{face.format(job.pk)}?wait=20")
    assert asking.is_held()
    services.progress(job, 0.5)
    assert asking.is_alive()

    began = time.monotonic()
    services.complete(job)
    asking.join()

    assert asking.answer.status_code == 200
    assert "COMPLETED" in asking.answer.text
    assert time.monotonic() - began < 5
    assert until(lambda: len(views.feed) == 0)


@pytest.mark.parametrize("face", FACES)
def test_after_the_wait_it_is_answered_with_the_phase_as_it_is(url, face):
    job = services.begin("query.search", {})

    began = time.monotonic()
    answer = ask(f"{url}/{face.format(job.pk)}?WAIT=1")

    assert time.monotonic() - began >= 1
    assert (answer.status_code, "EXECUTING" in answer.text) == (200, True)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("accept", ["application/json", "text/xml, */*"])
def test_the_answer_is_that_of_the_gateway(url, settings, face, accept):
    job = services.complete(services.begin("query.search", {"query": "x"}))
    path = f"/esap-api/{face.format(job.pk)}"
    headers = {"Accept": accept, "Host": "portal.example.org"}

    held = ask(f"{url}/{face.format(job.pk)}?wait=20", headers=headers)
    settings.ROOT_URLCONF = "esap.urls"
    plain = Client().get(path, headers={"accept": accept, "host": "portal.example.org"})

    assert (held.status_code, held.content) == (plain.status_code, plain.content)
    told = {"X-Request-ID", "Content-Length"}
    assert {name.lower(): value for name, value in held.headers.items()}.items() >= {
        name.lower(): value for name, value in plain.headers.items() if name not in told
    }.items()


@pytest.mark.parametrize("query", ["wait=20&phase=QUEUED", "WAIT=-1&PHASE=queued", "wait=0"])
@pytest.mark.parametrize("face", FACES)
def test_a_phase_that_the_caller_does_not_know_is_told_at_once(url, face, query):
    job = services.begin("query.search", {})

    answer = ask(f"{url}/{face.format(job.pk)}?{query}")

    assert (answer.status_code, "EXECUTING" in answer.text) == (200, True)


def test_uws_waits_in_the_active_phases_only(url):
    job = moves.hold(Job.objects.create(kind="query.search"), "for a login", None)

    began = time.monotonic()
    answer = ask(f"{url}/uws/jobs/{job.pk}?WAIT=20")

    assert "HELD" in answer.text
    assert time.monotonic() - began < 10


def test_as_long_as_the_service_likes_is_two_minutes(monkeypatch, url):
    monkeypatch.setattr(waiting, "MOST_WAIT_SECONDS", 1)
    job = services.begin("query.search", {})

    answers = [ask(f"{url}/uws/jobs/{job.pk}?WAIT={wait}") for wait in ("-1", "4000")]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("wait", ["x", "1.5", "9" * 30])
def test_a_wait_that_is_no_number_is_refused(url, face, wait):
    job = services.begin("query.search", {})

    answer = ask(f"{url}/{face.format(job.pk)}?wait={wait}")

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")


@pytest.mark.parametrize("face", FACES)
def test_who_may_not_see_a_job_is_not_kept_waiting(url, face):
    ada = get_user_model().objects.create_user("ada")
    job = services.begin("query.search", {}, ada)

    answer = ask(f"{url}/{face.format(job.pk)}?wait=20")

    assert (answer.status_code, answer.json()["slug"]) == (404, "not-found")
    assert len(views.feed) == 0


def test_who_has_a_shared_link_waits_by_it(url):
    ada = get_user_model().objects.create_user("ada")
    job = services.begin("query.search", {}, ada)
    token = services.share(job)
    asking = Asking(f"{url}/jobs/{job.pk}?wait=20&share={token}")
    assert asking.is_held()

    services.abort(job)
    asking.join()

    assert asking.answer.json()["phase"] == "ABORTED"


def test_who_gives_up_is_let_go(url):
    job = services.begin("query.search", {})

    with pytest.raises(requests.Timeout):
        browser.get(f"{url}/jobs/{job.pk}?wait=60", timeout=1)

    assert until(lambda: len(views.feed) == 0)


class TestTickets:
    """The gateway sends callers here with a ticket, which stands for their login."""

    @pytest.fixture
    def ada(self, url):
        return get_user_model().objects.create_user("ada")

    @pytest.fixture
    def sent(self, url, ada, settings):
        """Return where the gateway sends Ada for a path."""

        def sent(path, host="portal.example.org"):
            settings.EVENTS_URL = url.removesuffix("/esap-api")
            settings.ROOT_URLCONF = "esap.urls"
            client = Client(headers={"host": host})
            client.force_login(ada)
            answer = client.get(f"/esap-api/{path}", secure=True)
            settings.ROOT_URLCONF = "esap.events.urls"
            assert answer.status_code == 307
            return answer["Location"]

        return sent

    def test_it_opens_the_stream_of_one_job(self, ada, sent):
        job = services.complete(services.begin("query.search", {}, ada))

        answer = ask(sent(f"jobs/{job.pk}/events"))

        assert (answer.status_code, '{"phase": "COMPLETED"}' in answer.text) == (200, True)

    def test_it_opens_the_stream_of_all_jobs(self, ada, sent):
        with ask(sent("jobs/events"), stream=True) as answer:
            assert answer.status_code == 200

    @pytest.mark.parametrize("face", ["jobs/{}", "uws/jobs/{}"])
    def test_it_lets_wait_and_the_answer_has_the_gateways_addresses(self, ada, sent, face):
        job = services.begin("query.search", {}, ada)
        asking = Asking(
            sent(f"{face.format(job.pk)}?wait=20"), headers={"Accept": "application/json"}
        )
        assert asking.is_held()

        services.abort(job)
        asking.join()

        assert asking.answer.status_code == 200
        assert asking.answer.json()["phase"] == "ABORTED"
        assert f"https://portal.example.org/esap-api/{face.format(job.pk)}" in asking.answer.text

    def test_it_is_for_one_path_only(self, ada, sent):
        one, two = (services.begin("query.search", {}, ada) for _ in range(2))

        answer = ask(sent(f"jobs/{one.pk}/events").replace(str(one.pk), str(two.pk)))

        assert (answer.status_code, answer.json()["slug"]) == (401, "login-required")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_it_ends_after_ten_minutes(self, ada, sent, monkeypatch):
        job = services.begin("query.search", {}, ada)
        address = sent(f"jobs/{job.pk}/events")
        later = time.time() + 601
        monkeypatch.setattr(signing.time, "time", lambda: later)

        assert ask(address).status_code == 401

    def test_it_ends_with_the_account(self, ada, sent):
        job = services.begin("query.search", {}, ada)
        address = sent(f"jobs/{job.pk}/events")
        ada.is_active = False
        ada.save()

        assert ask(address).status_code == 401

    def test_one_that_was_made_up_is_refused(self, ada, url):
        job = services.begin("query.search", {}, ada)
        path = f"/esap-api/jobs/{job.pk}/events"
        forged = signing.dumps(
            {"user": str(ada.pk), "path": path, "origin": "http://x"}, salt="another"
        )

        assert ask(f"{url}/jobs/{job.pk}/events?ticket={forged}").status_code == 401

    def test_the_gateway_itself_takes_none(self, ada, sent, settings):
        job = services.begin("query.search", {}, ada)
        place = urlsplit(sent(f"jobs/{job.pk}?wait=9"))
        settings.ROOT_URLCONF = "esap.urls"
        settings.MIDDLEWARE = settings.MIDDLEWARE[:-1]

        answer = Client(headers={"host": place.netloc}).get(f"{place.path}?{place.query}")

        assert answer.status_code == 404

    def test_a_cookie_is_still_taken(self, ada, url):
        job = services.complete(services.begin("query.search", {}, ada))

        assert ask(f"{url}/jobs/{job.pk}/events", cookies=cookies_of(ada)).status_code == 200
        assert elsewhere.TICKET_SECONDS == 600
