"""The test IAM as tests use it: logins without a browser, its tokens, bad tokens, and failures.

iam = Iam(info.url)                  # the fixture `iam` gives the PeerInfo
tokens = iam.log_in("alice")
own = own_iam(access_token_ttl=2)    # a fixture: an instance that a test may break
"""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import jwt
import requests

from tests.support.minting import sign

CALLBACK = "http://testserver/esap-api/oidc/callback"
SCOPES = "openid profile email offline_access wlcg.groups"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
MOST_HOPS = 10


def client_secret(client: str) -> str:
    """Give the secret of a client, which is made of its name."""
    return f"{client}-secret-of-the-tests-0123456789abcdef"


def new_session() -> requests.Session:
    """Make a session that minds neither proxies nor .netrc: a user's browser, when it logs in."""
    session = requests.Session()
    session.trust_env = False
    return session


def log_in_at(
    browser: requests.Session,
    authorize_url: str,
    user: str,
    password: str | None = None,
) -> str:
    """Go to an authorization URL, log in where the form shows, and return the callback's URL.

    The callback is not followed: it is the first address that is not the provider's. `browser`
    keeps the user's session at the provider, so that a second login with it shows no form.
    """
    provider = urlsplit(authorize_url)[:2]
    answer = browser.get(authorize_url, allow_redirects=False, timeout=10)
    for _ in range(MOST_HOPS):
        if answer.is_redirect:
            target = urljoin(answer.url, answer.headers["location"])
            if urlsplit(target)[:2] != provider:
                return target
            answer = browser.get(target, allow_redirects=False, timeout=10)
        elif answer.ok and (
            form := re.search(r'<form method="post" action="([^"]+)"', answer.text)
        ):
            answer = browser.post(
                urljoin(answer.url, form[1]),
                data={"username": user, "password": password or user},
                allow_redirects=False,
                timeout=10,
            )
        else:
            break
    raise AssertionError(f"The login of {user} got stuck, at {answer.status_code}: {answer.text}")


def send_form(
    browser: requests.Session, page: requests.Response, **fields: str
) -> requests.Response:
    """Send the form of a page, with its hidden fields and these; a redirect is not followed."""
    action = re.search(r'<form [^>]*action="([^"]+)"', page.text)
    assert action, f"There is no form: {page.text}"
    hidden = dict(re.findall(r'<input type="?hidden"? name="(\w+)" value="(\S*?)"', page.text))
    return browser.post(
        urljoin(page.url, action[1]), data=hidden | fields, allow_redirects=False, timeout=10
    )


def parameters_of(url: str) -> dict[str, str]:
    """Give the parameters of a URL, such as a callback's; each counts once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


class Iam:
    """One instance of the provider."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = new_session()
        """For requests that have no method here."""

    @cached_property
    def discovery(self) -> dict[str, Any]:
        """What the provider says of itself."""
        return self.http.get(f"{self.url}/.well-known/openid-configuration", timeout=10).json()

    # What clients do

    def authorize_url(
        self,
        *,
        client: str = "esap",
        redirect_uri: str = CALLBACK,
        scope: str = SCOPES,
        **parameters: str,
    ) -> str:
        asked = {
            "client_id": client,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": scope,
            **parameters,
        }
        return f"{self.discovery['authorization_endpoint']}?{urlencode(asked)}"

    def log_in(
        self,
        user: str,
        *,
        client: str = "esap",
        redirect_uri: str = CALLBACK,
        browser: requests.Session | None = None,
        **parameters: str,
    ) -> dict[str, Any]:
        """Log a user in and return the token endpoint's answer; `parameters` go into the URL."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        url = self.authorize_url(
            client=client,
            redirect_uri=redirect_uri,
            code_challenge=challenge.rstrip(b"=").decode(),
            code_challenge_method="S256",
            **parameters,
        )
        callback = parameters_of(log_in_at(browser or new_session(), url, user))
        assert "code" in callback, f"The login was refused: {callback}"
        answer = self.token(
            client,
            grant_type="authorization_code",
            code=callback["code"],
            redirect_uri=redirect_uri,
            code_verifier=verifier,
        )
        answer.raise_for_status()
        return answer.json()

    def token(self, client: str = "esap", **form: str) -> requests.Response:
        """Ask the token endpoint."""
        return self._as_client("token_endpoint", client, form)

    def refresh(self, refresh_token: str, client: str = "esap", **form: str) -> requests.Response:
        return self.token(client, grant_type="refresh_token", refresh_token=refresh_token, **form)

    def exchange(self, subject_token: str, client: str = "esap", **form: str) -> requests.Response:
        return self.token(
            client,
            grant_type=EXCHANGE,
            subject_token=subject_token,
            subject_token_type=ACCESS_TOKEN,
            **form,
        )

    def introspect(self, token: str, client: str = "esap") -> dict[str, Any]:
        answer = self._as_client("introspection_endpoint", client, {"token": token})
        answer.raise_for_status()
        return answer.json()

    def revoke(self, token: str, client: str = "esap") -> None:
        """Revoke a token, as its client may."""
        self._as_client("revocation_endpoint", client, {"token": token}).raise_for_status()

    def log_out(self, browser: requests.Session, **parameters: str) -> str:
        """End the user's session at the provider; return where the user is sent then."""
        url = self.discovery["end_session_endpoint"]
        page = browser.get(url, params=parameters, timeout=10)
        return send_form(browser, page, logout="yes").headers["location"]

    def device_code(self, **form: str) -> dict[str, Any]:
        """Begin a login of `esap-cli` by device code (RFC 8628)."""
        return self._as_client("device_authorization_endpoint", "esap-cli", form).json()

    def approve(self, verification_url: str, user: str) -> None:
        """Let a user approve a device code."""
        browser = new_session()
        page = browser.get(verification_url, timeout=10)
        for _ in range(MOST_HOPS):
            if page.is_redirect:
                page = browser.get(urljoin(page.url, page.headers["location"]), timeout=10)
            elif "<form" in page.text:
                page = send_form(browser, page, username=user, password=user, confirm="yes")
        assert page.ok, page.text

    def userinfo(self, access_token: str) -> requests.Response:
        return self.http.get(
            self.discovery["userinfo_endpoint"],
            headers={"Authorization": f"Bearer {access_token}"},
            timeout=10,
        )

    def claims(self, token: str) -> dict[str, Any]:
        """Read a JWT of the provider, checking the signature with its public keys, and no more."""
        key = jwt.PyJWKSet.from_dict(self.jwks())[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=["RS256", "ES256"], options={"verify_aud": False})

    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        return self.http.get(self.discovery["jwks_uri"], timeout=10).json()

    # What tests do to it

    def users(self) -> dict[str, dict[str, Any]]:
        """Everybody who can log in, with all claims, by login name."""
        return self._test("GET", "users")

    def keys(self) -> dict[str, dict[str, Any]]:
        """The private keys, by algorithm: `RS256` and `ES256`."""
        return {key["alg"]: key for key in self._test("GET", "keys")["keys"]}

    def mint(
        self,
        *,
        user: str = "alice",
        alg: str = "RS256",
        kid: str | None = None,
        key: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Sign a token with the provider's own key, that it never issued.

        It is a good access token of `user` for the audience `esap`, for five minutes, but for the
        `claims` that are given; a claim that is None is left out. `alg="none"` does not sign, and
        `alg="HS256"` takes the public key for the secret, as an attacker would. `key` is another
        private JWK, `kid` another name for it.
        """
        now = int(time.time())
        payload: dict[str, Any] = {
            "iss": self.url,
            "sub": self.users()[user]["sub"],
            "aud": "esap",
            "client_id": "esap",
            "scope": SCOPES,
            "jti": secrets.token_hex(8),
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "wlcg.ver": "1.0",
            **claims,
        }
        payload = {name: value for name, value in payload.items() if value is not None}
        own = self.keys()["ES256" if alg == "ES256" else "RS256"]
        head = {"kid": kid or (key or own)["kid"], **(headers or {})}
        return sign(payload, head, alg=alg, key=dict(key or own))

    def hits(self) -> dict[str, int]:
        """Requests so far, by path."""
        return self._test("GET", "hits")["paths"]

    def grants(self) -> dict[str, int]:
        """Requests of the token endpoint so far, by grant type."""
        return self._test("GET", "hits")["grants"]

    def forget_hits(self) -> None:
        self._test("DELETE", "hits")

    def fault(
        self,
        path: str,
        *,
        status: int | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0,
        times: int = 1,
    ) -> None:
        """Let the next requests of a path fail with that answer; without a status, only come late.

        `delay` is in seconds.
        """
        fault = {"path": path, "delay_ms": delay * 1000, "times": times, "headers": headers or {}}
        if status is not None:
            fault["status"] = status
        if body is not None:
            fault["body"] = body
        self._test("POST", "fault", fault)

    def clear_faults(self) -> None:
        self._test("DELETE", "fault")

    def rotate_keys(self) -> None:
        """Replace all keys. What the old ones signed is no longer good."""
        self._test("POST", "rotate-keys")

    def settings(self, **changes: object) -> dict[str, Any]:
        """Change settings, until the instance is stopped; return them all (see `settings.mjs`)."""
        return self._test("POST", "settings", changes) if changes else self._test("GET", "settings")

    def revoke_user(self, user: str) -> None:
        """End all that a user has granted to clients, as an administrator of the provider can."""
        self._test("POST", "revoke", {"user": user})

    def _as_client(self, endpoint: str, client: str, form: Mapping[str, str]) -> requests.Response:
        data, credentials = dict(form), None
        if client == "esap-cli":
            data["client_id"] = client
        elif client == "esap-post":
            data |= {"client_id": client, "client_secret": client_secret(client)}
        else:
            credentials = (client, client_secret(client))
        return self.http.post(self.discovery[endpoint], data=data, auth=credentials, timeout=10)

    def _test(self, method: str, name: str, body: object = None) -> dict[str, Any]:
        answer = self.http.request(method, f"{self.url}/__test/{name}", json=body, timeout=10)
        said: dict[str, Any] = answer.json()
        assert answer.ok, said["error"]
        return said
