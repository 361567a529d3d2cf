"""All that a user may have with the gateway, and how each thing is addressed."""

from dataclasses import dataclass
from typing import Any

from accounts.backends.base import connections
from accounts.backends.grants import Tokens
from accounts.tokens import keep_connection
from tests.security.callers import Caller
from tests.security.routes import Operation

__all__ = ["ARCHIVE", "BASKET", "MAPPING", "OWNED", "VAULT", "Holdings", "fill"]

BASKET = "galaxies-of-nobody-else"
ARCHIVE = {
    "id": "stars",
    "type": "tap",
    "title": "Stars",
    "url": "https://stars.example.org/tap",
    "mapping": "stars",
    "datasets": [{"id": "stars-all", "name": "Stars", "table": "sky.stars"}],
}
VAULT = {
    **ARCHIVE,
    "id": "vault",
    "groups": ["/keepers"],
    "datasets": [{"id": "vault-all", "name": "Gold", "table": "sky.gold"}],
}
MAPPING = {"id": "stars", "parameters": {"ra": "ra", "dec": "dec"}}
API = "/esap-api"
OWNED = {
    "/esap-api/accounts/api-tokens/{token_id}/": "token",
    "/esap-api/accounts/basket/items/{item_id}/": "item",
    "/esap-api/accounts/baskets/{name}/": "basket",
    "/esap-api/accounts/user-profiles/{user_name}/": "profile",
    "/esap-api/jobs/{job_id}/": "job",
    "/esap-api/jobs/{job_id}/events/": "job",
    "/esap-api/query/searches/{id}/": "job",
    "/esap-api/query/searches/{job_id}/events/": "job",
}
"""The addresses whose ids are a user's: the field of `Holdings` that has the id."""


@dataclass(frozen=True)
class Holdings:
    """A user's things: the id of each, as it stands in its address."""

    job: str
    basket: str
    item: str
    token: str
    profile: str
    token_text: str
    """The API token itself, which was shown once."""

    def address(self, asked: Operation) -> str:
        """Return where an operation is asked for, with the id of what it is about."""
        return asked.at(getattr(self, OWNED[asked.path]) if asked.path in OWNED else "hub")

    @property
    def ids(self) -> list[str]:
        """All by which anybody could know of them."""
        return [self.job, self.basket, self.item, self.token]


def fill(caller: Caller) -> Holdings:
    """Have a user make one of everything that there is to make."""
    user: Any = caller.user
    _made(caller, "accounts/baskets/", {"name": BASKET})
    star = {"archive": "stars", "record": {"name": "a-star-of-nobody-else"}}
    item = _made(caller, f"accounts/basket/items/?basket={BASKET}", star)
    token = _made(caller, "accounts/api-tokens/", {"name": "laptop", "scopes": ["read"]})
    question = {"ra": 56.75, "dec": 24.12, "fov": 1}
    search = _made(caller, "query/searches/", question, prefer="respond-async")
    hub = connections.for_gateway().get("hub")
    given = Tokens(access_token="at-the-hub", refresh_token="again-at-the-hub")
    keep_connection(user, hub, given, user.username)
    return Holdings(
        job=search["id"],
        basket=BASKET,
        item=item["id"],
        token=token["id"],
        profile=user.username,
        token_text=token["token"],
    )


def _made(caller: Caller, path: str, body: Any, **headers: str) -> Any:
    answer = caller.post(f"{API}/{path}", body, **headers)
    assert answer.status_code in {201, 202}, answer.content
    return answer.json()
