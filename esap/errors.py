"""Errors the gateway expects and can explain.

Services and backends raise these; they know nothing of HTTP frameworks. The API turns them into
problem documents (`esap.api.problems`); `retryable` says whether the same may work later. Each
class is one cause: its slug is stable, and is documented in docs/reference/problems.md.
"""

from http import HTTPStatus
from typing import ClassVar

from esap.redaction import without_tokens

__all__ = [
    "AlreadyExists",
    "BackendFailed",
    "BackendRefused",
    "BackendTimedOut",
    "BackendUnavailable",
    "Cancelled",
    "ChangedMeanwhile",
    "EsapError",
    "ForbiddenAddress",
    "InvalidRequest",
    "InvalidToken",
    "KeyReused",
    "LoginAgain",
    "LoginFailed",
    "LoginRequired",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotAllowed",
    "NotConnected",
    "NotFound",
    "NotReady",
    "OverQuota",
    "PartsFailed",
    "PreconditionRequired",
    "QueryRejected",
    "SwitchedOff",
    "TooLarge",
    "TooManyRequests",
    "UnreadableAnswer",
    "UnsupportedMediaType",
    "WorkLost",
    "WrongPhase",
    "error_named",
]


class EsapError(Exception):
    """The gateway itself made a mistake.

    The base of every expected error. `detail` is a sentence the user can act on; `extensions`
    become further members of the problem document (RFC 9457, section 3.2), such as `peer`.
    """

    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, **extensions: object) -> None:
        self.detail = _printable(detail)
        super().__init__(self.detail)
        self.extensions = extensions


class InvalidRequest(EsapError):
    """The caller asked for something that cannot be done as asked."""

    slug = "invalid-request"
    title = "Invalid request"
    status = HTTPStatus.BAD_REQUEST


class LoginRequired(EsapError):
    """Only a logged-in user may do this."""

    slug = "login-required"
    title = "Login required"
    status = HTTPStatus.UNAUTHORIZED


class OverQuota(EsapError):
    """What is asked for does not fit into what the caller may use at a peer."""

    slug = "over-quota"
    title = "Not enough quota"
    status = HTTPStatus.CONFLICT


class LoginFailed(EsapError):
    """A login did not end well: it was refused, given up, or came from another window."""

    slug = "login-failed"
    title = "Login failed"
    status = HTTPStatus.FORBIDDEN


class LoginAgain(EsapError):
    """The login that this needs has ended at the provider; only the user can make a new one."""

    slug = "login-again"
    title = "Log in again"
    status = HTTPStatus.UNAUTHORIZED


class InvalidToken(LoginRequired):
    """The token that came with the request is not accepted."""

    slug = "invalid-token"
    title = "Token not accepted"


class NotConnected(EsapError):
    """The user has no connection to a peer that has a login of its own, or it has ended."""

    slug = "not-connected"
    title = "Not connected"
    status = HTTPStatus.FORBIDDEN


class AlreadyExists(EsapError):
    """There is one of that name already."""

    slug = "already-exists"
    title = "Already exists"
    status = HTTPStatus.CONFLICT


class ChangedMeanwhile(EsapError):
    """What was to be changed has changed since the caller read it."""

    slug = "changed-meanwhile"
    title = "Changed meanwhile"
    status = HTTPStatus.PRECONDITION_FAILED


class PreconditionRequired(EsapError):
    """This change has to say which version it is meant for."""

    slug = "precondition-required"
    title = "Version is missing"
    status = HTTPStatus.PRECONDITION_REQUIRED


class NotAllowed(EsapError):
    """The caller is known, and may not do this."""

    slug = "not-allowed"
    title = "Not allowed"
    status = HTTPStatus.FORBIDDEN


class MethodNotAllowed(EsapError):
    """The resource exists and does not take this method."""

    slug = "method-not-allowed"
    title = "Method not allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED


class UnsupportedMediaType(EsapError):
    """The request body is of a type that the resource does not take."""

    slug = "unsupported-media-type"
    title = "Unsupported media type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class NotFound(EsapError):
    """The named resource does not exist, or the caller may not see it."""

    slug = "not-found"
    title = "Not found"
    status = HTTPStatus.NOT_FOUND


class NotAcceptable(EsapError):
    """None of the formats the caller accepts can be given."""

    slug = "not-acceptable"
    title = "Format not available"
    status = HTTPStatus.NOT_ACCEPTABLE


class TooLarge(EsapError):
    """A request, or a peer's answer, is larger than the gateway takes."""

    slug = "too-large"
    title = "Too large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TooManyRequests(EsapError):
    """The caller has as much work in flight as is allowed."""

    slug = "too-many-requests"
    title = "Too much at once"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retryable = True


class SwitchedOff(EsapError):
    """The operator has switched this off for now."""

    slug = "switched-off"
    title = "Switched off"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class KeyReused(EsapError):
    """The Idempotency-Key came before, with a request that was another one."""

    slug = "key-reused"
    title = "Idempotency-Key used for something else"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class WorkLost(EsapError):
    """The process that did the work died in the middle of it."""

    slug = "work-lost"
    title = "Work was lost"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    retryable = True


class PartsFailed(EsapError):
    """Some parts of a job failed; the others were carried out."""

    slug = "parts-failed"
    title = "Parts of the job failed"
    status = HTTPStatus.BAD_GATEWAY
    retryable = True


class WrongPhase(EsapError):
    """The job is not in a phase that allows this operation."""

    slug = "wrong-phase"
    title = "Job is in the wrong phase"
    status = HTTPStatus.CONFLICT


class Cancelled(EsapError):
    """The caller gave up, so the work was stopped."""

    slug = "cancelled"
    title = "Cancelled"
    status = HTTPStatus.CONFLICT


class NotReady(EsapError):
    """The gateway itself cannot serve yet, or not now: its own database or broker is away."""

    slug = "not-ready"
    title = "Gateway is not ready"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retryable = True


class ForbiddenAddress(EsapError):
    """A URL led to an address the gateway may not reach."""

    slug = "forbidden-address"
    title = "Address not allowed"
    status = HTTPStatus.FORBIDDEN


class BackendFailed(EsapError):
    """A peer answered, but not with anything we can use."""

    slug = "backend-failed"
    title = "Service failed"
    status = HTTPStatus.BAD_GATEWAY


class UnreadableAnswer(BackendFailed):
    """A peer's answer is truncated, malformed, or not what it says it is."""

    slug = "unreadable-answer"
    title = "Service gave an unreadable answer"


class QueryRejected(BackendFailed):
    """A peer understood the request and says that the query is at fault."""

    slug = "query-rejected"
    title = "Service rejected the query"


class BackendRefused(BackendFailed):
    """A peer rejected the user's credentials or permissions."""

    slug = "backend-refused"
    title = "Service refused the request"
    status = HTTPStatus.FORBIDDEN


class BackendUnavailable(BackendFailed):
    """A peer cannot be reached just now."""

    slug = "backend-unavailable"
    title = "Service unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retryable = True


class BackendTimedOut(BackendUnavailable):
    """A peer did not answer in time."""

    slug = "backend-timed-out"
    title = "Service timed out"
    status = HTTPStatus.GATEWAY_TIMEOUT


def error_named(slug: str) -> type[EsapError]:
    """Return the class of errors with this slug; `EsapError` itself if there is none."""
    known = (globals()[name] for name in __all__ if name != "error_named")
    return next((cls for cls in known if cls.slug == slug), EsapError)


_LONGEST = 2_000


def _printable(text: str) -> str:
    """Return one line of printable text: details quote callers and peers, who may write anything.

    They end in logs and on terminals, and in databases, of which some take no U+0000. Tokens are
    hidden: somebody may have sent one in the place of a name.
    """
    start = str(without_tokens(text[: 2 * _LONGEST]))[: _LONGEST + 1]
    if not start.isprintable():
        start = " ".join("".join(c if c.isprintable() else " " for c in start).split())
    return start if len(start) <= _LONGEST else f"{start[: _LONGEST - 3]}..."
