"""Data lakes: each is asked in the caller's own name, and no token goes further than there."""

from urllib.parse import urlencode

import pytest
from django.core.files.base import ContentFile

from accounts.models import PeerToken, User
from esap.jobs.models import Job
from tests.security.callers import Caller, Form, verdict
from tests.security.holdings import LAKE_TOKEN, STORAGE_TOKEN
from tests.security.leaks import Looked, everything_logged
from tests.security.routes import admin_pages, operations
from tests.support.database import everything
from tests.support.fakes.rucio import CONTENT, FILE, RSE, RULE, SERVICE_TOKEN

pytestmark = pytest.mark.django_db

LAKES = "/esap-api/rucio/lakes/"
STAGINGS = "/esap-api/rucio/stagings/"
SELECTION = {"dids": [FILE], "facility": "cluster"}
AT_LAKES = {str(each): each for each in operations() if each.path.startswith(f"{LAKES}{{lake}}/")}
# What an entry tells, so that nobody is asked.
OF_THE_ENTRY = "GET /rucio/lakes/{lake}/"
QUERIES = {
    **dict.fromkeys(("did", "content", "tree", "parents", "replicas", "download"), FILE),
    "dids": {"scope": FILE["scope"]},
    "storage": {"rse": RSE, "to": RSE},
}
# This lake takes no files, even from those who have logged in at the provider.
CLOSED = {(401, "login-again"), (403, "not-allowed")}
READ = {(200, ""), (302, "")}
OWN = ("account", "rules", "estimate", "upload")


def ask(caller, name, lake="lake"):
    """Ask a lake as it wants to be asked."""
    each = AT_LAKES[name]
    what = each.path.removeprefix(f"{LAKES}{{lake}}/").strip("/")
    query = f"?{urlencode(QUERIES[what])}" if what in QUERIES else ""
    body = None if each.method == "GET" else SELECTION
    if what == "upload":
        body = Form(scope="user.ada", name="a-result", file=ContentFile(CONTENT, "a-result"))
    return caller.ask(each.method, f"{each.at(lake, RULE)}{query}", body)


def is_own(name):
    """Say whether an operation is about what is the caller's own at the lake."""
    return name.partition("{lake}/")[2].partition("/")[0] in OWN


def told(answer):
    """Return all that an answer says, and close it."""
    text = f"{answer.headers} {answer.getvalue().decode(errors='replace')}"
    answer.close()
    return text


@pytest.mark.parametrize("name", sorted(AT_LAKES.keys() - {OF_THE_ENTRY}))
def test_a_lake_is_asked_in_the_callers_own_name(name, adas, ada, fake_rucio):
    answer = ask(ada, name)

    assert answer.status_code in {200, 201}, told(answer)
    answer.close()
    assert set(fake_rucio.asked_by) == {"ada"}


@pytest.mark.parametrize("name", sorted(AT_LAKES.keys() - {OF_THE_ENTRY}))
def test_a_lake_is_asked_in_nobody_elses_name(name, adas, bob, nobody, fake_rucio):
    fake_rucio.peer.heard.clear()

    without_login, unknown = ask(bob, name), ask(nobody, name)

    assert verdict(without_login)[1] == "login-again"
    assert verdict(unknown) == (401, "login-required")
    assert fake_rucio.peer.heard == []


@pytest.mark.parametrize("name", sorted(AT_LAKES))
def test_a_lake_for_a_group_is_one_that_is_not_there(name, adas, ada, nobody, fake_rucio):
    for caller in (ada, nobody):
        hidden, unknown = (ask(caller, name, lake) for lake in ("reserve", "nowhere"))

        closed = (
            (401, "login-required") if caller is nobody and is_own(name) else (404, "not-found")
        )
        assert verdict(hidden) == closed
        assert hidden.content.decode().replace("reserve", "nowhere") == unknown.content.decode()
    assert fake_rucio.peer.heard == []


@pytest.mark.parametrize("name", sorted(AT_LAKES))
def test_a_lake_that_anyone_reads_is_read_by_the_gateways_account(name, ada, fake_rucio):
    User.objects.filter(pk=ada.user.pk).update(claimed_groups=["keepers"])

    answer = ask(ada, name, "reserve")

    assert verdict(answer) in (CLOSED if is_own(name) else READ), told(answer)
    assert set(fake_rucio.asked_by) <= (set() if is_own(name) else {"esap"})


def test_lists_of_lakes_have_those_for_ones_own_groups(ada, bob, nobody):
    User.objects.filter(pk=ada.user.pk).update(claimed_groups=["keepers"])

    seen = [
        [lake["id"] for lake in caller.get(LAKES).json()["results"]]
        for caller in (ada, bob, nobody)
    ]

    assert seen == [["lake", "reserve"], ["lake"], ["lake"]]


def test_nothing_is_staged_at_a_lake_for_a_group(adas, ada, fake_rucio):
    before = everything()

    hidden, unknown = (
        ada.post(STAGINGS, {**SELECTION, "lake": lake}) for lake in ("reserve", "nowhere")
    )

    assert verdict(hidden) == verdict(unknown) == (404, "not-found")
    assert hidden.content.decode().replace("reserve", "nowhere") == unknown.content.decode()
    assert everything() == before
    assert fake_rucio.peer.heard == []


def test_a_staging_is_told_and_extended_for_its_owner_only(adas, ada, bob, nobody, fake_rucio):
    address = f"{STAGINGS}{adas.staging}/"
    token = ada.post(f"/esap-api/jobs/{adas.staging}/share/").json()["token"]

    answers = [
        verdict(caller.ask(method, f"{address}{what}?share={token}", {"lifetime": 86_400}))
        for caller in (bob, nobody)
        for method, what in (("GET", ""), ("GET", "files/"), ("POST", "extend/"))
    ]

    assert answers == [(404, "not-found")] * 3 + [(401, "login-required")] * 3
    assert fake_rucio.peer.heard == []
    (fate,) = ada.get(f"{address}files/").json()["results"]
    assert (fate["rule"], [each["name"] for each in fate["files"]]) == (RULE, [FILE["name"]])
    assert set(fake_rucio.asked_by) == {"ada"}


def test_a_staging_is_silent_when_its_lake_is_closed_to_the_owner(adas, ada, fake_rucio):
    Job.objects.filter(parent=adas.staging).update(peer="reserve")
    address = f"{STAGINGS}{adas.staging}/"

    answer = ada.get(f"{address}files/")
    extended = ada.post(f"{address}extend/", {"lifetime": 86_400}).json()["results"]

    assert verdict(answer) == (404, "not-found")
    assert [part["extended"] for part in extended] == [False]
    assert fake_rucio.peer.heard == []


def test_a_part_of_anothers_staging_is_in_none_of_ones_own(adas, ada, bob):
    part = Job.objects.get(parent=adas.staging)
    Job.objects.filter(pk=adas.job).update(kind="rucio.stagings", owner=bob.user)

    answer = bob.get(f"{STAGINGS}{adas.job}/files/?part={part.pk}")

    assert verdict(answer) == (404, "not-found")
    assert ada.get(f"{STAGINGS}{adas.staging}/files/?part={part.pk}").json()["count"] == 1


def test_a_job_that_is_no_staging_is_none(adas, ada):
    answers = [
        ada.get(f"{STAGINGS}{adas.done}/"),
        ada.get(f"{STAGINGS}{adas.done}/files/"),
        ada.post(f"{STAGINGS}{adas.done}/extend/", {"lifetime": 86_400}),
    ]

    assert [verdict(answer) for answer in answers] == [(404, "not-found")] * 3


def test_a_basket_of_another_is_not_staged(adas, bob, fake_rucio):
    asked = {"basket": adas.basket, "facility": "cluster"}

    answers = [bob.post(STAGINGS, asked), bob.post(f"{LAKES}lake/estimate/", asked)]

    assert [verdict(answer) for answer in answers] == [(404, "not-found")] * 2
    assert fake_rucio.peer.heard == []


def test_nothing_is_written_to_a_scope_of_another(adas, ada, fake_rucio):
    form = Form(scope="user.bob", name="a-result", file=ContentFile(CONTENT, "a-result"))

    answer = ada.post(f"{LAKES}lake/upload/", form)

    assert verdict(answer) == (403, "not-allowed")
    assert fake_rucio.put == {}
    assert [heard.method for heard in fake_rucio.peer.heard if heard.method != "GET"] == []


def test_tokens_go_to_the_lake_or_its_storage_and_to_nobody_else(adas, ada, fake_rucio):
    looked = Looked()
    looked.know("token of the lake", LAKE_TOKEN)
    looked.know("token of the storage", STORAGE_TOKEN)
    looked.know("token of the gateway", SERVICE_TOKEN)
    known = dict(fake_rucio.accounts)

    with everything_logged() as written:
        for accounts in (known, {}):  # as it should be, and with a lake that repeats what it hears
            fake_rucio.accounts = accounts
            for number, name in enumerate(sorted(AT_LAKES)):
                looked.at(f"{number} {name}", told(ask(ada, name)))
            for method, path, body in (
                ("POST", STAGINGS, SELECTION),
                ("GET", STAGINGS, None),
                ("GET", f"{STAGINGS}{adas.staging}/", None),
                ("GET", f"{STAGINGS}{adas.staging}/files/", None),
                ("POST", f"{STAGINGS}{adas.staging}/extend/", {"lifetime": 86_400}),
                ("GET", "/esap-api/accounts/export/", None),
                ("GET", "/esap-api/accounts/audit/", None),
                ("GET", "/esap-api/health/peers/", None),
            ):
                looked.at(f"{method} {path}", told(ada.ask(method, path, body)))
    for style, text in written.items():
        assert "outbound.call" in text.getvalue()
        looked.at(f"the log ({style})", text.getvalue())
    for table, rows in everything().items():
        looked.at(f"table {table}", repr(rows))
    admin = Caller(User.objects.create_superuser("root", password="a-pass-phrase-of-root"))  # noqa: S106
    for page in admin_pages():
        looked.at(f"page {page}", told(admin.get(page, accept="text/html")))

    assert looked.leaks() == {}
    assert PeerToken.objects.filter(audience="rucio").exists()
    heard_of = {"lake": "", "storage": ""}
    for heard in fake_rucio.peer.heard:
        place = "storage" if heard.target.startswith("/storage/") else "lake"
        heard_of[place] += f"{heard.headers} {heard.target} {heard.body!r}"
    assert [LAKE_TOKEN in heard_of[place] for place in heard_of] == [True, False]
    assert [SERVICE_TOKEN in heard_of[place] for place in heard_of] == [True, False]
    assert [STORAGE_TOKEN in heard_of[place] for place in heard_of] == [False, True]
