"""Counting requests, by route."""

import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from esap.health.registry import requests_served, seconds_taken

__all__ = ["RequestFigures"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestFigures:
    """Count each request and how long it took; by its route, as of paths there is no end.

    A client may name any method it likes; those that are none are counted together.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        found = request.resolver_match
        route = found.view_name if found else "none"
        method = request.method if request.method in _METHODS else "other"
        seconds_taken.labels(method, route).observe(time.perf_counter() - began)
        requests_served.labels(method, route, str(response.status_code)).inc()
        return response
