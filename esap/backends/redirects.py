"""Where a redirect leads, and what may go there."""

from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, RequestException, Response

from esap.backends.address import check_url
from esap.errors import BackendFailed

__all__ = ["MOST_REDIRECTS", "next_hop", "origin"]

MOST_REDIRECTS = 5

# All others may be credentials (X-Rucio-Auth-Token, X-SLURM-USER-TOKEN), and stay with the origin.
_HARMLESS = {
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "content-type",
    "if-modified-since",
    "if-none-match",
    "range",
    "user-agent",
}
_OF_THE_BODY = ("Content-Length", "Content-Type", "Transfer-Encoding")


def next_hop(request: PreparedRequest, response: Response, title: str) -> PreparedRequest | None:
    """Return the request that follows the redirect, or None if the response is none.

    Credentials never leave the origin (scheme, host and port; RFC 6454), nor go from https to http;
    a body never goes to another host. Raises `BackendFailed` or `ForbiddenAddress`.
    """
    location = response.headers.get("Location")
    if response.status_code not in {301, 302, 303, 307, 308} or not location:
        return None
    here = request.url or ""
    # http.client reads headers as Latin-1; where they are not ASCII, servers mean UTF-8.
    location = location.encode("latin-1").decode("utf-8", "replace")
    hop = request.copy()
    try:
        there = urljoin(here, location)
        host = check_url(there)
        hop.prepare_url(there, None)
    except (ValueError, RequestException) as error:
        raise BackendFailed(
            f"{title} redirects to something that is not an address. Tell those who run it."
        ) from error
    if _becomes_get(response.status_code, request.method or "GET"):
        hop.method = "GET"
        hop.body = None
        for name in _OF_THE_BODY:
            hop.headers.pop(name, None)
    if hop.body is not None and host != check_url(here):
        raise BackendFailed(
            f"{title} redirects a form to another host, {host}, and the gateway does not send it "
            "there. If the service has moved, its entry needs the new address."
        )

    secret = [name for name in hop.headers if name.lower() not in _HARMLESS]
    if secret and urlsplit(here).scheme == "https" and urlsplit(there).scheme == "http":
        raise BackendFailed(
            f"{title} redirects a request with credentials from https to http, and the gateway "
            "does not follow. Tell those who run the service."
        )
    if origin(here) != origin(there):
        for name in secret:
            del hop.headers[name]
    return hop


def _becomes_get(status: int, method: str) -> bool:
    """RFC 9110, section 15.4: 303 always, 301 and 302 by custom after a POST."""
    if method in {"GET", "HEAD"}:
        return False
    return status == HTTPStatus.SEE_OTHER or (status in {301, 302} and method == "POST")


def origin(url: str) -> tuple[str, str, int]:
    """Return what the things of one origin have in common: scheme, host and port (RFC 6454)."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return parts.scheme, (parts.hostname or "").rstrip("."), port
