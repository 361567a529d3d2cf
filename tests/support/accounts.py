"""A gateway whose users log in at a test IAM: its entries, and browsers without a screen."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from django.conf import settings
from django.test import Client

from tests.support.iam import Iam, client_secret, log_in_at, new_session

__all__ = ["Browser", "Caller", "connection_entry", "provider_entry", "write_accounts"]

AUTHENTICATE = "/esap-api/oidc/authenticate"


def provider_entry(iam: Iam, client: str = "esap", **changes: Any) -> dict[str, Any]:
    """Return the entry of a provider, as an operator writes it."""
    return {
        "id": "iam",
        "type": "oidc",
        "title": "ESCAPE IAM",
        "issuer": iam.url,
        "private_network": True,
        "client_id": client,
        "client_secret": f"file:{_secret_file(client)}",
        "scopes": ["openid", "profile", "email", "offline_access", "wlcg.groups"],
        "admin_groups": ["/escape/esap/admins"],
        **changes,
    }


def connection_entry(iam: Iam, **changes: Any) -> dict[str, Any]:
    """Return the entry of a peer with a login of its own, which here is another client."""
    return {
        "id": "hub",
        "type": "oauth",
        "title": "The hub",
        "url": iam.url,
        "private_network": True,
        "authorization_url": iam.discovery["authorization_endpoint"],
        "token_url": iam.discovery["token_endpoint"],
        "revocation_url": iam.discovery["revocation_endpoint"],
        "user_url": iam.discovery["userinfo_endpoint"],
        "user_field": "preferred_username",
        "client_id": "hub",
        "client_secret": f"file:{_secret_file('hub')}",
        "scopes": ["openid", "profile"],
        **changes,
    }


def write_accounts(folder: Path, **sections: list[dict[str, Any]]) -> Path:
    """Write a file of entries with these sections of `accounts`."""
    file = folder / "accounts.yaml"
    file.write_text(yaml.safe_dump({"accounts": sections}, sort_keys=False))
    return file


class Browser:
    """A user's browser: cookies for the gateway, and a session at the provider."""

    def __init__(self, **headers: str) -> None:
        self.gateway = Client(headers={"accept": "text/html", **headers})
        self.provider = new_session()

    def begin(self, query: str = "") -> str:
        """Go to the login; return where at the provider the gateway sends the user."""
        answer = self.gateway.get(AUTHENTICATE + query)
        assert answer.status_code == 302, answer.content
        return answer.url

    def sign_in(self, user: str, query: str = "") -> str:
        """Log in at the provider; return the callback's address, not followed yet."""
        return log_in_at(self.provider, self.begin(query), user)

    def come_back(self, callback: str) -> Any:
        """Follow the callback to the gateway; return its answer."""
        address = urlsplit(callback)
        return self.gateway.get(f"{address.path}?{address.query}")

    def log_in(self, user: str, query: str = "") -> Any:
        """Log in from beginning to end; return the gateway's last answer."""
        return self.come_back(self.sign_in(user, query))

    def get(self, path: str, **headers: str) -> Any:
        """Ask the gateway for JSON."""
        return self.gateway.get(path, headers={"accept": "application/json", **headers})


class Caller:
    """A program that comes with a bearer token, or with none."""

    def __init__(self, token: str = "") -> None:
        bearer = {"authorization": f"Bearer {token}"} if token else {}
        self.client = Client(headers={"accept": "application/json", **bearer})
        self.get = self.client.get

    def who(self) -> Any:
        """Ask the gateway who we are to it."""
        return self.get("/esap-api/accounts/whoami/")


def _secret_file(client: str) -> Path:
    folder = Path(settings.DATA_DIR) / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / client
    # Moved into place, because tests of other processes may be reading it.
    draft = folder / f"{client}.{os.getpid()}"
    draft.write_text(client_secret(client))
    return draft.replace(file)
