"""Which columns hold sealed secrets, and the place that each secret is sealed for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from accounts.models import Grant, PeerToken

__all__ = ["SEALED", "SealedColumn", "id_place", "peer_token_place", "refresh_place"]


def refresh_place(grant: Grant) -> str:
    """Return what a grant's refresh token is bound to (`esap.vault.seal`): the row and its user."""
    return f"grant {grant.pk} of {grant.user_id} refresh"


def id_place(grant: Grant) -> str:
    """Return what a grant's ID token is bound to."""
    return f"grant {grant.pk} of {grant.user_id} id"


def peer_token_place(grant: Grant, audience: str, scope: str) -> str:
    """Return what a peer's access token is bound to; `scope` as it is stored."""
    return f"peer-token {grant.pk} of {grant.user_id} {audience} {scope}"


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column with sealed text, how the place of a row's secret is told, and what that needs."""

    model: type[Model]
    column: str
    place: Callable[[Any], str]
    needs: tuple[str, ...] = ()


SEALED = (
    SealedColumn(Grant, "refresh_token", refresh_place),
    SealedColumn(Grant, "id_token", id_place),
    SealedColumn(
        PeerToken,
        "token",
        lambda row: peer_token_place(row.grant, row.audience, row.scope),
        needs=("grant",),
    ),
)
"""All of them: `manage.py reseal` would forget a column that is not here."""
