"""API10:2023 Unsafe Consumption of APIs: what a provider says may be too much, broken, or a lie.

Whatever it is, a login ends with a problem, nobody is made of it, and nothing of it is a script.
"""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Grant, PeerToken, User
from accounts.tokens import token_for
from esap.errors import EsapError
from tests.security.callers import Caller, make_user, verdict
from tests.security.routes import admin_pages
from tests.support.fakes.http import answer, bomb, chunked, hang_up, truncated
from tests.support.fakes.openid import CALLBACK, as_json

pytestmark = pytest.mark.django_db

A = "/esap-api/accounts/"
HUGE = answer(
    b'{"sub": "ada-1", "name": "' + b"x" * (1 << 20) + b'"}', Content_Type="application/json"
)
NESTED = answer(b'{"sub": "ada-1", "name": ' + b"[" * 100_000, Content_Type="application/json")
PAGE = answer(b"<html><h1>Please log in</h1></html>", Content_Type="text/html")
UNREADABLE = (502, "unreadable-answer")
BROKEN = {
    "huge": (HUGE, (413, "too-large")),
    "a bomb": (bomb(4), (413, "too-large")),
    "truncated": (truncated(b'{"sub": "ada-1"', says=999), UNREADABLE),
    "cut off between chunks": (chunked(b'{"sub":', end=b""), UNREADABLE),
    "nested without an end": (NESTED, UNREADABLE),
    "a page": (PAGE, UNREADABLE),
    "empty": (answer(b""), UNREADABLE),
    "not UTF-8": (answer(b'{"sub": "\xff\xfe"}', Content_Type="application/json"), UNREADABLE),
    "half a character": (as_json({"sub": "ada-1", "name": "\ud83d"}), UNREADABLE),
    "nothing": (hang_up, (503, "backend-unavailable")),
    "an error": (as_json({"error": "x" * 5000}, "500 Internal Server Error"), None),
}
WRONG_INFO = {
    "a list": [],
    "a number": 7,
    "null": None,
    "of nobody": {"name": "Ada"},
    "of another": {"sub": "bob-1"},
    "of a number": {"sub": 1},
    "of a list": {"sub": ["ada-1"]},
}
# What a token endpoint says instead of what it should.
WRONG_TOKENS = {
    "no access token": {"access_token": None},
    "an empty access token": {"access_token": ""},
    "an access token that is a list": {"access_token": ["a", "b"]},
    "an access token that is a number": {"access_token": 7},
    "a token of another type": {"token_type": "DPoP"},
    "an ID token that is an object": {"id_token": {"sub": "ada-1"}},
    "no ID token": {"id_token": ""},
    "a refresh token that is an object": {"refresh_token": {"a": 1}},
    "a token with a line break": {"access_token": "a\r\nX-Admin: yes"},
    "a scope with U+0000": {"scope": "openid\0"},
    "an end that is a text": {"expires_in": "soon"},
    "an end that is no number": {"expires_in": float("nan")},
    "an end without an end": {"expires_in": float("inf")},
    "an end before the beginning": {"expires_in": -1e300},
    "a scope that is a list": {"scope": ["openid"]},
}
STRANGE_CLAIMS = {
    "objects": {"name": {"a": 1}, "email": ["x"], "preferred_username": [], "groups": {"a": "b"}},
    "numbers": {"name": 7, "email": 7, "preferred_username": 7, "groups": 7},
    "U+0000": {"name": "A\0da", "email": "a\0@b", "preferred_username": "a\0da", "groups": ["g\0"]},
    "too much": {
        "name": "n" * 2_000,
        "email": "e" * 2_000,
        "preferred_username": "u" * 2_000,
        "groups": ["g" * 2_000],
    },
    "half a character": {
        "name": "\ud83d",
        "email": "\ud83d@x",
        "preferred_username": "\ud83d",
        "groups": ["\ud83d"],
    },
    "lines": {"name": "Ada\r\nSet-Cookie: a=b", "preferred_username": "a\r\nb", "groups": ["a\nb"]},
}
BAD_SUBJECTS = ["", "s" * 256, "a\0b", "\ud83d", "a\nb"]
SCRIPT = "<script>alert(1)</script>"


def refused(provider):
    """Log in, and return the verdict; assert that nobody is made of it, and nothing kept."""
    browser = Caller()
    state = provider.begin(browser.http)
    how = verdict(browser.get(f"{CALLBACK}?code=a-code&state={state}"))
    assert (User.objects.count(), Grant.objects.count(), PeerToken.objects.count()) == (0, 0, 0)
    assert browser.get(f"{A}whoami/").json()["authenticated"] is False
    return how


@pytest.mark.parametrize(("script", "how"), BROKEN.values(), ids=BROKEN)
def test_what_is_said_of_a_user_is(script, how, provider, configured, db):
    provider.says["/userinfo"] = script

    assert refused(provider) == (how or (502, "backend-failed"))


@pytest.mark.parametrize(("script", "how"), BROKEN.values(), ids=BROKEN)
def test_what_a_code_is_answered_with_is(script, how, provider, configured, db):
    provider.says["/token"] = script

    assert refused(provider) == (how or (503, "backend-unavailable"))


@pytest.mark.parametrize(("script", "how"), BROKEN.values(), ids=BROKEN)
def test_what_should_be_keys_is(script, how, provider, configured, db):
    provider.says["/keys"] = script

    assert refused(provider) == (how or (502, "backend-failed"))


@pytest.mark.parametrize("said", WRONG_INFO.values(), ids=WRONG_INFO)
def test_what_is_said_of_a_user_is_not_it(said, provider, configured, db):
    provider.says["/userinfo"] = as_json(said)

    assert refused(provider) == (403, "login-failed")


@pytest.mark.parametrize("said", WRONG_TOKENS.values(), ids=WRONG_TOKENS)
def test_the_tokens_are(said, provider, configured, db):
    provider.tokens = said

    assert refused(provider) in {
        UNREADABLE,
        (403, "login-failed"),
        (502, "backend-failed"),
    }


@pytest.mark.parametrize("claims", STRANGE_CLAIMS.values(), ids=STRANGE_CLAIMS)
@pytest.mark.parametrize("place", ["the ID token", "what is said of the user"])
def test_strange_claims_make_a_user_whom_every_page_can_show(claims, place, provider, ada):
    browser = Caller()
    state = provider.begin(browser.http)
    if place == "the ID token":
        provider.tokens = {"id_token": provider.id_token(**claims)}
    elif claims is not STRANGE_CLAIMS["half a character"]:  # no JSON says that, see above
        provider.claims |= claims

    answer = browser.get(f"{CALLBACK}?code=a-code&state={state}")

    assert answer.status_code == 302, answer.content
    user = User.objects.exclude(username="ada").get()
    for text in (user.username, user.full_name, user.email, *user.claimed_groups):
        assert text.isprintable()
        assert len(text) <= 255
    (profile,) = browser.get(f"{A}user-profiles/").json()["results"]
    assert profile["user_name"] == user.username
    for path in ("/", f"{A}whoami/", f"{A}user-profiles/{user.username}/"):
        assert browser.get(path, accept="text/html").status_code == 200


def test_a_token_without_an_end_is_kept_for_a_year_at_most(provider, configured, db):
    provider.tokens = {"expires_in": 1e300}

    assert provider.log_in(Caller().http).status_code == 302

    assert PeerToken.objects.get().expires < timezone.now() + timedelta(days=366)


@pytest.mark.parametrize("subject", BAD_SUBJECTS, ids=ascii)
def test_nobody_is_a_subject_that_cannot_be_one(subject, provider, configured, db):
    """OpenID Connect Core 1.0, section 2: at most 255 ASCII characters."""
    provider.claims["sub"] = subject

    assert refused(provider) == (403, "login-failed")
    bearer = Caller(token=provider.sign())
    assert verdict(bearer.get(f"{A}whoami/")) == (401, "invalid-token")
    assert not User.objects.exists()


def test_no_address_makes_somebody_another(provider, configured, db):
    """Users are found by issuer and subject: names and addresses are the provider's to invent."""
    root = make_user("root", role="admin", is_staff=True, is_superuser=True)
    provider.claims |= {"email": root.email, "preferred_username": "root", "name": "root"}
    browser = Caller()

    provider.log_in(browser.http)

    assert User.objects.get(subject="ada-1").username == "root-2"
    told = browser.get(f"{A}whoami/").json()
    assert (told["user_name"], told["role"]) == ("root-2", "user")


def test_markup_in_a_name_is_shown_and_not_obeyed(provider, configured, db):
    provider.claims |= {"name": SCRIPT, "preferred_username": f"eve{SCRIPT}", "groups": [SCRIPT]}
    provider.claims |= {"email": f'"{SCRIPT}"@example.org'}
    browser = Caller()
    provider.log_in(browser.http)
    root = Caller(make_user("root", role="admin", is_staff=True, is_superuser=True))

    own = ["/", "/esap-api/", f"{A}whoami/", f"{A}user-profiles/", f"{A}audit/", f"{A}baskets/"]
    pages = [browser.get(path, accept="text/html") for path in own]
    pages += [root.get(path, accept="text/html") for path in admin_pages()]

    texts = [page.content.decode() for page in pages]
    assert {page.status_code for page in pages} == {200}
    assert [text for text in texts if SCRIPT in text] == []
    assert len([text for text in texts if "&lt;script&gt;alert(1)&lt;/script&gt;" in text]) > 3


def test_markup_in_a_failure_is_shown_and_not_obeyed(provider, configured, db):
    provider.says["/token"] = as_json({"error": SCRIPT, "error_description": SCRIPT}, "400 Bad")
    browser = Caller()
    state = provider.begin(browser.http)

    page = browser.get(f"{CALLBACK}?code=a-code&state={state}", accept="text/html")
    given_up = browser.get(f"{CALLBACK}?error={SCRIPT}&state={state}", accept="text/html")

    assert [page.status_code, given_up.status_code] == [502, 403]
    assert SCRIPT not in page.content.decode() + given_up.content.decode()


def test_a_name_at_a_peer_is_shown_and_not_obeyed(provider, ada):
    provider.claims["preferred_username"] = SCRIPT
    state = provider.noted(ada.http.get(f"{A}connections/hub/connect"))
    ada.http.get(f"{A}connections/callback?code=c&state={state}")

    page = ada.get(f"{A}connections/hub/", accept="text/html").content.decode()

    assert Grant.objects.get().subject == SCRIPT
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(("script", "how"), BROKEN.values(), ids=BROKEN)
def test_a_renewal_is_answered_with(script, how, provider, configured, db):
    provider.log_in(Caller().http)
    user = User.objects.get()
    provider.says["/token"] = script

    with pytest.raises(EsapError) as caught:
        token_for(user, "rucio")

    assert caught.value.slug == (how or (503, "backend-unavailable"))[1]
    assert Grant.objects.count() == 1  # it may be good again


STRANGE_TOKENS = {
    "no object": [],
    "active, of nobody": {"active": True},
    "active for ever": {"active": True, "sub": "ada-1", "exp": float("inf")},
    "active until no time": {"active": True, "sub": "ada-1", "exp": float("nan")},
    "active as a text": {"active": "yes please", "sub": "ada-1"},
    "of another issuer": {"active": True, "sub": "ada-1", "iss": "https://evil.example.org"},
    "for another": {"active": True, "sub": "ada-1", "aud": ["another"], "client_id": "another"},
}


@pytest.mark.parametrize("said", STRANGE_TOKENS.values(), ids=STRANGE_TOKENS)
def test_an_opaque_token_is_said_to_be(said, provider, configured, db):
    provider.says["/introspect"] = as_json(said)
    text = f"opaque-{abs(hash(json.dumps(said)))}-token"

    how = verdict(Caller(token=text).get(f"{A}whoami/"))

    assert how in {(401, "invalid-token"), UNREADABLE}
    assert not User.objects.exists()
