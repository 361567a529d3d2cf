"""Seal all stored secrets anew, with the key that comes first."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Model

from accounts.sealed import SEALED, SealedColumn
from esap.vault import CannotUnseal, is_sealed_by_first_key, seal, unseal

__all__ = ["Command"]

_ROWS_AT_ONCE = 500


class Command(BaseCommand):
    """Change keys: put a new one in front, run this, and then drop the old one."""

    help = "Seal all stored secrets anew with the first of ESAP_VAULT_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal column by column, and say how many there were.

        The gateway may run meanwhile, with the new keys, and this may be run again.
        """
        lost = 0
        for column in SEALED:
            counts = {"sealed anew": 0, "were so already": 0, "cannot be opened": 0}
            for row in _filled(column):
                counts[_reseal(column, row)] += 1
            lost += counts["cannot be opened"]
            told = ", ".join(f"{count} {what}" for what, count in counts.items())
            self.stdout.write(f"{column.model.__name__}.{column.column}: {told}.")
        if lost:
            raise CommandError(
                f"{lost} secrets cannot be opened with any of ESAP_VAULT_KEYS. Add the key that "
                "sealed them, and run this again; without it, their users have to log in anew."
            )


def _filled(column: SealedColumn) -> Iterator[Model]:
    """Yield the rows that hold a secret, a batch at a time."""
    rows: Any = column.model._default_manager  # noqa: SLF001 - Django documents it
    found = rows.exclude(**{column.column: ""}).order_by("pk")
    if column.needs:
        found = found.select_related(*column.needs)
    batch = list(found[:_ROWS_AT_ONCE])
    while batch:
        yield from batch
        batch = list(found.filter(pk__gt=batch[-1].pk)[:_ROWS_AT_ONCE])


def _reseal(column: SealedColumn, row: Any) -> str:
    """Seal one secret anew; one that has just been replaced is sealed by the first key anyway."""
    stored = getattr(row, column.column)
    place = column.place(row)
    try:
        secret = unseal(stored, bound_to=place)
    except CannotUnseal:
        return "cannot be opened"
    if is_sealed_by_first_key(stored):
        return "were so already"
    unchanged = type(row)._default_manager.filter(pk=row.pk, **{column.column: stored})  # noqa: SLF001
    unchanged.update(**{column.column: seal(secret, bound_to=place)})
    return "sealed anew"
