"""All that a user may have with the gateway, and how each thing is addressed."""

from dataclasses import dataclass

import pyarrow as pa
from django.db.models import Q
from django.utils import timezone

from accounts.api_tokens import services as api_tokens
from accounts.backends.base import connections, providers
from accounts.backends.grants import Tokens
from accounts.baskets import services as baskets
from accounts.baskets.services import Owner
from accounts.models import BasketItem, User
from accounts.tokens import keep_connection, keep_login
from accounts.tokens.keeping import keep_token
from esap.errors import BackendUnavailable
from esap.jobs import services as jobs
from esap.jobs.models import Job, Phase
from esap.jobs.uws.drafts import draft
from esap.jobs.uws.wording import asked_in
from esap.results.listing import listed
from esap.results.writing import store
from esap.tables.columns import Column
from esap.tables.stream import TableStream
from esap.webhooks import services as webhooks
from esap.webhooks.collecting import collect
from query.services import queue_search
from rucio_app.services.staging import PART, WHOLE
from tests.security.routes import Operation
from tests.support.fakes.rucio import FILE, RSE, RULE

__all__ = [
    "ARCHIVE",
    "BASKET",
    "HOOK",
    "LAKE_TOKEN",
    "MAPPING",
    "OWNED",
    "RESERVE",
    "STORAGE_TOKEN",
    "TABLE",
    "VAULT",
    "Holdings",
    "by_uws",
    "fill",
]

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
RESERVE = {"id": "reserve", "title": "The reserve", "groups": ["/keepers"], "anyone_reads": True}
"""What a lake for a group only has of its own; its members let others look around, if they may."""
LAKE_TOKEN = "token-0aZ-of-a-user-at-the-lake"  # noqa: S105 - of a fake
STORAGE_TOKEN = "token-0aZ-of-a-user-at-the-storage"  # noqa: S105 - of a fake
STAR = {"archive": "stars", "record": {"name": "a-star-of-nobody-else"}}
CONE = {"ra": 56.75, "dec": 24.12, "fov": 1}
HOOK = "https://hooks.example.org/of-nobody-else"
TABLE = "merged"
NOTE = "row-of-nobody-else"
OWNED = {
    "/esap-api/accounts/api-tokens/{token_id}/": "token",
    "/esap-api/accounts/basket/items/{item_id}/": "item",
    "/esap-api/accounts/baskets/{name}/": "basket",
    "/esap-api/accounts/user-profiles/{user_name}/": "profile",
    "/esap-api/jobs/{job_id}/": "job",
    "/esap-api/jobs/{job_id}/cancel/": "job",
    "/esap-api/jobs/{job_id}/events/": "job",
    "/esap-api/jobs/{job_id}/results/": "done",
    "/esap-api/jobs/{job_id}/results/{name}/": "done",
    "/esap-api/jobs/{job_id}/retry/": "failed",
    "/esap-api/jobs/{job_id}/share/": "job",
    "/esap-api/jobs/webhooks/{webhook_id}/": "webhook",
    "/esap-api/jobs/webhooks/{webhook_id}/deliveries/": "webhook",
    "/esap-api/jobs/webhooks/{webhook_id}/secret/": "webhook",
    "/esap-api/query/searches/{id}/": "job",
    "/esap-api/query/searches/{id}/provenance/": "done",
    "/esap-api/query/searches/{id}/results/": "done",
    "/esap-api/query/searches/{id}/results/{name}/": "done",
    "/esap-api/query/searches/{job_id}/events/": "job",
    "/esap-api/rucio/stagings/{staging_id}/": "staging",
    "/esap-api/rucio/stagings/{staging_id}/extend/": "staging",
    "/esap-api/rucio/stagings/{staging_id}/files/": "staging",
    "/esap-api/uws/jobs/{job_id}/": "draft",
    "/esap-api/uws/jobs/{job_id}/destruction/": "draft",
    "/esap-api/uws/jobs/{job_id}/error/": "failed",
    "/esap-api/uws/jobs/{job_id}/executionduration/": "draft",
    "/esap-api/uws/jobs/{job_id}/owner/": "draft",
    "/esap-api/uws/jobs/{job_id}/parameters/": "draft",
    "/esap-api/uws/jobs/{job_id}/parameters/{name}/": "draft",
    "/esap-api/uws/jobs/{job_id}/phase/": "draft",
    "/esap-api/uws/jobs/{job_id}/quote/": "draft",
    "/esap-api/uws/jobs/{job_id}/results/": "done",
    "/esap-api/uws/jobs/{job_id}/results/{name}/": "done",
}
"""The addresses whose ids are a user's: the field of `Holdings` that has the id."""

_ONLY_WHEN_ENDED = ("DELETE", "/esap-api/jobs/{job_id}/")


@dataclass(frozen=True)
class Holdings:
    """A user's things: the id of each, as it stands in its address."""

    job: str
    """A search that waits for a worker, as `draft` does not yet; two have ended."""
    draft: str
    done: str
    failed: str
    staging: str
    """A staging that has been carried out: its one file is at the facility."""
    webhook: str
    basket: str
    item: str
    token: str
    profile: str
    token_text: str
    """The API token itself, which was shown once."""

    def address(self, asked: Operation) -> str:
        """Return where an operation is asked for, with the id of what it is about."""
        if owned(asked):
            return asked.at(self.id_for(asked), below_of(asked))
        return asked.at("lake" if "{lake}" in asked.path else "hub", below_of(asked))

    def id_for(self, asked: Operation) -> str:
        """Return the id of what an operation at an owner's address is about."""
        if (asked.method, asked.path) == _ONLY_WHEN_ENDED:
            return self.done
        return str(getattr(self, OWNED[by_jobs(asked.path)]))

    @property
    def ids(self) -> list[str]:
        """All by which anybody could know of them."""
        return [
            *(self.job, self.draft, self.done, self.failed, self.staging),
            *(self.webhook, self.basket, self.item, self.token),
        ]


def owned(asked: Operation) -> bool:
    """Say whether an operation is about a user's own thing."""
    return by_jobs(asked.path) in OWNED


def below_of(asked: Operation) -> str:
    """Return what stands in an address below the id: a parameter's name, a rule's or a result's."""
    if "/parameters/" in asked.path:
        return "ra"
    if "{rule_id}" in asked.path:
        return RULE
    return "result" if "/uws/" in asked.path else TABLE


def by_uws(path: str) -> str:
    """Return the other name of an address of UWS, which the document has once."""
    return path.replace("/uws/jobs/", "/uws/async/")


def by_jobs(path: str) -> str:
    """Return an address of UWS by the name that the document has."""
    return path.replace("/uws/async/", "/uws/jobs/")


def fill(user: User) -> Holdings:
    """Let a user have one of everything that there is to have."""
    baskets.create(Owner(user=user), BASKET, [STAR])
    token, token_text = api_tokens.make(user, name="laptop", scopes=["read"])
    hook, _ = webhooks.create(user, HOOK, events=["phase"])
    job = queue_search(CONE, user)
    failed = jobs.begin("query.search", CONE, user)
    jobs.fail(failed, BackendUnavailable("The archive of nobody else is away."))
    collect()
    hub = connections.for_gateway().get("hub")
    given = Tokens(access_token="at-the-hub", refresh_token="again-at-the-hub")
    keep_connection(user, hub, given, user.username)
    _log_in_at_the_lake(user)
    return Holdings(
        job=str(job.pk),
        draft=str(draft(asked_in([("KIND", "query.search"), ("ra", "56.75")]), user).pk),
        done=str(_done(user).pk),
        failed=str(failed.pk),
        staging=str(_staging(user).pk),
        webhook=str(hook.pk),
        basket=BASKET,
        item=str(BasketItem.objects.get(basket__user=user).pk),
        token=str(token.pk),
        profile=user.username,
        token_text=token_text,
    )


def _done(user: User) -> Job:
    """Return a search that has been carried out, with a table of one row."""
    job = jobs.begin("query.search", CONE, user)
    schema = pa.schema([Column("name", "char", arraysize="*").field()])
    table = TableStream.of(pa.table({"name": [NOTE]}, schema=schema))
    return jobs.complete(job, [listed(job.pk, store(job.pk, TABLE, table))])


def _log_in_at_the_lake(user: User) -> None:
    """Keep what a login at the provider gives, and what it was exchanged for."""
    login = Tokens(access_token="of-the-login", refresh_token="again-of-the-login")
    grant = keep_login(user, providers.for_gateway().get("fake"), login, {}, "a-session")
    keep_token(grant, Tokens(access_token=LAKE_TOKEN), "rucio", "openid profile")
    keep_token(grant, Tokens(access_token=STORAGE_TOKEN), "storage", "")


def _staging(user: User) -> Job:
    """Return a staging that has been carried out, of one part, by one rule."""
    asked = {"rse_expression": RSE, "facility": "cluster", "copies": 1, "lifetime": 60}
    part = jobs.Part(kind=PART, peer="lake", parameters={**asked, **FILE, "account": "ada"})
    whole = jobs.submit_parts(WHOLE, {**asked, "lake": "lake", "dids": 1, "size": 5}, [part], user)
    Job.objects.filter(parent=whole.pk).update(remote_id=RULE)
    both = Job.objects.filter(Q(pk=whole.pk) | Q(parent=whole.pk))
    both.update(phase=Phase.COMPLETED, ended=timezone.now())
    return whole
