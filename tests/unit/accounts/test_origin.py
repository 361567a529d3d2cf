"""Which writes may come with a cookie: those of our own pages, and of the origins let in."""

import pytest
from django.middleware.csrf import get_token
from django.test import RequestFactory
from rest_framework.request import Request

from accounts.origin import check_origin
from esap.errors import NotAllowed

PATH = "/esap-api/accounts/baskets/default/"


def request(method="PATCH", *, secure=False, **headers):
    return RequestFactory().generic(method, PATH, secure=secure, headers=headers)


def with_csrf_token(method="PATCH", *, token=None, **headers):
    made = request(method, **headers)
    real = get_token(made)
    made.COOKIES["csrftoken"] = made.META["CSRF_COOKIE"]
    made.META["HTTP_X_CSRFTOKEN"] = real if token is None else token
    return made


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_to_read_is_allowed_from_anywhere(method):
    check_origin(request(method, Origin="https://evil.example.org", Sec_Fetch_Site="cross-site"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://testserver"},
        {"Origin": "HTTP://TestServer"},
        {"Origin": "https://gui.example.org"},
        {"Origin": "https://gui.example.org", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_page_of_ours_or_of_an_origin_let_in_may_write(settings, method, headers):
    settings.CORS_ALLOWED_ORIGINS = ["https://gui.example.org"]

    check_origin(request(method, **headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.org"},
        {"Origin": "https://evil.example.org", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://testserver"},
        {"Origin": "http://testserver:8080"},
        {"Origin": "http://testserver.evil.example.org"},
        {"Origin": "http://testserver/"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
        {},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_page_of_another_site_may_not_write(method, headers):
    with pytest.raises(NotAllowed, match="may come from a page of another site"):
        check_origin(request(method, **headers))


def test_our_own_origin_is_that_of_the_scheme_in_use():
    check_origin(request(secure=True, Origin="https://testserver"))
    with pytest.raises(NotAllowed):
        check_origin(request(secure=True, Origin="http://testserver"))


def test_who_says_nothing_of_the_page_needs_a_csrf_token():
    check_origin(with_csrf_token())
    with pytest.raises(NotAllowed):
        check_origin(with_csrf_token(token="x" * 64))


@pytest.mark.parametrize("headers", [{"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_a_csrf_token_opens_nothing_to_another_site(headers):
    with pytest.raises(NotAllowed):
        check_origin(with_csrf_token(**headers))


def test_a_request_of_drf_is_as_good():
    check_origin(Request(request(Origin="http://testserver")))
    with pytest.raises(NotAllowed):
        check_origin(Request(request(Origin="null")))
