"""The gateway holds no streams: it says where they are."""

from urllib.parse import urlsplit

import pytest
from django.http import QueryDict

from esap.api.elsewhere import Ticket, opened
from esap.events.application import is_from_our_host

JOB = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
PATHS = [
    f"/esap-api/jobs/{JOB}/events",
    f"/esap-api/jobs/{JOB}/events/",
    f"/esap-api/query/searches/{JOB}/events",
    f"/esap-api/query/searches/{JOB}/events/",
]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_the_gateway_points_to_the_events_process(client, settings, path):
    settings.EVENTS_URL = "http://localhost:8001"

    answer = client.get(f"{path}?last_event_id=7", headers={"Accept": "text/event-stream"})

    assert answer.status_code == 307
    place = urlsplit(answer["Location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == f"http://localhost:8001{path}"
    query = QueryDict(place.query)
    assert (set(query), query["last_event_id"]) == ({"last_event_id", "ticket"}, "7")
    assert opened(query["ticket"], path) == Ticket(user=None, origin="http://testserver")


@pytest.mark.django_db
def test_a_gateway_that_does_not_know_where_the_events_process_is_says_so(client, settings):
    settings.EVENTS_URL = ""

    answer = client.get(PATHS[0], headers={"Accept": "text/event-stream"})

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert "ESAP_EVENTS_URL" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("events_url", "origin", "trusted"),
    [
        ("http://localhost:8001", "http://localhost:8000", True),
        ("http://localhost:8001", "http://evil.example.org", False),
        ("http://localhost:8001", "http://localhost.evil.example.org", False),
        ("http://localhost:8001", "null", False),
        ("", "http://localhost:8000", False),
    ],
)
def test_pages_on_another_port_of_our_host_may_listen(rf, settings, events_url, origin, trusted):
    settings.EVENTS_URL = events_url

    request = rf.get("/", headers={"Origin": origin, "Host": "localhost:8001"})

    assert is_from_our_host(request) is trusted
