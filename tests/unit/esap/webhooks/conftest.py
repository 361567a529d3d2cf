"""A receiver on loopback, and somebody who wants to be told."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from esap.webhooks import services
from esap.webhooks.models import Delivery
from tests.support.fakes.http import FakePeer


class Receiver:
    """Takes what is sent, and answers with the status that the test wants."""

    def __init__(self):
        self.status = 204
        self.headers = ""
        self.peer = FakePeer(self._answer)

    def _answer(self, _heard):
        yield f"HTTP/1.1 {self.status} X\r\n{self.headers}Content-Length: 0\r\n\r\n".encode()

    @property
    def url(self):
        return f"{self.peer.url}hook"

    @property
    def told(self):
        return [json.loads(heard.body) for heard in self.peer.heard]


@pytest.fixture
def receiver(settings):
    settings.WEBHOOKS_PRIVATE_NETWORK = True
    receiver = Receiver()
    with receiver.peer:
        yield receiver


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture
def webhook(ada, receiver):
    made, made.secret = services.create(ada, receiver.url, events=["phase"])
    return made


@pytest.fixture
def later(monkeypatch):
    """Return a function that lets so much time pass for all that is to be sent."""

    def later(**duration):
        for delivery in Delivery.objects.all():
            Delivery.objects.filter(pk=delivery.pk).update(
                created=delivery.created - timedelta(**duration),
                due=delivery.due and min(delivery.due, timezone.now()),
            )

    return later
