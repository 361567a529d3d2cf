"""An OpenID provider that says what a test wants, true or not, each time it is asked.

with FakeOpenID() as provider:
    settings.ENTRY_FILES = [write_accounts(tmp_path, providers=[provider.entry()])]
    provider.says["/userinfo"] = truncated(b"{", says=100)
    answer = provider.log_in(client)
"""

import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.support.fakes.http import FakePeer, Heard, Script, Step, message

__all__ = ["CALLBACK", "FakeOpenID", "as_json", "new_key"]

AUTHENTICATE = "/esap-api/oidc/authenticate"
CALLBACK = "/esap-api/oidc/callback"
CLIENT = "esap"
_PLAIN_PATHS = ("authorize", "token", "userinfo", "keys", "introspect", "revoke")


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key to sign by ES256 with."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _own_key() -> ec.EllipticCurvePrivateKey:
    return new_key()


def as_json(value: object, status: str = "200 OK", **headers: str) -> Script:
    """Answer with JSON; NaN and infinity are written as Python does."""
    body = json.dumps(value).encode()
    return lambda heard: [message(body, status, Content_Type="application/json", **headers)]


class FakeOpenID:
    """The provider; `says` has a script for each path at which it shall not be as it should."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.says: dict[str, Script] = {}
        self.claims: dict[str, Any] = {
            "sub": "ada-1",
            "name": "Ada Lovelace",
            "preferred_username": "ada",
            "email": "ada@example.org",
            "email_verified": True,
        }
        self.tokens: dict[str, Any] = {}
        """What the token endpoint says beside, or instead of, what it should."""
        self.nonce = ""
        self.peer = FakePeer(self._script, host=host)

    def __enter__(self) -> Self:
        self.peer.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self.peer.__exit__(*details)

    @property
    def url(self) -> str:
        """The issuer."""
        return self.peer.origin

    def asked(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(urlsplit(heard.target).path == path for heard in self.peer.heard)

    def entry(self, **changes: Any) -> dict[str, Any]:
        """Return the entry of this provider, as an operator writes it."""
        return {
            "id": "fake",
            "type": "oidc",
            "title": "The provider",
            "issuer": self.url,
            "private_network": True,
            "client_id": CLIENT,
            "client_authentication": "none",
            "admin_groups": ["/admins"],
            "operator_groups": ["/operators"],
            **changes,
        }

    def connection(self, **changes: Any) -> dict[str, Any]:
        """Return the entry of a peer with a login of its own, which here is the same."""
        return {
            "id": "hub",
            "type": "oauth",
            "title": "The hub",
            "url": self.url,
            "private_network": True,
            "authorization_url": f"{self.url}/authorize",
            "token_url": f"{self.url}/token",
            "revocation_url": f"{self.url}/revoke",
            "user_url": f"{self.url}/userinfo",
            "user_field": "preferred_username",
            "client_id": "hub",
            "client_authentication": "none",
            **changes,
        }

    def sign(
        self,
        key: ec.EllipticCurvePrivateKey | None = None,
        headers: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Sign a good access token for us but for these claims; one that is None is left out."""
        now = int(time.time())
        payload = {
            "iss": self.url,
            "sub": self.claims["sub"],
            "aud": CLIENT,
            "client_id": CLIENT,
            "scope": "openid",
            "iat": now,
            "exp": now + 300,
            **claims,
        }
        payload = {name: value for name, value in payload.items() if value is not None}
        head = {"kid": "one", **(headers or {})}
        return jwt.encode(payload, key or _own_key(), algorithm="ES256", headers=head)

    def id_token(self, **claims: Any) -> str:
        """Sign what a login is answered with."""
        return self.sign(**{"nonce": self.nonce, "client_id": None, "scope": None, **claims})

    def begin(self, client: Any, query: str = "") -> str:
        """Go to the login; return the state with which the gateway sends the user here."""
        return self.noted(client.get(AUTHENTICATE + query))

    def noted(self, answer: Any) -> str:
        """Take note of the nonce in the gateway's redirect to us, and return the state."""
        assert answer.status_code == 302, answer.content
        asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.url).query).items()}
        self.nonce = asked.get("nonce", "")
        return asked["state"]

    def log_in(self, client: Any, query: str = "") -> Any:
        """Log in from beginning to end; return the gateway's last answer."""
        return client.get(f"{CALLBACK}?code=a-code&state={self.begin(client, query)}")

    def _script(self, heard: Heard) -> "list[Step] | Any":
        path = urlsplit(heard.target).path
        if path in self.says:
            return self.says[path](heard)
        return as_json(self._truth(path))(heard)

    def _truth(self, path: str) -> dict[str, Any]:
        match path:
            case "/.well-known/openid-configuration":
                return self._discovery()
            case "/keys":
                public = json.loads(ECAlgorithm.to_jwk(_own_key().public_key()))
                return {"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]}
            case "/token":
                return {
                    "access_token": self.sign(),
                    "token_type": "Bearer",
                    "expires_in": 300,
                    "refresh_token": "a-refresh-token-of-the-fake-provider",
                    "id_token": self.id_token(),
                    **self.tokens,
                }
            case "/introspect":
                return {"active": False}
        return self.claims

    def _discovery(self) -> dict[str, Any]:
        authorize, token, userinfo, keys, introspect, revoke = (
            f"{self.url}/{path}" for path in _PLAIN_PATHS
        )
        return {
            "issuer": self.url,
            "authorization_endpoint": authorize,
            "token_endpoint": token,
            "userinfo_endpoint": userinfo,
            "jwks_uri": keys,
            "introspection_endpoint": introspect,
            "revocation_endpoint": revoke,
        }
