"""A small file of the user's becomes a DID in a scope of the user's: a result, say, to share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from accounts.tokens import token_for
from esap.errors import (
    AlreadyExists,
    EsapError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    OverQuota,
    TooLarge,
)
from rucio_app.backends.base import DataLake
from rucio_app.backends.values import Item
from rucio_app.backends.writing import Described, Measured, WritableLake
from rucio_app.services.access import as_service, as_user
from rucio_app.services.downloads import is_of_storage

__all__ = ["Incoming", "Uploaded", "refuse_too_large", "upload"]

_COMMENT = "uploaded through ESAP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A file as it is brought: `size` in bytes, `lifetime` in seconds.

    No `rse` is the entry's own, no `lifetime` the lake's usual one, no `dataset` none.
    """

    item: Item
    file: BinaryIO
    size: int
    rse: str = ""
    lifetime: int | None = None
    dataset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A file that is in the lake, and the rule that keeps it there for so many seconds."""

    file: Described
    rse: str
    dataset: str
    rule: str
    lifetime: int


def refuse_too_large(lake: DataLake, size: int) -> None:
    """Refuse a file over the entry's limit, and any at a lake that takes none."""
    most = _writable(lake).config.max_upload_bytes
    if size > most:
        raise TooLarge(
            f"{lake.config.title} takes files of up to {most} bytes through the gateway. Upload "
            "larger ones with Rucio's own client.",
            limit=most,
        )


def upload(lake: DataLake, user: Any, wanted: Incoming) -> Uploaded:
    """Write a file to the storage, register it, and protect it by a rule, all in the user's name.

    What cannot be done is refused before a byte is sent: `NotAllowed` for a scope of others',
    `AlreadyExists`, `OverQuota`, `InvalidRequest` for a storage that takes no files. What fails
    later leaves nothing behind, or says what it leaves.
    """
    there = _writable(lake)
    refuse_too_large(there, wanted.size)
    rse, lifetime = _target(there, wanted)
    account, link = as_user(there, user, lambda token: _place(there, wanted, rse, token))
    token = _storage_token(there, user)
    measured = Measured(wanted.file, wanted.size)
    there.write(link, measured, token)
    file = measured.described(wanted.item)
    try:
        as_user(there, user, lambda own: there.register(file, rse, wanted.dataset, own))
        (rule,) = as_user(
            there,
            user,
            lambda own: there.make_rules(
                [wanted.item],
                own,
                account=account,
                rse_expression=rse,
                copies=1,
                lifetime=lifetime,
                comment=_COMMENT,
            ),
        )
    except EsapError as error:
        _undo(lambda: _take_back(there, user, file, rse=rse, link=link, token=token), error, link)
        raise
    return Uploaded(file=file, rse=rse, dataset=wanted.dataset, rule=rule, lifetime=lifetime)


def _writable(lake: DataLake) -> WritableLake:
    if not isinstance(lake, WritableLake) or lake.config.storage is None:
        raise NotAllowed(
            f"{lake.config.title} takes no files through the gateway. The operator of the gateway "
            "can name a storage for them in the entry."
        )
    return lake


def _target(lake: WritableLake, wanted: Incoming) -> tuple[str, int]:
    config = lake.config
    rse = wanted.rse or config.upload_rse
    if not rse:
        raise InvalidRequest("rse: name a storage element; they are listed under storages/.")
    lifetime = wanted.lifetime or config.lifetime
    if lifetime > config.longest_lifetime:
        raise InvalidRequest(f"lifetime: data stay at most {config.longest_lifetime} s.")
    return rse, lifetime


def _place(lake: WritableLake, wanted: Incoming, rse: str, token: str) -> tuple[str, str]:
    """Return the user's account, and the link to write to; refuse what can never be done."""
    item, title = wanted.item, lake.config.title
    account = lake.account(token)
    own = lake.scopes_of(account, token)
    if item.scope not in own:
        known = ", ".join(sorted(own)) or "none"
        raise NotAllowed(
            f"scope: {item.scope} is not yours at {title}. Of your account {account} are: {known}."
        )
    if _is_known(lake, item, token):
        raise AlreadyExists(f"{title} has {item} already, and DIDs never change. Take a new name.")
    if wanted.dataset:
        dataset = lake.did(Item(item.scope, wanted.dataset), token)
        if dataset.type != "dataset" or dataset.open is False:
            raise InvalidRequest(f"dataset: {wanted.dataset} is no dataset that is open.")
    free = {usage.rse: usage.remaining for usage in lake.usage(account, token)}.get(rse, 0)
    if free is not None and wanted.size > free:
        raise OverQuota(
            f"The file has {wanted.size} bytes, and your account {account} may put {free} more at "
            f"{rse}. Choose another place, or ask the operators of {title} for more.",
            peer=lake.config.id,
            size=wanted.size,
            free=free,
        )
    link = lake.place_for(item, rse, token)
    if not is_of_storage(lake, link):
        raise InvalidRequest(
            f"rse: the gateway writes only to {lake.config.storage}, and {rse} is elsewhere."
        )
    return account, link


def _is_known(lake: WritableLake, item: Item, token: str) -> bool:
    try:
        lake.did(item, token)
    except NotFound:
        return False
    return True


def _storage_token(lake: WritableLake, user: Any) -> str:
    config = lake.config
    if not config.storage_audience:
        return ""
    return token_for(user, config.storage_audience, config.storage_scopes).token


def _take_back(
    lake: WritableLake, user: Any, file: Described, *, rse: str, link: str, token: str
) -> None:
    """Remove a file; where Rucio may know it already, by Rucio, which then forgets it as well."""
    if as_user(lake, user, lambda own: _is_known(lake, file.item, own)):
        as_service(lake, lambda service: lake.let_go(file.item, rse, service))
    else:
        lake.remove(link, token)


def _undo(take_back: Callable[[], None], error: EsapError, link: str) -> None:
    """Take back what was done; if it cannot be, raise the same error, which then says so."""
    try:
        take_back()
    except EsapError as problem:
        raise type(error)(
            f"{error.detail} The file that was written, {link}, could not be removed "
            f"({problem.detail})",
            **error.extensions,
        ) from error
