"""All that a user may have with the gateway, and how each thing is addressed."""

from dataclasses import dataclass

from accounts.api_tokens import services as api_tokens
from accounts.backends.base import connections
from accounts.backends.grants import Tokens
from accounts.baskets import services as baskets
from accounts.baskets.services import Owner
from accounts.models import BasketItem, User
from accounts.tokens import keep_connection
from query.services import queue_search
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
STAR = {"archive": "stars", "record": {"name": "a-star-of-nobody-else"}}
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


def fill(user: User) -> Holdings:
    """Let a user have one of everything that there is to have."""
    baskets.create(Owner(user=user), BASKET, [STAR])
    token, token_text = api_tokens.make(user, name="laptop", scopes=["read"])
    job = queue_search({"ra": 56.75, "dec": 24.12, "fov": 1}, user)
    hub = connections.for_gateway().get("hub")
    given = Tokens(access_token="at-the-hub", refresh_token="again-at-the-hub")
    keep_connection(user, hub, given, user.username)
    return Holdings(
        job=str(job.pk),
        basket=BASKET,
        item=str(BasketItem.objects.get(basket__user=user).pk),
        token=str(token.pk),
        profile=user.username,
        token_text=token_text,
    )
