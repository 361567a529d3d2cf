"""API3:2023 Broken Object Property Level Authorization: a body sets what it may, an answer too."""

import uuid

import pytest
from django.core.files.base import ContentFile

from accounts.baskets.visitors import VISITOR_KEY
from accounts.models import ApiToken, AuditEvent, Basket, Grant, PeerToken, User
from esap.jobs.models import IdempotencyKey, Job
from esap.webhooks.models import Webhook
from tests.security.callers import PASSWORD_HASH, Caller, Form, make_user, verdict
from tests.security.holdings import HOOK
from tests.security.routes import admin_pages, operations, reads
from tests.support.fakes.rucio import FILE

pytestmark = pytest.mark.django_db

A = "/esap-api/accounts/"
STAR = {"archive": "stars", "record": {"name": "a-star"}}
CONE = {"ra": 1, "dec": 1, "fov": 1}
SELECTION = {"dids": [FILE], "facility": "cluster"}
UPLOAD = Form(scope="user.ada", name="a-result", file=ContentFile(b"stars", "a-result"))
OTHER_ID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
# A good body of each write; None where the address says it all.
BODIES = {
    f"DELETE {A}account/": {"confirm": "ada"},
    f"POST {A}api-tokens/": {"name": "another", "scopes": ["query:read"]},
    f"DELETE {A}api-tokens/{{token_id}}/": None,
    f"POST {A}basket/items/": STAR,
    f"DELETE {A}basket/items/{{item_id}}/": None,
    f"POST {A}baskets/": {"name": "another"},
    f"PUT {A}baskets/{{name}}/": {"items": [STAR]},
    f"PATCH {A}baskets/{{name}}/": {"name": "renamed"},
    f"DELETE {A}baskets/{{name}}/": None,
    f"DELETE {A}connections/{{connection}}/": None,
    f"PATCH {A}user-profiles/{{user_name}}/": {"shopping_cart": [STAR]},
    "POST /esap-api/jobs/": {"kind": "query.search", "parameters": CONE},
    "PATCH /esap-api/jobs/{job_id}/": {"run_id": "mine"},
    "DELETE /esap-api/jobs/{job_id}/": None,
    "POST /esap-api/jobs/{job_id}/cancel/": None,
    "POST /esap-api/jobs/{job_id}/retry/": None,
    "POST /esap-api/jobs/{job_id}/share/": None,
    "DELETE /esap-api/jobs/{job_id}/share/": None,
    "POST /esap-api/jobs/webhooks/": {"url": HOOK},
    "PATCH /esap-api/jobs/webhooks/{webhook_id}/": {"events": ["problem"]},
    "DELETE /esap-api/jobs/webhooks/{webhook_id}/": None,
    "POST /esap-api/jobs/webhooks/{webhook_id}/secret/": None,
    "POST /esap-api/query/searches/": CONE,
    "POST /esap-api/rucio/lakes/{lake}/estimate/": SELECTION,
    "POST /esap-api/rucio/lakes/{lake}/upload/": UPLOAD,
    "POST /esap-api/rucio/stagings/": SELECTION,
    "POST /esap-api/rucio/stagings/{staging_id}/extend/": {"lifetime": 86_400},
    "POST /esap-api/uws/jobs/": {"KIND": "query.search", "ra": "1"},
    "POST /esap-api/uws/jobs/{job_id}/": {"ACTION": "DELETE"},
    "DELETE /esap-api/uws/jobs/{job_id}/": None,
    "POST /esap-api/uws/jobs/{job_id}/destruction/": {"DESTRUCTION": "2999-01-01T00:00:00Z"},
    "POST /esap-api/uws/jobs/{job_id}/executionduration/": {"EXECUTIONDURATION": "60"},
    "POST /esap-api/uws/jobs/{job_id}/parameters/": {"dec": "2"},
    "POST /esap-api/uws/jobs/{job_id}/parameters/{name}/": {"VALUE": "2"},
    "PUT /esap-api/uws/jobs/{job_id}/parameters/{name}/": {"VALUE": "2"},
    "POST /esap-api/uws/jobs/{job_id}/phase/": {"PHASE": "ABORT"},
}
# Of those, what refuses a member that is not its own; others pass it over, or keep it as data.
REFUSING = {
    f"POST {A}baskets/",
    f"PUT {A}baskets/{{name}}/",
    f"PATCH {A}baskets/{{name}}/",
    f"PATCH {A}user-profiles/{{user_name}}/",
    "POST /esap-api/jobs/",
    "PATCH /esap-api/jobs/{job_id}/",
    "POST /esap-api/jobs/webhooks/",
    "PATCH /esap-api/jobs/webhooks/{webhook_id}/",
    "POST /esap-api/query/searches/",
    "POST /esap-api/rucio/lakes/{lake}/upload/",
    "POST /esap-api/rucio/stagings/",
    "POST /esap-api/rucio/stagings/{staging_id}/extend/",
    "POST /esap-api/uws/jobs/",
}
WRITES = {f"{each.method} {each.path}": each for each in operations() if each.method != "GET"}


def not_theirs_to_set(other):
    """Return what no caller may set about anything, in whatever body it comes."""
    return {
        "id": OTHER_ID,
        "user": other.pk,
        "user_id": other.pk,
        "owner": other.pk,
        "user_name": other.username,
        "username": other.username,
        "user_profile": other.username,
        "role": "admin",
        "is_staff": True,
        "is_superuser": True,
        "is_active": True,
        "groups": ["/admins"],
        "claimed_groups": ["/admins"],
        "issuer": "https://login.evil.example.org",
        "subject": "bob-subject",
        "user_email": "bob@mail.example.org",
        "email": "bob@mail.example.org",
        "version": 99,
        "visitor": "a" * 64,
        "digest": "a" * 64,
        "last_used": "2020-01-01T00:00:00Z",
        "revoked": None,
        "state": "live",
        "phase": "COMPLETED",
        "results": [{"name": "x", "media_type": "text/html", "link": "https://evil.example.org"}],
        "destruction": "2999-01-01T00:00:00Z",
    }


def test_every_write_is_tried():
    assert WRITES.keys() == BODIES.keys()


@pytest.mark.parametrize("name", [name for name in BODIES if "account/" not in name])
def test_a_body_sets_nothing_but_what_it_may(name, adas, ada, bob):
    asked, extra = WRITES[name], not_theirs_to_set(bob.user)
    body = BODIES[name] or {}
    users = list(User.objects.order_by("pk").values())
    completed = set(Job.objects.filter(phase="COMPLETED").values_list("pk", flat=True))
    versions = dict(Basket.objects.values_list("pk", "version"))

    answer = ada.ask(
        asked.method,
        adas.address(asked),
        type(body)({**extra, **body}),
        if_match="*",
        prefer="respond-async",
    )

    if name in REFUSING:
        assert verdict(answer) == (400, "invalid-request")
    else:
        assert answer.status_code in {200, 201, 202, 204, 303}, answer.content
    assert list(User.objects.order_by("pk").values()) == users
    for model in (Basket, ApiToken, Grant, AuditEvent):
        assert not model.objects.exclude(user=ada.user).exists()
    assert not Job.objects.exclude(owner=ada.user).exists()
    assert not Job.objects.filter(phase="COMPLETED").exclude(pk__in=completed).exists()
    assert not Job.objects.filter(destruction__year=2999).exists()
    assert not Webhook.objects.exclude(owner=ada.user).exists()
    assert not Job.objects.filter(pk=uuid.UUID(OTHER_ID)).exists()
    assert not Webhook.objects.filter(pk=uuid.UUID(OTHER_ID)).exists()
    assert not ApiToken.objects.filter(pk=uuid.UUID(OTHER_ID)).exists()
    assert not ApiToken.objects.filter(digest="a" * 64).exists()
    assert not ApiToken.objects.exclude(last_used=None).exists()
    assert all(basket.version - versions.get(basket.pk, 0) <= 1 for basket in Basket.objects.all())


def test_a_token_has_the_scopes_it_was_made_with(ada):
    narrow = ada.make_token("query:read")

    for scopes in (["*"], ["admin"], ["read", "admin:write"], "write", []):
        answer = ada.post(f"{A}api-tokens/", {"name": "t", "scopes": scopes})
        assert verdict(answer) == (400, "invalid-request")
    for method in ("PUT", "PATCH"):
        address = f"{A}api-tokens/{ApiToken.objects.get().pk}/"
        assert verdict(ada.ask(method, address, {"scopes": ["write"]}))[0] == 405

    assert ApiToken.objects.get().scopes == ["query:read"]
    assert verdict(narrow.get(f"{A}export/")) == (403, "not-allowed")


def test_a_login_gives_the_role_that_the_groups_give_and_no_other(provider, configured, db):
    provider.claims |= {"role": "admin", "is_staff": True, "is_superuser": True, "id": 1}

    provider.log_in(Caller().http, "?role=admin&is_superuser=1")

    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser) == ("user", False, False)


def secrets_of_all():
    """Return all that is stored and that no answer may have, whoever asks."""
    Grant.objects.update(id_token="sealed-id-token-of-a-login")
    for grant in Grant.objects.all():
        PeerToken.objects.filter(grant=grant).update(token="sealed-access-token-for-a-peer")
    Grant.objects.update(refresh_token="sealed-refresh-token", session_key="session-of-a-login")
    return [
        *ApiToken.objects.values_list("digest", flat=True),
        *Basket.objects.exclude(visitor="").values_list("visitor", flat=True),
        "sealed-id-token-of-a-login",
        "sealed-access-token-for-a-peer",
        "sealed-refresh-token",
        "session-of-a-login",
        PASSWORD_HASH,
        *Webhook.objects.values_list("sealed_secret", flat=True),
        *Job.objects.exclude(share="").values_list("share", flat=True),
        *IdempotencyKey.objects.values_list("digest", flat=True),
    ]


def test_no_answer_has_what_is_secret_or_anothers(adas, ada, bob):
    visitor = Caller()
    visitor.post(f"{A}basket/items/", STAR)
    shared = ada.post(f"/esap-api/jobs/{adas.job}/share/").json()["token"]
    ada.post("/esap-api/query/searches/", CONE, prefer="respond-async", idempotency_key='"a"')
    signed = ada.post(f"/esap-api/jobs/webhooks/{adas.webhook}/secret/").json()["secret"]
    hidden = [*secrets_of_all(), visitor.http.session[VISITOR_KEY], adas.token_text]
    hidden += [shared, signed]
    addresses = [adas.address(each) for each in reads()]

    def slips(caller, of_another, accept):
        for path in addresses:
            answer = caller.get(path, accept=accept)
            told = f"{answer.headers} {answer.getvalue().decode()}"
            answer.close()
            yield from ((path, one) for one in [*hidden, of_another] if one in told)

    whoami = ada.get(f"{A}whoami/").content.decode()
    assert "ada@mail" in whoami  # so what may be seen is seen
    for caller, of_another in ((ada, "bob@mail"), (bob, "ada@mail"), (visitor, "@mail.")):
        assert list(slips(caller, of_another, "application/json")) == []
    assert list(slips(ada, "bob@mail", "text/html")) == []


def test_no_page_of_the_admin_has_what_is_secret(adas):
    Caller().post(f"{A}basket/items/", STAR)
    hidden = secrets_of_all()
    admin = Caller(make_user("root", role="admin", is_staff=True, is_superuser=True))

    for path in admin_pages():
        answer = admin.get(path, accept="text/html")
        assert answer.status_code == 200
        assert [one for one in hidden if one in answer.content.decode()] == [], path
