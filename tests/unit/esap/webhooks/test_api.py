"""Webhooks over HTTP."""

import pytest
from rest_framework.test import APIClient

from esap.jobs import services as jobs
from esap.webhooks import services
from esap.webhooks.models import Webhook
from esap.webhooks.tasks import send

pytestmark = pytest.mark.django_db
HOOKS = "/esap-api/jobs/webhooks"
URL = "https://hooks.example.org/esap"


@pytest.fixture
def client(ada):
    client = APIClient()
    client.force_login(ada)
    return client


def test_one_is_made_and_its_secret_told_once(client):
    answer = client.post(HOOKS, {"url": URL}, format="json")

    body = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"{HOOKS}/{body['id']}"
    secret = body.pop("secret")
    assert secret.startswith("whsec_")
    assert body == {
        "id": str(Webhook.objects.get().pk),
        "url": URL,
        "events": ["ABORTED", "COMPLETED", "ERROR"],
        "kinds": [],
        "parts": False,
        "created": body["created"],
        "failing_since": None,
        "disabled": None,
        "disabled_because": "",
    }
    assert client.get(answer["Location"]).json() == body
    assert client.get(HOOKS).json() == {"results": [body], "next": None}
    assert secret not in Webhook.objects.get().sealed_secret


@pytest.mark.parametrize(
    "body",
    [
        {"url": "ftp://example.org/"},
        {"url": "https://ada:secret@example.org/"},
        {"url": "https://"},
        {"url": "nonsense"},
        {},
        {"url": URL, "events": []},
        {"url": URL, "events": ["rows"]},
        {"url": URL, "kinds": ["no.such"]},
        {"url": URL, "secret": "mine"},
        [],
    ],
)
def test_what_cannot_be_is_refused(client, body):
    answer = client.post(HOOKS, body, format="json")

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert Webhook.objects.count() == 0


def test_there_is_a_limit(client, monkeypatch):
    monkeypatch.setattr(services, "MOST_WEBHOOKS", 2)

    answers = [client.post(HOOKS, {"url": URL}, format="json") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert Webhook.objects.count() == 2


def test_one_is_changed_disabled_and_enabled(client):
    place = client.post(HOOKS, {"url": URL}, format="json")["Location"]

    changed = client.patch(place, {"events": ["problem"], "parts": True}, format="json").json()
    disabled = client.patch(place, {"disabled": True}, format="json").json()
    enabled = client.patch(place, {"disabled": False}, format="json").json()

    assert (changed["events"], changed["parts"], changed["url"]) == (["problem"], True, URL)
    assert (disabled["disabled"] is None, disabled["disabled_because"]) == (
        False,
        "You disabled it.",
    )
    assert (enabled["disabled"], enabled["disabled_because"]) == (None, "")


def test_a_new_secret_is_told_once(client):
    made = client.post(HOOKS, {"url": URL}, format="json")

    secret = client.post(f"{made['Location']}/secret").json()["secret"]

    assert secret.startswith("whsec_")
    assert secret != made.json()["secret"]


def test_one_is_deleted(client):
    place = client.post(HOOKS, {"url": URL}, format="json")["Location"]

    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404


def test_the_log_tells_every_attempt(client, ada, webhook, receiver):
    receiver.status = 500
    job = jobs.begin("query.search", {}, ada)
    send()

    answer = client.get(f"{HOOKS}/{webhook.pk}/deliveries")

    (told,) = answer.json()["results"]
    assert told["event"] == job.events.get().pk
    assert told["delivered"] is None
    assert told["due"] is not None
    assert [(tried["status"], tried["error"]) for tried in told["attempts"]] == [(500, "")]


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_others_webhooks_do_not_exist(client, django_user_model, method):
    bob = django_user_model.objects.create_user("bob")
    webhook, _ = services.create(bob, URL, events=["phase"])

    answer = getattr(client, method)(f"{HOOKS}/{webhook.pk}")

    assert answer.status_code == 404
    assert client.get(f"{HOOKS}/{webhook.pk}/deliveries").status_code == 404
    assert client.post(f"{HOOKS}/{webhook.pk}/secret").status_code == 404
    assert Webhook.objects.get().disabled is None


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_login_is_needed(method):
    answer = getattr(APIClient(), method)(HOOKS)

    assert (answer.status_code, answer.json()["slug"]) == (401, "login-required")
