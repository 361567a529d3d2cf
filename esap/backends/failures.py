"""What went wrong with a call, in words.

No sentence quotes a URL, a header or a peer's text: they may hold secrets.
"""

import ssl
from http import HTTPStatus
from http.client import HTTPException

from requests import RequestException, Response
from urllib3.exceptions import (
    ClosedPoolError,
    HTTPError,
    IncompleteRead,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from esap.backends.retries import retry_after
from esap.errors import (
    BackendFailed,
    BackendRefused,
    BackendTimedOut,
    BackendUnavailable,
    EsapError,
    InvalidRequest,
    NotFound,
    UnreadableAnswer,
)

__all__ = ["of_answer", "of_body", "of_exchange", "of_request", "of_time"]


def of_request(error: RequestException) -> EsapError:
    """Explain a request that could not even be written."""
    kind = type(error).__name__
    return InvalidRequest(
        f"The request cannot be sent ({kind}): check its address, and that no header value has a "
        "line break or a space in front."
    )


def of_time(title: str, allowed: str, received: int) -> EsapError:
    """Explain that the deadline passed."""
    did = f"had sent {received} bytes" if received else "had not answered"
    return BackendTimedOut(
        f"{title} {did} when the {allowed} it was allowed were over. "
        "Try again, ask for less, or allow more time."
    )


def of_exchange(error: HTTPError, title: str) -> EsapError:  # noqa: PLR0911 - a table of cases
    """Explain why no answer came, by urllib3's error."""
    cause = error.args[-1] if error.args else None
    match error:
        case ReadTimeoutError():
            return BackendTimedOut(f"{title} was silent for too long. Try again later.")
        case SSLError() if isinstance(cause, ssl.SSLCertVerificationError):
            return BackendFailed(
                f"{title} cannot be trusted ({cause.verify_message.rstrip('.')}). Tell those who "
                "run it; for an authority of your own, the operator sets ca_bundle in the "
                "entry, or ESAP_CA_BUNDLE."
            )
        case SSLError() if (refusal := _refused_certificate(cause)) is not None:
            return BackendRefused(
                f"{title} does not take the gateway's certificate, or wants one ({refusal}). Tell "
                "the operator of the gateway."
            )
        case SSLError():
            return BackendUnavailable(
                f"{title} cannot be reached: no TLS connection could be made. Try again later."
            )
        case ProxyError():
            return BackendUnavailable(
                f"{title} cannot be reached: the outbound proxy does not let us through to it. "
                "Tell the operator of the gateway."
            )
        case ProtocolError() if isinstance(cause, OSError):
            return BackendUnavailable(
                f"{title} closed the connection without an answer. Try again later."
            )
        case ProtocolError() if isinstance(cause, HTTPException):
            return UnreadableAnswer(f"{title} does not answer in HTTP. Check the entry's address.")
        case ClosedPoolError():
            return BackendUnavailable(f"{title} could not be asked just now. Try again.")
        case _:
            return BackendFailed(f"The call to {title} failed ({type(error).__name__}).")


def _refused_certificate(cause: object) -> str | None:
    """Return the peer's alert about a certificate of ours (RFC 8446, section 6.2), if it is one."""
    reason = str(getattr(cause, "reason", None) or "")
    _, is_alert, alert = reason.partition("_ALERT_")
    # The last is of a certificate whose signature does not fit.
    is_about = "CERTIFICATE" in alert or alert in {"UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR"}
    return alert.replace("_", " ").lower() if is_alert and is_about else None


def of_body(error: HTTPError, title: str, received: int) -> EsapError:
    """Explain why an answer that had begun could not be read to its end."""
    missing = ""
    cause = error.args[-1] if error.args else None
    if isinstance(cause, IncompleteRead) and cause.expected:
        missing = f", {cause.expected} bytes before its end"
    return UnreadableAnswer(
        f"The answer of {title} broke off after {received} bytes{missing}. Try again."
    )


def of_answer(response: Response, title: str) -> EsapError | None:  # noqa: PLR0911 - a table
    """Explain an answer that is an error by its HTTP status; None if it is not."""
    status = response.status_code
    if status < HTTPStatus.BAD_REQUEST:
        return None
    what = f"{status} {_phrase(status)}".strip()
    match status:
        case 401:
            return BackendRefused(
                f"{title} wants to know who asks (401). Log in, or ask for access there."
            )
        case 403:
            return BackendRefused(f"{title} does not allow this (403). Ask for access there.")
        case 404 | 410:
            return NotFound(f"{title} has nothing at this address ({what}).")
        case 429 | 502 | 503 | 504:
            seconds = retry_after(response)
            if seconds is None:
                return BackendUnavailable(f"{title} is not available now ({what}). Try later.")
            return BackendUnavailable(
                f"{title} is not available now ({what}). It asks to be tried again in "
                f"{seconds:.0f} s.",
                retry_after=round(seconds),
            )
        case _:
            return BackendFailed(f"{title} answered {what}.")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
