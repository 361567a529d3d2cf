"""The gateway's only way out: a `requests.Session` per peer.

docs/explanation/outbound-http.md tells what it holds to, and why.
"""

import math
from codecs import BOM_UTF8
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic
from typing import Any

import orjson
from pydantic import AnyUrl
from requests import PreparedRequest, Request, RequestException, Response, Session
from requests.cookies import extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from esap.backends import failures, retries
from esap.backends.address import check_url
from esap.backends.base import BackendConfig
from esap.backends.body import Body
from esap.backends.breaker import Breaker
from esap.backends.call import Call
from esap.backends.certificates import ClientCertificate
from esap.backends.deadline import Scope, current_scope
from esap.backends.decoding import ACCEPTED
from esap.backends.identified import IdentifiedTransport
from esap.backends.proxy import Proxy
from esap.backends.redirects import MOST_REDIRECTS, next_hop
from esap.backends.transport import Exchange, Transport
from esap.errors import (
    BackendFailed,
    BackendTimedOut,
    BackendUnavailable,
    EsapError,
    UnreadableAnswer,
)

__all__ = ["PeerResponse", "PeerSession", "open_session"]


def open_session(
    config: BackendConfig,
    *,
    proxy: str = "",
    ca_bundle: str = "",
    user_agent: str = "esap-api-gateway",
) -> "PeerSession":
    """Return the session for one peer. Keep it: the pool and the breaker live in it."""
    return PeerSession(
        config, proxy=proxy, ca_bundle=str(config.ca_bundle or ca_bundle), user_agent=user_agent
    )


class PeerResponse(Response):
    """An answer whose body is guarded; see `Body`."""

    raw: Body

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def json(self, **_kwargs: Any) -> Any:
        """Return the parsed body, or raise `UnreadableAnswer`.

        By orjson, which refuses what Python's parser lets through or breaks on: NaN and infinity,
        text that is no Unicode, and nesting without end. JSON is UTF-8 (RFC 8259, section 8.1).
        """
        try:
            return orjson.loads(self.content.removeprefix(BOM_UTF8))
        except orjson.JSONDecodeError as error:
            raise UnreadableAnswer(
                f"{self._title} answered with something other than the JSON that was expected."
            ) from error


class PeerSession(Session):
    """Talks to one peer. Threads share it; it keeps no cookies. It raises only `esap.errors`.

    A call ends with the scope around it (`esap.backends.deadline`), or after the entry's `timeout`
    where there is none. Calls of `GET` and `HEAD` are repeated when a connection fails or the
    answer is 502, 503 or 504; others only if they say `idempotent=True`.
    """

    def __init__(
        self, config: BackendConfig, *, proxy: str, ca_bundle: str, user_agent: str
    ) -> None:
        super().__init__()
        self.config = config
        self.breaker = Breaker(config.id, config.title)
        self.trust_env = False  # A proxy or .netrc of the host must not leak in.
        self.headers["User-Agent"] = user_agent
        self.headers["Accept-Encoding"] = ACCEPTED
        self._options = {"proxy": proxy, "ca_bundle": ca_bundle, "user_agent": user_agent}
        self._proxy = Proxy(proxy) if proxy else None
        self._use(Transport(ca_bundle))
        self._private_hosts = _own_hosts(config) if config.private_network else frozenset()

    def showing(self, certificate: ClientCertificate) -> "PeerSession":
        """Return a session that shows a certificate, at the entry's own address only; close it.

        It shares the breaker, and no connections. Raises `BackendFailed` if the certificate cannot
        be read or is not valid today.
        """
        transport = IdentifiedTransport(self.config, self._options["ca_bundle"], certificate)
        session = PeerSession(self.config, **self._options)
        session.breaker = self.breaker
        session._use(transport)
        return session

    def apart(self) -> "PeerSession":
        """Return a session of its own for another server of the same entry, such as its storage.

        It shares nothing: that the one is ill says nothing of the other.
        """
        return PeerSession(self.config, **self._options)

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        *,
        stream: bool = False,
        timeout: float | None = None,
        allow_redirects: bool = True,
        idempotent: bool = False,
        verify: bool = True,
        **parts: Any,
    ) -> PeerResponse:
        """Make a call; `timeout` is its total deadline. TLS is verified, whatever `verify` says."""
        check_url(url)
        request = Request(method.upper(), url, params=params, data=data, headers=headers, **parts)
        try:
            prepared = self.prepare_request(request)
        except RequestException as error:
            raise failures.of_request(error) from error
        return self.send(
            prepared,
            stream=stream,
            timeout=timeout,
            allow_redirects=allow_redirects,
            idempotent=idempotent,
        )

    def get(self, url: str, **kwargs: Any) -> PeerResponse:  # type: ignore[override]
        """Make a GET call."""
        return self.request("GET", url, **kwargs)

    def post(self, url: str, data: Any = None, **kwargs: Any) -> PeerResponse:  # type: ignore[override]
        """Make a POST call."""
        return self.request("POST", url, data=data, **kwargs)

    def send(  # type: ignore[override]
        self,
        request: PreparedRequest,
        *,
        stream: bool = False,
        timeout: float | None = None,
        allow_redirects: bool = True,
        idempotent: bool = False,
    ) -> PeerResponse:
        """Send a prepared request, follow redirects, and read the body unless it is streamed."""
        check_url(request.url or "")
        started = monotonic()
        call = Call(self.config, request, self._scope(timeout), self.breaker)
        try:
            response = self._follow(request, call, redirects=allow_redirects, idempotent=idempotent)
            response.elapsed = timedelta(seconds=monotonic() - started)
            if not stream:
                _ = response.content
        except EsapError as error:
            raise call.failed(error) from error.__cause__
        return response

    def chunks(self, response: Response, size: int = 1 << 18) -> Iterator[bytes]:
        """Yield the decoded body in pieces of up to `size` bytes, as soon as they come."""
        with response:
            yield from response.raw.stream(size)

    def expect(self, response: Response) -> Response:
        """Return the response if its status is below 400; close it and raise what it means if not.

        401 and 403 are `BackendRefused`; 404 and 410 `NotFound`; 429, 502, 503 and 504
        `BackendUnavailable`, with `retry_after` if the peer said; all others `BackendFailed`.
        """
        error = failures.of_answer(response, self.config.title)
        if error is not None:
            response.close()
            error.extensions.setdefault("peer", self.config.id)
            raise error
        return response

    def _use(self, transport: Transport) -> None:
        self._transport = transport
        self.mount("http://", transport)
        self.mount("https://", transport)

    def _scope(self, timeout: float | None) -> Scope:
        around = current_scope()
        if timeout is None and (around is None or math.isinf(around.ends)):
            timeout = self.config.timeout
        return Scope(timeout, around)

    def _follow(
        self, request: PreparedRequest, call: Call, *, redirects: bool, idempotent: bool
    ) -> PeerResponse:
        history: list[Response] = []
        while True:
            response = self._insist(request, call, idempotent=idempotent)
            try:
                hop = next_hop(request, response, self.config.title) if redirects else None
            except EsapError:
                response.raw.discard()
                raise
            if hop is None:
                call.answered(response)
                response.history = history
                return response
            response.raw.discard()
            history.append(response)
            if len(history) > MOST_REDIRECTS:
                raise BackendFailed(
                    f"{self.config.title} redirects more than {MOST_REDIRECTS} times. Check the "
                    "entry's address."
                )
            request = hop

    def _insist(self, request: PreparedRequest, call: Call, *, idempotent: bool) -> PeerResponse:
        """Exchange, and do it again where that is harmless and may help."""
        repeatable = retries.is_repeatable(request, idempotent=idempotent)
        retry = 0
        surprised = False
        while True:
            exchange = Exchange(self.config.title, call.scope, self._private_hosts)
            response: PeerResponse | None = None
            try:
                response = self._exchange(request, exchange, call)
            except BackendTimedOut:
                raise
            except BackendUnavailable:
                # The resolver has tried again by itself.
                if not repeatable or not exchange.resolved:
                    raise
                if exchange.reused and not surprised:
                    # The peer closed an idle connection just as we took it up.
                    surprised = True
                    continue
                pause = retries.pause_before(retry, None)
                if retry == retries.MOST_RETRIES or pause >= call.scope.remaining():
                    raise
            else:
                if not repeatable or not retries.is_passing(response):
                    return response
                pause = retries.pause_before(retry, response)
                if retry == retries.MOST_RETRIES or pause >= call.scope.remaining():
                    return response
                response.raw.discard()
            call.scope.sleep(pause)
            retry += 1

    def _exchange(self, request: PreparedRequest, exchange: Exchange, call: Call) -> PeerResponse:
        try:
            proxies = self._proxies_for(request, exchange)
            answer = self._transport.exchange(request, exchange, proxies)
        except HTTPError as error:
            exchange.release()
            raise call.explain(error) from error
        except EsapError:
            exchange.release()
            raise
        return self._response(request, answer, call)

    def _proxies_for(self, request: PreparedRequest, exchange: Exchange) -> dict[str, str]:
        """Return the proxy to use, if any; the operator's private peers are reached directly."""
        host = check_url(request.url or "")
        if self._proxy is None or host in self._private_hosts:
            return {}
        self._proxy.check(host, exchange)
        return self._proxy.proxies

    def _response(
        self, request: PreparedRequest, answer: BaseHTTPResponse, call: Call
    ) -> PeerResponse:
        response = PeerResponse(self.config.title)
        response.request = request
        response.url = request.url or ""
        response.status_code = answer.status
        response.reason = answer.reason or ""
        response.headers = CaseInsensitiveDict(answer.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        extract_cookies_to_jar(response.cookies, request, answer)  # type: ignore[no-untyped-call]
        response.raw = Body(answer, call)
        return response


def _own_hosts(config: BackendConfig) -> frozenset[str]:
    """Return the hosts that the operator wrote into the entry."""
    urls = [value for _, value in config if isinstance(value, AnyUrl)]
    return frozenset(str(url.host).strip("[]").lower().rstrip(".") for url in urls if url.host)
