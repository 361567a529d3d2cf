"""Tokens never appear in logs, answers, rows of jobs, texts of errors, or what a peer's health is.

One test sends known tokens through all that the gateway does, well and badly, and looks for them
in all that it says, writes and keeps.
"""

import json
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest
import yaml
from django.core.cache import cache
from django.utils.http import urlencode

from accounts.backends import base
from accounts.baskets.visitors import VISITOR_KEY
from accounts.models import Grant, PeerToken, Session, User
from accounts.sealed import refresh_place
from accounts.tokens import connection_token, token_for
from esap.api.views import RoomRoot
from esap.errors import BackendFailed, EsapError
from esap.health.tasks import ping_peers
from esap.jobs import services as jobs
from esap.jobs.models import Job
from esap.redaction import carries_token
from esap.results.listing import listed
from esap.results.writing import store
from esap.tables.columns import Column
from esap.tables.stream import TableStream
from esap.vault import unseal
from esap.webhooks.collecting import collect
from esap.webhooks.delivering import deliver_due
from esap.webhooks.models import Delivery
from query.searches import Search
from tests.security.callers import Caller
from tests.security.holdings import ARCHIVE, MAPPING
from tests.security.leaks import Looked, everything_logged
from tests.security.routes import admin_pages, reads
from tests.support.accounts import Browser, connection_entry, provider_entry
from tests.support.database import everything
from tests.support.fakes.http import FakePeer, answer
from tests.support.iam import client_secret, log_in_at
from tests.support.stored import results_in

pytestmark = pytest.mark.django_db(transaction=True)

A = "/esap-api/accounts/"
JOBS = "/esap-api/jobs/"
ITEM = {"archive": "stars", "record": {}}
CONE = {"ra": 1, "dec": 1, "fov": 1}
PASSWORD = "a-pass-phrase-of-a-local-account"
KEYS = ("vault-key-0aZ-of-this-test-0123456789", "secret-key-0aZ-of-this-test-0123456789")
# Each of these is on purpose, and docs/explanation/trust.md says why.
MEANT = {
    ("API token", f"POST {A}api-tokens/"),
    ("display token", f"GET {A}user-profiles/"),
    ("ID token of the login", "POST /esap-api/oidc/logout"),
    # It is signed, and of use in the visitor's own session only.
    ("secret of a webhook", "POST /esap-api/jobs/webhooks/"),
    ("second secret of a webhook", "POST /esap-api/jobs/webhooks/{id}/secret/"),
    ("token of a link", "POST /esap-api/jobs/{id}/share/"),
    ("key of a visitor", "sessions"),
    ("key of a visitor", "table accounts_session"),
}


ONE_OF_EACH_KIND = {
    "access token of the login",
    "API token",
    "refresh token of the login",
    "key of a session",
}
# Words as people write them: nobody can tell that they are secrets.
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TELLING_NOTHING = {"password", "secret of the client esap", "secret of the client hub"}


class Story:
    """What happens: callers, what they ask, and what is looked at after."""

    def __init__(self, iam, archive, files):
        self.iam = iam
        self.archive = archive
        self.files = files
        self.looked = Looked()

    @property
    def secrets(self):
        return self.looked.secrets

    def ask(self, caller, method, path, body=None, *, carrying=frozenset(), **headers):
        """Ask, and keep the answer, but for the cookies that it sets."""
        said = caller.ask(method, path, body, **headers)
        shown = {name: text for name, text in said.headers.items() if name != "Set-Cookie"}
        text = f"{shown} {said.getvalue().decode(errors='replace')}"
        said.close()
        address = _ID.sub("{id}", path.partition("?")[0])
        place = f"{method} {address}" if not carrying else "answers to mistakes"
        self.looked.at(place, text, frozenset(carrying))
        return said

    @contextmanager
    def failing(self, what: str) -> Iterator[None]:
        """Keep all that an error says of itself, and of what led to it."""
        try:
            yield
        except EsapError as error:
            told = "".join(traceback.format_exception(error))
            self.looked.at(f"errors: {what}", f"{told} {error!r} {error.extensions}")
        else:
            pytest.fail(f"{what} did not fail")


@pytest.fixture
def captured(monkeypatch):
    """All that token endpoints gave, in order."""
    given = []
    ask = base.ask_for_tokens

    def asked(*args, **known):
        given.append(ask(*args, **known))
        return given[-1]

    monkeypatch.setattr(base, "ask_for_tokens", asked)
    return given


@pytest.fixture
def story(own_iam, settings, tmp_path):
    """A gateway with secrets that are known, at a provider that can be made to fail."""
    iam = own_iam()
    with FakePeer(answer(b"no", "500 Sorry", Content_Type="text/plain")) as archive:
        entries = {
            "accounts": {
                "providers": [provider_entry(iam, clients=["esap-opaque"])],
                "connections": [connection_entry(iam)],
            },
            "query": {
                "mappings": [MAPPING],
                "archives": [{**ARCHIVE, "url": archive.url, "private_network": True}],
            },
        }
        file = tmp_path / "peers.yaml"
        file.write_text(yaml.safe_dump(entries))
        settings.ENTRY_FILES = [file]
        settings.VAULT_KEYS, settings.SECRET_KEY = [KEYS[0]], KEYS[1]
        settings.LOCAL_LOGIN = True
        settings.WEBHOOKS_PRIVATE_NETWORK = True
        files = results_in(settings, tmp_path)
        cache.clear()
        yield Story(iam, archive, files)


def log_in(story, captured):
    """Alice logs in and connects to the hub; return her in her browser."""
    know = story.looked.know
    browser = Browser()
    callback = browser.sign_in("alice", "?provider=iam")
    know("code of the login", parse_qs(urlsplit(callback).query)["code"][0])
    assert browser.come_back(callback).status_code == 302
    alice = Caller()
    alice.user = User.objects.get(username="alice")
    alice.http = browser.gateway
    alice.http.raise_request_exception = False
    hub = alice.http.get(f"{A}connections/hub/connect")
    assert browser.come_back(log_in_at(browser.provider, hub.url, "alice")).status_code == 302

    login, connection = captured
    know("access token of the login", login.access_token)
    know("refresh token of the login", login.refresh_token)
    know("ID token of the login", login.id_token)
    know("refresh token for the hub", connection.refresh_token)
    know("access token for the hub", connection.access_token)
    know("key of a session", alice.http.cookies["sessionid"].value)
    grant = Grant.objects.get(kind="login")
    assert unseal(grant.refresh_token, bound_to=refresh_place(grant)) == login.refresh_token
    return alice


def get_tokens(story, captured):
    """Tokens for peers are exchanged, and renewed."""
    user = User.objects.get(username="alice")
    token_for(user, "rucio", ["openid"])
    PeerToken.objects.update(expires="2020-01-01T00:00Z")
    token_for(user, "rucio")
    connection_token(user, "hub")
    for number, tokens in enumerate(captured[2:]):
        story.looked.know(f"access token {number} for a peer", tokens.access_token)
        if tokens.refresh_token:
            story.looked.know(f"refresh token {number}", tokens.refresh_token)
    assert len(captured) >= 5


def bring_others(story, alice):
    """Return callers with each kind of credential; all these are known."""
    know = story.looked.know
    bobs = story.iam.log_in("bob", audience="esap")
    opaque = story.iam.log_in("carol", client="esap-opaque")
    made = story.ask(alice, "POST", f"{A}api-tokens/", {"name": "t", "scopes": ["write"]}).json()
    (profile,) = story.ask(alice, "GET", f"{A}user-profiles/").json()["results"]
    visitor = Caller()
    story.ask(visitor, "POST", f"{A}basket/items/", ITEM)
    know("key of a visitor", visitor.http.session[VISITOR_KEY])
    know("key of a visitor's session", visitor.http.cookies["sessionid"].value)
    know("refresh token of bob", bobs["refresh_token"])
    know("ID token of bob", bobs["id_token"])
    for client in ("esap", "hub"):
        know(f"secret of the client {client}", client_secret(client))
    know("vault key", KEYS[0])
    know("secret key", KEYS[1])
    return {
        "alice": alice,
        "visitor": visitor,
        "bearer": Caller(token=know("access token of bob", bobs["access_token"])),
        "opaque": Caller(token=know("opaque token of carol", opaque["access_token"])),
        "script": Caller(token=know("API token", made["token"])),
        "display": Caller(token=know("display token", profile["oidc_access_token"])),
    }


def read_everything(story, callers):
    """Each of them reads all that there is to read, Alice also as pages, and the admin's."""
    alice = callers["alice"]
    for each in reads():
        for name, caller in callers.items():
            if name in ("alice", "bearer", "script") or each.path.startswith(A):
                story.ask(caller, "GET", each.at("hub"))
        story.ask(alice, "GET", each.at("hub"), accept="text/html")
    pages = ["/", "/esap-api/oidc/authenticate", "/esap-api/docs", *admin_pages()]
    for page in pages:
        story.ask(alice, "GET", page, accept="text/html")


def send_by_mistake(story, callers):
    """Every secret is sent to where it does not belong; one of each kind into every address."""
    alice, nobody = callers["alice"], Caller()
    for name, secret in story.secrets.items():
        # Of a token that can be told nothing is repeated; others may come back to the sender.
        own = frozenset({name}) if not carries_token(secret) else frozenset({"nothing"})
        story.ask(Caller(token=secret), "GET", f"{A}baskets/", carrying=own)
        story.ask(nobody, "GET", f"{A}whoami/", carrying=own, authorization=f"Basic {secret}")
        story.ask(nobody, "GET", f"{A}whoami/", carrying=own, cookie=f"access_token={secret}")
        query = urlencode({"access_token": secret, "next": f"/?t={secret}"})
        story.ask(nobody, "GET", f"/?{query}", carrying=own, accept="text/html")
        story.ask(alice, "GET", f"{A}whoami/?{query}", carrying=own)
        if name not in TELLING_NOTHING:
            story.ask(nobody, "GET", "/esap-api/", carrying=own, x_request_id=secret[-64:])
            nowhere = f"/esap-api/{secret}/nothing"
            story.ask(nobody, "GET", nowhere, carrying=own, accept="text/html")
        for each in reads() if name in ONE_OF_EACH_KIND else ():
            story.ask(alice, "GET", f"{each.at(secret)}?{query}", carrying=own)
        question = {**CONE, "archives": secret}
        story.ask(alice, "POST", "/esap-api/query/searches/", question, carrying=own)
        search = {"target": secret, "fov": 1}
        story.ask(alice, "POST", "/esap-api/query/searches/", search, carrying=own)
        asked = {"name": "t", "scopes": [secret]}
        story.ask(alice, "POST", f"{A}api-tokens/", asked, carrying=own)
        story.ask(alice, "PATCH", f"{A}user-profiles/alice/", {secret: 1}, carrying=own)
    form = {"username": "root", "password": f"{PASSWORD}-not"}
    nobody.send_form("/esap-api/oidc/local", form)
    nobody.send_form("/esap-api/admin/login/", form)


def fail_at_the_provider(story, callers):
    """The provider repeats, in all ways that there are, what it was sent."""
    quoted = json.dumps(story.secrets)
    user = User.objects.get(username="alice")
    secret = story.secrets["refresh token of the login"]
    bodies = [
        (400, {"error": secret, "error_description": quoted}),
        (400, {"error": "invalid_target", "error_description": quoted}),
        (500, quoted),
        (200, {"access_token": [secret], "scope": quoted}),
        (200, quoted),
    ]
    for status, body in bodies:
        for path, ask in (
            ("/token", lambda: token_for(user, "dirac")),
            ("/token", lambda: token_for(user, "", ["compute.read"])),
        ):
            story.iam.fault(path, status=status, body=body, times=4)
            with story.failing(f"{status} of {path}"):
                ask()
            story.iam.clear_faults()
    for path in ("/introspect", "/userinfo", "/token", "/jwk"):
        story.iam.fault(path, status=500, body=quoted, times=9)
        story.ask(Caller(token=f"{'o' * 20}-{path[1:]}-0aZ"), "GET", f"{A}whoami/")
        browser = Browser()
        browser.gateway.raise_request_exception = False
        page = browser.log_in("bob", "?provider=iam")
        story.looked.at("pages of failed logins", page.content.decode())
        ping_peers()
        story.iam.clear_faults()


def fail_in_jobs(story, callers, monkeypatch):
    """Jobs end with problems that quote tokens, and by bugs with tokens in their hands."""
    alice, user = callers["alice"], User.objects.get(username="alice")
    for name in ("API token", "access token of bob", "ID token of the login"):
        token = story.secrets[name]
        with story.failing("parameters of a job"):
            jobs.begin("query.search", {"target": [{"name": token}]}, user)
        job = jobs.begin("query.search", CONE, user)
        jobs.fail(job, BackendFailed(f"The peer says: {token} is bad.", headers=[token]))
    path = "/esap-api/query/searches/"
    story.ask(alice, "POST", path, CONE, prefer="respond-async")
    assert any(heard.target.startswith("/") for heard in story.archive.heard)

    def fall_over(job):
        held = dict(story.secrets)
        raise RuntimeError(f"cannot use {held['access token of bob']}, {held['API token']}")

    monkeypatch.setattr(Search, "resume", fall_over)
    story.ask(alice, "POST", path, CONE, prefer="respond-async")
    assert Job.objects.filter(problem__slug="internal").exists()


def have_jobs_done(story, callers):
    """Jobs are made, shared and told to a webhook, with a token where it does not belong."""
    alice, user, hook = callers["alice"], User.objects.get(username="alice"), f"{JOBS}webhooks/"
    told = story.ask(alice, "POST", hook, {"url": story.archive.url, "events": ["phase"]}).json()
    story.looked.know("secret of a webhook", told["secret"])
    deliver_what_happens(story, user)
    look_into_the_database(story)  # while the first secret is there
    second = story.ask(alice, "POST", f"{hook}{told['id']}/secret/").json()["secret"]
    story.looked.know("second secret of a webhook", second)
    job = deliver_what_happens(story, user)
    link = story.ask(alice, "POST", f"{JOBS}{job.pk}/share/").json()["token"]
    story.looked.know("token of a link", link)
    for name, secret in story.secrets.items():
        if carries_token(secret):
            mistaken_for_something_else(story, alice, job, name, told["id"])
    own = frozenset({"token of a link"})
    for each in reads(with_id=True):
        if "{job_id}" in each.path or "searches" in each.path:
            for pk in Job.objects.filter(owner=user).values_list("pk", flat=True):
                story.ask(alice, "GET", each.at(str(pk), "merged"))
            address = each.at(str(job.pk), "merged")
            story.ask(Caller(), "GET", f"{address}?share={link}", carrying=own)
    story.ask(alice, "GET", f"{hook}{told['id']}/deliveries/")
    story.ask(alice, "GET", f"{A}export/")
    story.ask(Caller(token=link), "GET", JOBS, carrying=own)
    assert Delivery.objects.filter(delivered=None).exists()
    assert any("webhook-signature" in str(heard.headers).lower() for heard in story.archive.heard)


def deliver_what_happens(story, user):
    """Make a job with a stored table, whose webhook's receiver answers 500."""
    job = jobs.begin("query.search", CONE, user)
    table = pa.table({"name": ["a star"]}, schema=pa.schema([Column("name", "char").field()]))
    jobs.complete(job, [listed(job.pk, store(job.pk, "merged", TableStream.of(table)))])
    collect()
    deliver_due()
    return job


def mistaken_for_something_else(story, alice, job, name, hook):
    """A token is sent where words of one's own belong, which are kept: it is refused."""
    secret, own = story.secrets[name], frozenset({name, "nothing"})
    search = {"kind": "query.search", "parameters": CONE}
    for method, address, body, headers in (
        ("POST", JOBS, {**search, "run_id": secret}, {}),
        ("POST", JOBS, {**search, "peer": secret}, {}),
        ("POST", JOBS, {**search, "parameters": {**CONE, secret: 1}}, {}),
        ("POST", JOBS, search, {"idempotency_key": f'"{secret}"'}),
        ("PATCH", f"{JOBS}{job.pk}/", {"run_id": secret}, {}),
        ("POST", "/esap-api/uws/jobs/", {"KIND": "query.search", "note": secret}, {}),
        ("POST", "/esap-api/uws/jobs/", {"KIND": "query.search", "RUNID": secret}, {}),
        ("POST", f"{JOBS}webhooks/", {"url": f"https://a.example.org/?t={secret}"}, {}),
        ("PATCH", f"{JOBS}webhooks/{hook}/", {"url": f"https://a.example.org/{secret}"}, {}),
    ):
        said = story.ask(alice, method, address, body, carrying=own, **headers)
        assert said.status_code == 400, (name, method, address, said.content)


def fall_over_in_views(story, callers, monkeypatch):
    """A view has a bug while it holds tokens, and quotes one in each way that comes to mind."""
    for name in [each for each in story.secrets if "token" in each]:
        token = story.secrets[name]

        def fall_over(view, request, room, token=token):
            held = {"token": token}
            raise KeyError(held["token"], f"token {token}", {"refresh": token})

        monkeypatch.setattr(RoomRoot, "get", fall_over)
        for accept in ("application/json", "text/html"):
            said = story.ask(callers["alice"], "GET", "/esap-api/query/", accept=accept)
            assert said.status_code == 500


def look_into_the_database(story):
    """Look at all rows, what sessions have in them, the cache, and what peers have heard."""
    for table, rows in everything().items():
        story.looked.at(f"table {table}", repr(rows))
    for session in Session.objects.all():
        story.looked.at("sessions", repr(session.get_decoded()))
    story.looked.at("the cache", repr(list(cache._cache.values())))
    for job in Job.objects.all():
        rows = [job.parameters, job.problem, list(job.events.values_list("data", flat=True))]
        story.looked.at("rows of jobs", repr(rows))
    for file in story.files.rglob("*"):
        if file.is_file():
            story.looked.at("stored results", f"{file} {file.read_bytes().decode('latin-1')}")
    for heard in story.archive.heard:
        story.looked.at("what archives hear", f"{heard.target} {heard.headers} {heard.body}")


def test_known_tokens_are_nowhere_but_where_they_are_meant_to_be(story, captured, monkeypatch):
    User.objects.create_superuser("root", password=PASSWORD)
    story.looked.know("password", PASSWORD)

    with everything_logged() as written:
        alice = log_in(story, captured)
        get_tokens(story, captured)
        callers = bring_others(story, alice)
        read_everything(story, callers)
        send_by_mistake(story, callers)
        fail_at_the_provider(story, callers)
        fail_in_jobs(story, callers, monkeypatch)
        have_jobs_done(story, callers)
        fall_over_in_views(story, callers, monkeypatch)
        look_into_the_database(story)
        story.ask(alice, "POST", "/esap-api/oidc/logout")
        look_into_the_database(story)

    for style, text in written.items():
        story.looked.at(f"the log ({style})", text.getvalue())
        for line in ("outbound.call", "Traceback", "audit", "Internal Server Error", "[hidden]"):
            assert line in text.getvalue()
    assert len(story.secrets) >= 20
    assert len(story.looked.places) > 100
    leaks = story.looked.leaks()
    assert leaks.keys() == MEANT, leaks
