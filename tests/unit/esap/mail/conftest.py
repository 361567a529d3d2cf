"""A real mail server on loopback, and somebody whose login provider has verified an address."""

from datetime import timedelta

import pytest
from django.utils import timezone

from esap.mail.models import Letter
from tests.support.fakes.smtp import mail_server
from tests.support.vendors import vendors

vendor = vendors(autouse=True)


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user(
        "ada", email="ada@example.org", issuer="https://iam.example.org", subject="1"
    )


def leads_to(settings, port, **more):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.MAIL_SERVER = {"host": "127.0.0.1", "port": port, "timeout": 1, **more}
    settings.MAIL_FROM = "ESAP <esap@example.org>"
    settings.PUBLIC_URL = "https://esap.example.org"


@pytest.fixture
def server(settings):
    with mail_server() as server:
        leads_to(settings, server.port)
        yield server


@pytest.fixture
def later():
    """Return a function that lets so much time pass for all letters, which are then due."""

    def later(**duration):
        for letter in Letter.objects.all():
            Letter.objects.filter(pk=letter.pk).update(
                created=letter.created - timedelta(**duration),
                due=letter.due and min(letter.due, timezone.now()),
            )

    return later
