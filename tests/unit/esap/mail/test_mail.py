"""Who asked for it is sent mail when a job has ended: once, by a real server, for up to a day."""

import socket
import time
from datetime import UTC, datetime

import pytest

from esap.errors import BackendUnavailable, InvalidRequest, WrongPhase
from esap.jobs import moves, services
from esap.jobs.models import Job
from esap.mail.models import Letter
from esap.mail.sending import send_due
from esap.mail.tasks import send
from esap.mail.writing import write
from tests.support.fakes.smtp import hanging_server
from tests.unit.esap.mail.conftest import leads_to

pytestmark = pytest.mark.django_db

CREATED = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
ENDED = datetime(2026, 3, 1, 12, 30, 0, tzinfo=UTC)


def running(owner, **members):
    """Begin a job whose owner wants mail."""
    job = services.begin("query.search", {}, owner)
    Job.objects.filter(pk=job.pk).update(mail=True, created=CREATED, **members)
    return job


def ended(owner, **members):
    job = moves.complete(running(owner, **members))
    Job.objects.filter(pk=job.pk).update(ended=ENDED)
    return job


class TestTheLetter:
    def test_it_says_what_ended_and_where_to_look(self, ada, server):
        job = ended(ada, run_id="tonight")

        send()

        ((to, message),) = server.taken
        assert to == ["ada@example.org"]
        assert message["Subject"] == "Job tonight has completed"
        assert (message["From"], message["To"]) == ("ESAP <esap@example.org>", "ada@example.org")
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Message-ID"] == f"<{Letter.objects.get().pk}@example.org>"
        assert message.get_content_type() == "text/plain"
        assert message.get_content().splitlines() == [
            "Your job tonight has completed.",
            "",
            "Kind:    query.search",
            "Phase:   COMPLETED",
            "Created: 2026-03-01 12:00:00 UTC",
            "Ended:   2026-03-01 12:30:00 UTC",
            "",
            f"https://esap.example.org/esap-api/jobs/{job.pk}",
            "",
            "You asked for this message at the job. Nobody reads answers to it.",
        ]

    def test_of_a_failure_it_says_no_more_than_its_title(self, ada, server):
        job = running(ada)
        moves.fail(job, BackendUnavailable("The archive at secret-host.example.org is away."))

        send()

        ((_, message),) = server.taken
        assert message["Subject"] == "Job query.search has failed"
        assert f"Problem: {BackendUnavailable.title}" in message.get_content()
        assert "secret-host" not in message.get_content()

    @pytest.mark.parametrize(
        "name", ["a\r\nBcc: eve@example.org", "a\nBcc: eve@example.org", "a\u2028Bcc: e\x00\x85"]
    )
    def test_a_name_adds_no_header(self, ada, server, name):
        ended(ada, run_id=name.replace("\x00", ""))

        send()

        ((to, message),) = server.taken
        assert to == ["ada@example.org"]
        assert message["Bcc"] is None
        assert message["Subject"].startswith("Job a Bcc: e")

    def test_a_name_may_have_any_letters(self, ada, server):
        ended(ada, run_id="Größe ☉")

        send()

        assert server.taken[0][1]["Subject"] == "Job Größe ☉ has completed"
        assert "Größe ☉" in server.taken[0][1].get_content()


class TestWhoIsTold:
    def test_nobody_who_did_not_ask(self, ada, server):
        moves.complete(services.begin("query.search", {}, ada))

        send()

        assert server.taken == []

    def test_nobody_before_the_end(self, ada, server):
        running(ada)

        send()

        assert server.taken == []

    def test_each_end_is_told_once(self, ada, server):
        ended(ada)

        send()
        send()

        assert len(server.taken) == 1

    def test_a_job_that_is_run_again_is_told_again(self, ada, server):
        job = running(ada)
        moves.fail(job, BackendUnavailable("The archive is away."))
        send()
        services.retry(Job.objects.get(pk=job.pk))
        moves.complete(moves.claim(job.pk))

        send()

        assert [message["Subject"] for _, message in server.taken] == [
            "Job query.search has failed",
            "Job query.search has completed",
        ]

    @pytest.mark.parametrize("members", [{"subject": ""}, {"email": ""}, {"is_active": False}])
    def test_nobody_without_an_address_that_the_provider_has_verified(self, ada, server, members):
        ended(ada)
        type(ada).objects.filter(pk=ada.pk).update(**members)

        send()

        assert server.taken == []
        assert Letter.objects.get().due is None

    def test_the_address_is_the_one_of_now(self, ada, server):
        ended(ada)
        write()
        type(ada).objects.filter(pk=ada.pk).update(email="ada@new.example.org")

        send()

        assert server.taken[0][0] == ["ada@new.example.org"]

    def test_an_address_adds_no_header(self, ada, server):
        ended(ada)
        type(ada).objects.filter(pk=ada.pk).update(email="a@example.org\nBcc: eve@example.org")

        send()

        assert server.taken == []
        assert Letter.objects.get().due is None


class TestTrouble:
    def test_who_is_busy_is_asked_again_after_a_pause(self, ada, server, later):
        server.answers_to_recipient = ["451 Try again later"]
        ended(ada)
        send()
        assert server.taken == []
        send()
        assert server.taken == []

        later(seconds=10)
        send()

        letter = Letter.objects.get()
        assert len(server.taken) == 1
        assert [one["status"] for one in letter.attempts] == [451, 200]
        assert letter.attempts[0]["error"] == "The mail server refused it with 451."
        assert (letter.due, letter.delivered is None) == (None, False)

    @pytest.mark.parametrize("stage", ["answers_to_recipient", "answers_to_message"])
    def test_who_does_not_want_it_is_not_asked_again(self, ada, server, stage):
        setattr(server, stage, ["550 No such user ada@example.org"])
        ended(ada)

        send()

        letter = Letter.objects.get()
        assert (letter.due, letter.delivered) == (None, None)
        assert letter.attempts[0]["error"] == "The mail server refused it with 550."

    def test_a_refusal_keeps_no_other_letter_back(self, ada, server):
        server.answers_to_recipient = ["550 No"]
        ended(ada)
        ended(ada)

        assert send_due_after_writing() == 1

    def test_a_server_that_hangs_is_not_waited_for(self, ada, settings):
        ended(ada)
        ended(ada)
        with hanging_server() as port:
            leads_to(settings, port)
            began = time.monotonic()

            send()

            assert time.monotonic() - began < 4
        assert [len(letter.attempts) for letter in Letter.objects.all()] == [1, 1]
        assert (
            Letter.objects.first().attempts[0]["error"]
            == "The mail server took too long to answer."
        )

    def test_a_server_that_is_away_is_asked_for_a_day(self, ada, settings, later):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        leads_to(settings, port)
        ended(ada)
        send()
        assert Letter.objects.get().due is not None

        later(hours=24)
        send()

        letter = Letter.objects.get()
        assert (letter.due, letter.delivered, len(letter.attempts)) == (None, None, 2)

    def test_a_server_that_goes_away_is_left_alone_and_the_others_keep_their_turn(
        self, ada, server
    ):
        server.answers_to_message = ["421 Shutting down"]
        for _ in range(3):
            ended(ada)

        send()

        assert server.taken == []
        assert sorted(len(letter.attempts) for letter in Letter.objects.all()) == [0, 0, 1]
        assert send_due() == 2

    def test_all_goes_over_one_connection(self, ada, server):
        for _ in range(5):
            ended(ada)

        send()

        assert (len(server.taken), server.connections) == (5, 1)

    def test_the_password_is_given_to_nobody_who_offers_no_encryption(self, ada, server, settings):
        leads_to(settings, server.port, use_tls=True, username="esap", password="geheim")  # noqa: S106
        ended(ada)

        send()

        assert server.taken == []
        assert "geheim" not in str(Letter.objects.get().attempts)


def send_due_after_writing():
    write()
    return send_due()


class TestAskingForIt:
    def test_a_job_under_way_may_be_asked_of(self, ada, server):
        job = services.begin("query.search", {}, ada)

        assert services.adjust(job, mail=True).mail
        assert not services.adjust(Job.objects.get(pk=job.pk), mail=False).mail

    def test_one_that_has_ended_may_not(self, ada, server):
        job = moves.complete(services.begin("query.search", {}, ada))

        with pytest.raises(WrongPhase):
            services.adjust(job, mail=True)

    def test_where_no_mail_is_sent_it_is_refused(self, ada, settings):
        settings.MAIL_SERVER = {}
        job = services.begin("query.search", {}, ada)

        with pytest.raises(InvalidRequest, match="this gateway sends none"):
            services.adjust(job, mail=True)

    @pytest.mark.parametrize("members", [{"subject": ""}, {"email": ""}])
    def test_who_has_no_verified_address_is_told_so(self, ada, server, members):
        type(ada).objects.filter(pk=ada.pk).update(**members)
        job = services.begin("query.search", {}, type(ada).objects.get(pk=ada.pk))

        with pytest.raises(InvalidRequest, match="no verified address"):
            services.adjust(job, mail=True)

    def test_it_may_be_asked_for_with_the_job(self, ada, server, client):
        client.force_login(ada)
        body = {"kind": "query.search", "parameters": {"ra": 1, "dec": 2, "fov": 1}, "mail": True}

        answer = client.post("/esap-api/jobs/", body, content_type="application/json")

        assert (answer.status_code, answer.json()["mail"]) == (202, True)
        assert Job.objects.get().mail

    def test_where_it_cannot_be_had_no_job_is_made(self, ada, settings, client):
        settings.MAIL_SERVER = {}
        client.force_login(ada)
        body = {"kind": "query.search", "parameters": {"ra": 1, "dec": 2, "fov": 1}, "mail": True}

        answer = client.post("/esap-api/jobs/", body, content_type="application/json")

        assert (answer.status_code, Job.objects.count()) == (400, 0)
