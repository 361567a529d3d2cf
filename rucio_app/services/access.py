"""In whose name a lake is asked: the user's, or the gateway's own."""

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.utils import timezone

from accounts.tokens import token_for
from accounts.tokens.giving import LEAST_LEFT
from esap.clients.rucio import CannotAuthenticate, Login
from esap.errors import BackendRefused, LoginAgain, LoginRequired, NotAllowed
from rucio_app.backends.base import DataLake, lakes

__all__ = ["as_reader", "as_service", "as_user", "has_service", "lake_for"]

T = TypeVar("T")
Question = Callable[[str], T]
"""What is asked of a lake with a token."""

_lock = Lock()
_locks: WeakKeyDictionary[DataLake, Lock] = WeakKeyDictionary()
"""One for each lake: whoever logs in at one that hangs keeps nobody else waiting."""
_logins: WeakKeyDictionary[DataLake, Login] = WeakKeyDictionary()


def lake_for(caller: Any, lake_id: str) -> DataLake:
    """Return a lake that the caller may use; `NotFound` lists those that there are."""
    return lakes.for_caller(caller).get(lake_id)


def as_user(lake: DataLake, user: Any, question: Question[T]) -> T:
    """Ask with the user's own token; once more with another, if the lake refuses the first.

    Raises `LoginAgain` if there is no login to get a token by, and `BackendRefused`, with what to
    ask the lake's operators, if the lake does not know the user.
    """
    config = lake.config
    given = token_for(user, config.audience, config.scopes)
    try:
        return question(given.token)
    except CannotAuthenticate:
        # It may have ended on its way, or been revoked.
        given = token_for(user, config.audience, config.scopes, instead_of=given.token)
    try:
        return question(given.token)
    except CannotAuthenticate as error:
        raise BackendRefused(
            f"{config.title} does not know you, or takes no tokens for {config.audience!r}. Ask "
            f"its operators to add the identity 'SUB={user.subject}, ISS={user.issuer}' (of type "
            "OIDC) to your account there.",
            peer=config.id,
        ) from error


def as_service(lake: DataLake, question: Question[T]) -> T:
    """Ask with the gateway's own account; `NotAllowed` if the entry names none."""
    login = _service_login(lake)
    try:
        return question(login.token)
    except CannotAuthenticate:
        login = _service_login(lake, instead_of=login)
    try:
        return question(login.token)
    except CannotAuthenticate as error:
        raise BackendRefused(
            f"{lake.config.title} does not take the gateway's own account. Tell the operator of "
            "the gateway.",
            peer=lake.config.id,
        ) from error


def as_reader(lake: DataLake, caller: Any, question: Question[T]) -> T:
    """Ask what may be read by the caller, or by anyone where the entry says so."""
    if caller is not None and caller.is_authenticated:
        try:
            return as_user(lake, caller, question)
        except LoginAgain:
            if not lake.config.anyone_reads:
                raise
    elif not lake.config.anyone_reads:
        raise LoginRequired(f"Log in to look around in {lake.config.title}.")
    return as_service(lake, question)


def has_service(lake: DataLake) -> bool:
    """Say whether the gateway has an account of its own there."""
    return getattr(lake.config, "service", None) is not None


def _service_login(lake: DataLake, *, instead_of: Login | None = None) -> Login:
    """Return a login that lasts a while; one for all who ask in this process."""
    with _lock:
        lock = _locks.setdefault(lake, Lock())
    with lock:
        known = _logins.get(lake)
        ends_soon = known is None or known.expires <= timezone.now() + LEAST_LEFT
        if known is not None and known is not instead_of and not ends_soon:
            return known
        login = lake.service_login()
        if login is None:
            raise NotAllowed(
                f"The gateway has no account of its own at {lake.config.title}, and users may not "
                "do this there. The operator of the gateway can add one to the entry."
            )
        _logins[lake] = login
        return login
