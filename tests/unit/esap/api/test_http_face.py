"""What every answer of the API has in common."""

import io
import re

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from gunicorn.http.errors import InvalidChunkSize, NoMoreData

from esap.api.in_flight import Slots, caller_key
from esap.api.middleware import WholeBody
from esap.api.negotiation import table_format
from esap.errors import NotAcceptable, TooManyRequests

PROBLEM = "application/problem+json"


def test_both_slash_forms_answer_directly() -> None:
    for path in ("/esap-api/", "/esap-api", "/esap-api/problems", "/esap-api/problems/"):
        assert Client().get(path).status_code == 200, path


def test_the_root_explains_the_platform() -> None:
    root = Client().get("/esap-api/").json()

    assert root["title"] == "ESAP API Gateway"
    assert root["documentation"]["openapi"] == "http://testserver/esap-api/schema"
    assert root["rooms"]["query"]["about"] == "Discover: find data in many archives at once."
    assert root["rooms"]["query"]["links"]["searches"].endswith("/esap-api/query/searches")


def test_the_root_is_a_page_in_a_browser() -> None:
    page = Client().get("/esap-api/", HTTP_ACCEPT="text/html")

    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert b"ESAP API Gateway" in page.content


def test_an_address_that_leads_nowhere_is_a_problem() -> None:
    response = Client().get("/esap-api/query/nowhere")

    assert (response.status_code, response["Content-Type"]) == (404, PROBLEM)
    assert response.json() == {
        "type": "/esap-api/problems/not-found",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at /esap-api/query/nowhere. /esap-api/ lists what there is.",
        "slug": "not-found",
        "retryable": False,
        "instance": "/esap-api/query/nowhere",
    }


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "slug"),
    [
        ("GET", "/", {"HTTP_HOST": "evil.example"}, 400, "invalid-request"),
        ("GET", "/esap-api/", {"HTTP_HOST": "evil.example"}, 400, "invalid-request"),
        ("GET", f"/esap-api/query/datasets-uri?{'a&' * 2000}", {}, 400, "invalid-request"),
        ("PUT", "/", {}, 403, "not-allowed"),
        ("TRACE", "/", {}, 405, "method-not-allowed"),
        ("POST", "/esap-api/admin/login/", {}, 403, "not-allowed"),
    ],
)
def test_what_django_refuses_by_itself_is_a_problem_too(
    method, path, headers, status, slug
) -> None:
    response = Client(enforce_csrf_checks=True).generic(method, path, **headers)

    assert (response.status_code, response["Content-Type"]) == (status, PROBLEM)
    assert response.json()["slug"] == slug
    assert "evil" not in response.json()["detail"]


def test_a_form_with_too_many_fields_is_a_problem() -> None:
    response = Client().post(
        "/esap-api/query/searches",
        "&".join(f"a{i}=1" for i in range(2000)),
        "application/x-www-form-urlencoded",
    )

    assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)


def test_an_address_that_leads_nowhere_is_a_page_in_a_browser() -> None:
    response = Client().get("/nowhere", HTTP_ACCEPT="text/html,application/xhtml+xml,*/*;q=0.8")

    assert (response.status_code, response["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert b"There is nothing at /nowhere." in response.content


def test_a_room_lists_what_it_offers() -> None:
    for path in ("/esap-api/query", "/esap-api/query/"):
        room = Client().get(path).json()
        assert room["title"] == "query"
        assert room["links"]["searches"] == "http://testserver/esap-api/query/searches"

    assert Client().get("/esap-api/kitchen").status_code == 404


def test_a_room_is_a_page_in_a_browser() -> None:
    page = Client().get("/esap-api/query/", HTTP_ACCEPT="text/html")

    assert page.status_code == 200
    assert b"<h1>Query</h1>" in page.content


def test_a_problem_in_a_browser_is_a_page_not_mislabelled_json() -> None:
    response = Client().get("/esap-api/problems/none-such", HTTP_ACCEPT="text/html")

    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_every_problem_has_a_page() -> None:
    listed = Client().get("/esap-api/problems").json()["results"]

    assert len(listed) >= 20
    for problem in listed:
        told = Client().get(problem["type"]).json()
        assert told == problem
        assert told["meaning"]


@pytest.mark.parametrize("path", ["/", "/esap-api/docs/", "/esap-api/redoc/", "/esap-api/nowhere"])
def test_pages_load_nothing_from_elsewhere(path) -> None:
    page = Client().get(path, HTTP_ACCEPT="text/html")
    data = Client().get("/esap-api/", HTTP_ACCEPT="application/json")

    policy = page["Content-Security-Policy"]
    assert page["Content-Type"].startswith("text/html")
    assert policy.startswith("default-src 'self' 'unsafe-inline' data: blob:; connect-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert not re.findall(rb'(?:src|href)="(?:https?:)?//(?!testserver)', page.content)
    assert data["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_harmless_request_id_is_kept_and_another_replaced() -> None:
    kept = Client().get("/esap-api/", HTTP_X_REQUEST_ID="trace-12345678")
    replaced = Client().get("/esap-api/", HTTP_X_REQUEST_ID="bad id\twith spaces")

    assert kept["X-Request-ID"] == "trace-12345678"
    assert len(replaced["X-Request-ID"]) == 32


def test_a_body_that_is_too_large_is_refused_before_it_is_read(settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    response = Client().post(
        "/esap-api/query/searches", b'{"target": "' + b"M" * 200 + b'"}', "application/json"
    )

    assert (response.status_code, response.json()["slug"]) == (413, "too-large")


@pytest.mark.parametrize(("length", "expected"), [(100, 100), (101, "refused")])
def test_a_chunked_body_is_read_whole_up_to_the_limit(settings, length, expected) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    request = RequestFactory().post("/", HTTP_TRANSFER_ENCODING="chunked")
    # As gunicorn gives it: no length, and a stream that undoes the chunks.
    request.META.pop("CONTENT_LENGTH", None)
    request.environ["wsgi.input"] = io.BytesIO(b"x" * length)
    seen = []

    def view(request):
        seen.append(len(request.body))
        return HttpResponse()

    response = WholeBody(view)(request)

    assert seen == ([expected] if response.status_code == 200 else [])
    assert (response.status_code == 413) is (expected == "refused")


class _Broken(io.BytesIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def read(self, _size: int | None = -1, /) -> bytes:
        raise self.error


@pytest.mark.parametrize("error", [InvalidChunkSize(b"ZZ"), NoMoreData()])
def test_broken_chunks_are_the_callers_mistake(error) -> None:
    request = RequestFactory().post("/", HTTP_TRANSFER_ENCODING="chunked")
    request.META.pop("CONTENT_LENGTH", None)
    request.environ["wsgi.input"] = _Broken(error)

    response = WholeBody(lambda _: HttpResponse())(request)

    assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        rb'{"target": "\ud800"}',
        rb'{"\ud800": 1}',
        b'{"target": "\xe9"}',
        b'{"ra": NaN}',
        b"{",
    ],
    ids=["deep list", "deep object", "surrogate", "surrogate key", "Latin-1", "NaN", "cut off"],
)
def test_json_that_cannot_be_read_is_the_callers_mistake(body) -> None:
    response = Client().post("/esap-api/query/searches", body, "application/json")

    assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)
    assert response.json()["detail"].startswith("The body cannot be read: it is not JSON: ")


@pytest.mark.parametrize(
    ("query", "accept", "expected"),
    [
        ("", "*/*", "json"),
        ("", "application/json", "json"),
        ("", "text/csv", "csv"),
        ("", "text/csv;q=0.5, application/x-votable+xml", "votable"),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", "json"),
        ("", "application/vnd.apache.parquet", "parquet"),
        ("", "application/x-ndjson", "ndjson"),
        ("?format=arrow", "text/csv", "arrow"),
    ],
)
def test_the_format_is_chosen_by_parameter_or_by_accept(query, accept, expected) -> None:
    request = RequestFactory().get(f"/{query}", HTTP_ACCEPT=accept)

    assert table_format(request) == expected


def test_a_format_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(NotAcceptable, match="'xlsx' is not one of json, json-columns"):
        table_format(RequestFactory().get("/?format=xlsx"))
    with pytest.raises(NotAcceptable, match="text/csv"):
        table_format(RequestFactory().get("/", HTTP_ACCEPT="image/png"))


def test_only_so_much_may_be_in_flight_for_one_caller() -> None:
    slots = Slots("searches")
    slots.take("a", 2)
    slots.take("a", 2)

    with pytest.raises(TooManyRequests) as refused:
        slots.take("a", 2)
    slots.take("b", 2)
    slots.give_back("a")
    slots.take("a", 2)

    assert refused.value.extensions == {"running": 2, "limit": 2, "retry_after": 1}


def test_a_callers_address_behind_our_proxy_is_the_one_the_proxy_saw(settings) -> None:
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR="6.6.6.6, 192.0.2.7")

    assert caller_key(request) == "127.0.0.1"
    settings.BEHIND_PROXY = True
    assert caller_key(request) == "192.0.2.7"


JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize(
    "path",
    [f"/esap-api/?access_token={JWT}", f"/?x={JWT}", f"/esap-api/jobs/{JWT}", f"/esap-api/?{JWT}"],
)
def test_a_token_in_an_address_is_refused_and_not_repeated(client, path, accept):
    answer = client.get(path, headers={"accept": accept})

    assert answer.status_code == 400
    assert "There is a token in the address" in answer.content.decode()
    assert JWT not in answer.content.decode()


def test_the_code_of_a_login_may_look_like_a_token(client):
    answer = client.get(f"/esap-api/?code={JWT}")

    assert answer.status_code == 200
