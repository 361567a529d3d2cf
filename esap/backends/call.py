"""One outbound call, from its beginning to its last byte."""

import time
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from requests import PreparedRequest, Response
from urllib3.exceptions import HTTPError

from esap.backends import failures
from esap.backends.base import BackendConfig
from esap.backends.breaker import Breaker
from esap.backends.deadline import Scope
from esap.errors import BackendTimedOut, BackendUnavailable, Cancelled, EsapError

__all__ = ["Call"]

log = structlog.get_logger(__name__)

# Nothing is learnt about an archive's health where a user allowed it less than this.
_FAIR_SECONDS = 3.0


class Call:
    """What all requests of one call share: redirects, retries, and the reading of the body.

    It ends once, by `finish`; the breaker and the log hear of that.
    """

    def __init__(
        self, config: BackendConfig, request: PreparedRequest, scope: Scope, breaker: Breaker
    ) -> None:
        self.title = config.title
        self.limit = config.max_bytes
        self.scope = scope
        self.received = 0
        self._config = config
        self._request = request
        self._breaker = breaker
        self._trial = breaker.admit()
        self._started = time.monotonic()
        self._finished = False
        self._status: int | None = None
        self._fell_over = False

    def check(self) -> None:
        """Raise `Cancelled` or `BackendTimedOut` if the call should stop."""
        if self.scope.cancelled:
            raise Cancelled(f"The call to {self.title} was stopped: it is no longer wanted.")
        if self.scope.over:
            raise failures.of_time(self.title, self.scope.allowed, self.received)

    def explain(self, error: HTTPError) -> EsapError:
        """Return what to raise where urllib3 found no answer."""
        return self._ended() or failures.of_exchange(error, self.title)

    def explain_break(self, error: HTTPError, received: int) -> EsapError:
        """Return what to raise where urllib3 found no more of an answer's body."""
        return self._ended() or failures.of_body(error, self.title, received)

    def failed(self, error: EsapError) -> EsapError:
        """End the call with this error, and return the error that tells best."""
        told = self._ended() or error
        told.extensions.setdefault("peer", self._config.id)
        self.finish(told)
        return told

    def _ended(self) -> EsapError | None:
        """Return the end of the scope, if that came; what follows it looks like a peer's fault."""
        try:
            self.check()
        except EsapError as ended:
            return ended
        return None

    def answered(self, response: Response) -> None:
        """Take note of the answer to which redirects and retries have led."""
        self._status = response.status_code
        self._fell_over = _fell_over(response)

    def finish(self, error: EsapError | None = None) -> None:
        """Take note of how the call ended; only the first time counts."""
        if self._finished:
            return
        self._finished = True
        self._tell_breaker(error)
        log.debug(
            "outbound.call",
            peer=self._config.id,
            method=self._request.method,
            host=urlsplit(self._request.url or "").hostname,
            status=self._status,
            seconds=round(time.monotonic() - self._started, 4),
            bytes=self.received,
            error=error.slug if error is not None else None,
        )

    def _tell_breaker(self, error: EsapError | None) -> None:
        if isinstance(error, BackendTimedOut):
            fair = self.scope.seconds > min(_FAIR_SECONDS, self._config.timeout / 2)
            ill = error.detail if fair else None
        elif isinstance(error, BackendUnavailable):
            ill = error.detail
        elif error is None and self._fell_over:
            ill = f"{self.title} answered {self._status}."
        else:
            ill = None

        if ill is not None:
            self._breaker.failed(ill)
        elif error is None:
            self._breaker.succeeded()
        else:
            self._breaker.abandoned(trial=self._trial)


def _fell_over(response: Response) -> bool:
    """Whether the peer itself is ill, not the query.

    Archives answer a bad query with 500 and a VOTable that says so (DALI 1.1, section 4.2); one
    user's mistakes must not take an archive from all others. So does Rucio, in a header that names
    the class of the error.
    """
    kind = response.headers.get("Content-Type", "").lower()
    broken = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    told = "xml" in kind or "votable" in kind or "ExceptionClass" in response.headers
    return broken and not told
