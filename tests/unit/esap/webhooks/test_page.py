"""The page for receivers: its check accepts what the gateway sends, and nothing else."""

import re
from pathlib import Path

import pytest

from esap.jobs import services as jobs
from esap.webhooks.tasks import send

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "receive-webhooks.md"


@pytest.fixture
def is_from_the_gateway():
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)
    names = {}
    exec(code, names)  # noqa: S102 - our own page
    return names["is_from_the_gateway"]


@pytest.fixture
def heard(ada, webhook, receiver):
    jobs.begin("query.search", {}, ada)
    send()
    return receiver.peer.heard[0]


def test_what_the_gateway_sends_is_accepted(is_from_the_gateway, webhook, heard):
    assert is_from_the_gateway(webhook.secret, heard.headers, heard.body)


def test_what_was_changed_on_the_way_is_not(is_from_the_gateway, webhook, heard):
    assert not is_from_the_gateway(webhook.secret, heard.headers, heard.body + b" ")


def test_what_is_sent_again_by_somebody_else_later_is_not(is_from_the_gateway, webhook, heard):
    old = {**heard.headers, "webhook-timestamp": "1700000000"}

    assert not is_from_the_gateway(webhook.secret, old, heard.body)


def test_what_another_signed_is_not(is_from_the_gateway, heard):
    assert not is_from_the_gateway("whsec_" + "A" * 44, heard.headers, heard.body)
