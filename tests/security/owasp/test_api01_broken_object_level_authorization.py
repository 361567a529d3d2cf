"""API1:2023 Broken Object Level Authorization: what is one user's is nobody else's, by any id."""

import pytest

from accounts.models import Grant
from esap.jobs.models import Job
from tests.security.callers import Caller, verdict
from tests.security.holdings import OWNED
from tests.security.routes import operations, reads
from tests.support.database import everything

pytestmark = pytest.mark.django_db

NO_SUCH_ID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
# Whose ids are those of entries. Each caller has a standing of their own with a connection.
OF_ENTRIES = {
    "/esap-api/{room}/",
    "/esap-api/accounts/connections/{connection}/",
    "/esap-api/accounts/connections/{connection}/connect/",
    "/esap-api/query/archives-uri/{id}/",
    "/esap-api/query/archives/{id}/",
    "/esap-api/query/catalogs/{id}/",
    "/esap-api/query/cone/{id}/",
    "/esap-api/query/datasets-uri/{id}/",
    "/esap-api/query/datasets/{id}/",
    "/esap-api/query/parameter-mapping/{id}/",
}
# Where nobody gets further without a login, so that ids do not matter.
FOR_USERS = ("/esap-api/accounts/api-tokens/", "/esap-api/accounts/user-profiles/")
# Where a gateway without an events process has nothing for the owner either.
ELSEWHERE = {path for path in OWNED if path.endswith("/events/")}
BODIES = {
    ("PUT", "/esap-api/accounts/baskets/{name}/"): {"items": []},
    ("PATCH", "/esap-api/accounts/baskets/{name}/"): {"name": "stolen"},
    ("PATCH", "/esap-api/accounts/user-profiles/{user_name}/"): {"shopping_cart": []},
}
# Lists in which ada's own things are.
TELL_THE_OWNER = {
    "/esap-api/accounts/api-tokens/",
    "/esap-api/accounts/audit/",
    "/esap-api/accounts/baskets/",
    "/esap-api/accounts/export/",
    "/esap-api/jobs/",
    "/esap-api/query/searches/",
}
LISTS = reads(with_id=False)
OWN = [each for each in operations() if each.path in OWNED]


def test_every_id_in_an_address_is_an_owners_or_an_entrys():
    with_id = {each.path for each in operations() if each.has_id}

    assert with_id == OWNED.keys() | OF_ENTRIES


@pytest.mark.parametrize("asked", OWN, ids=str)
def test_others_find_nothing_at_an_owners_address(asked, adas, bob, nobody):
    visitor = Caller()
    visitor.post("/esap-api/accounts/basket/items/", {"archive": "stars", "record": {}})
    body = BODIES.get((asked.method, asked.path))
    adas_id = getattr(adas, OWNED[asked.path])
    before = everything()

    for caller in (bob, nobody, visitor):
        denied, unknown = (
            caller.ask(asked.method, asked.at(some_id), body, if_match="*")
            for some_id in (adas_id, NO_SUCH_ID)
        )
        is_closed = caller is not bob and asked.path.startswith(FOR_USERS)
        assert verdict(denied) == ((401, "login-required") if is_closed else (404, "not-found"))
        assert denied.content.decode().replace(adas_id, NO_SUCH_ID) == unknown.content.decode()
    assert everything() == before


@pytest.mark.parametrize("asked", OWN, ids=str)
def test_the_owner_finds_it_there(asked, adas, ada):
    body = BODIES.get((asked.method, asked.path))

    answer = ada.ask(asked.method, adas.address(asked), body, if_match="*")

    assert answer.status_code in ({404} if asked.path in ELSEWHERE else {200, 204})


@pytest.mark.parametrize("path", sorted(ELSEWHERE))
def test_the_events_process_tells_the_owner_only(path, adas, ada, bob, settings):
    settings.ROOT_URLCONF = "esap.events.urls"
    address = path.format(id=adas.job, job_id=adas.job)

    verdicts = [verdict(caller.get(address)) for caller in (ada, bob, Caller())]

    assert verdicts == [(200, ""), (404, "not-found"), (404, "not-found")]


def test_others_see_it_in_no_list(adas, ada, bob, nobody):
    def told(caller):
        answers = {each.path: caller.get(each.path).getvalue().decode() for each in LISTS}
        return {path for path, text in answers.items() if any(one in text for one in adas.ids)}

    assert told(bob) == told(nobody) == set()
    assert told(ada) == TELL_THE_OWNER


def test_a_token_reads_what_is_its_users_only(adas, bob):
    bobs = bob.make_token("read", "write")
    bobs.get("/esap-api/accounts/whoami/")  # its first use is written down
    before = everything()

    answers = [bobs.ask("DELETE", f"/esap-api/jobs/{adas.job}/"), bobs.get("/esap-api/jobs/")]

    assert verdict(answers[0]) == (404, "not-found")
    assert answers[1].json()["results"] == []
    assert everything() == before


def test_a_connection_is_each_users_own(adas, bob, nobody):
    address = "/esap-api/accounts/connections/hub/"
    before = everything()

    seen = bob.get(address).json()

    assert (seen["connected"], seen["subject"]) == (False, "")
    assert verdict(bob.ask("DELETE", address)) == (403, "not-connected")
    assert verdict(nobody.ask("DELETE", address)) == (401, "login-required")
    assert everything() == before
    assert Grant.objects.get().subject == "ada"


def test_a_job_is_not_made_anothers_by_its_maker(ada, bob):
    question = {"ra": 1, "dec": 1, "fov": 1}
    for owner in (bob.user.pk, bob.user.username):
        answer = ada.post(
            "/esap-api/query/searches/", {**question, "owner": owner}, prefer="respond-async"
        )
        assert verdict(answer) == (400, "invalid-request")

    assert not Job.objects.exists()
