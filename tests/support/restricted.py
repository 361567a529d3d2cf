"""Two archives, one of which is for a group only; somebody of that group, and others."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client

from tests.support.entries import MAPPINGS, star_archive, write_entries
from tests.support.fakes.tap import FakeTap

__all__ = [
    "ABOUT", "GROUP", "SECRETS", "Callers", "configure", "search", "vault_was_asked",
]  # fmt: skip

VAULT_MAPPING = {
    "id": "vaulted",
    "number": 66,
    "parameters": {"ra": "ra", "dec": "dec", "vaultdoor": "name"},
}
GROUP = "goldkeys"
ABOUT = ("vault", "crypt", "ok,number=2", "stable-of-treasures")
"""Texts, in lower case, that are nowhere but in the entry of the archive."""
SECRETS = (*ABOUT, GROUP)
"""Texts of which none may reach those who may not use the archive."""


def vault(fake: FakeTap, **changes: Any) -> dict[str, Any]:
    """Return the entry of the archive that is for a group only."""
    return star_archive(
        "vault",
        fake.url(number=2),
        number=7,
        order=1,  # before the open one, so that places would shift
        title="The Crypt",
        institute="Stable-of-Treasures",
        groups=[f"/{GROUP}"],
        mapping="vaulted",
        catalog={"id": "vault-tap", "number": 77},
        datasets=[
            {"id": "vault-stars", "number": 71, "name": "Vaulted stars", "table": "sky.stars",
             "collection": "", "level": "crypt-level", "category": "crypt-category"}
        ],
        **changes,
    )  # fmt: skip


def configure(settings: Any, folder: Path, fake: FakeTap, **sections: Any) -> None:
    """Have an archive that is for everybody configured, and one that is for a group only."""
    folder.mkdir(exist_ok=True)
    settings.ENTRY_FILES = write_entries(
        folder,
        [vault(fake), star_archive("open", fake.url(number=1), number=8, title="Open stars")],
        mappings=[*MAPPINGS, VAULT_MAPPING],
        **sections,
    )


def vault_was_asked(fake: FakeTap) -> bool:
    """Whether any request came to the archive that is for a group only."""
    return any(request.archive == "ok,number=2" for request in fake.requests)


@dataclass
class Callers:
    """Clients: of a member of the group, of somebody in another group, and of nobody known."""

    member: Client
    stranger: Client
    nobody: Client

    @classmethod
    def make(cls) -> "Callers":
        """Log two users in."""
        return cls(
            _logged_in("member", [GROUP, "escape"]),
            _logged_in("stranger", ["escape"]),
            Client(),
        )

    def named(self, name: str) -> Client:
        """Return one of them."""
        return {"member": self.member, "stranger": self.stranger, "nobody": self.nobody}[name]


def search(client: Client, accept: str = "application/json", **asked: Any) -> Any:
    """Search, and return the answer as it came."""
    path = "/esap-api/query/searches/"
    return client.post(path, json.dumps(asked), "application/json", headers={"accept": accept})


def _logged_in(name: str, groups: list[str]) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_user(name, claimed_groups=groups))
    return client
