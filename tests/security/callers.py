"""Those who ask the gateway: users, visitors and nobody, with what each of them can show."""

import json
from typing import Any
from urllib.parse import quote

from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.models import User

__all__ = ["BY_FORCE", "PASSWORD_HASH", "Caller", "Form", "make_user", "verdict"]

BY_FORCE = "django.contrib.auth.backends.ModelBackend"
PASSWORD_HASH = "md5$salt$the-hash-of-a-password"
_CSRF = "a" * 32
OUR_PAGE = {"sec-fetch-site": "same-origin"}


def make_user(name: str, **members: Any) -> User:
    """Make a user as a login would, with an address and a password for their owner's eyes only."""
    user = User(
        username=name,
        password=PASSWORD_HASH,
        email=f"{name}@mail.example.org",
        issuer="https://login.example.org",
        subject=f"{name}-subject",
        **members,
    )
    user.save()
    return user


class Form(dict[str, Any]):
    """A body that is sent as a form, with its files (RFC 7578), and not as JSON."""


class Caller:
    """A client of the gateway that is nobody's until it logs in; bugs are answers (500) to it.

    Its writes come from a page of ours, as a browser says, unless a header says otherwise.
    """

    def __init__(self, user: User | None = None, token: str = "") -> None:
        self.http = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.token = token
        self.user = user
        if user is not None and not token:
            self.http.force_login(user, BY_FORCE)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask, with a body of JSON or a form if there is one; in names of headers `_` is `-`."""
        sent = {"accept": "application/json", **({} if self.token else OUR_PAGE)}
        if self.token:
            sent["authorization"] = f"Bearer {self.token}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        text, kind = _written(body)
        return self.http.generic(
            method,
            quote(path, safe="/?&=:%,@'+~$"),
            text,
            kind,
            headers={name: value for name, value in sent.items() if value},
        )

    def get(self, path: str, **headers: str) -> Any:
        """Read."""
        return self.ask("GET", path, **headers)

    def text(self, path: str, **headers: str) -> str:
        """Read a whole body, and close it: what is left open counts as going on."""
        answer = self.get(path, **headers)
        body: str = answer.getvalue().decode()
        answer.close()
        return body

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """Write."""
        return self.ask("POST", path, body, **headers)

    def send_form(self, path: str, form: dict[str, Any]) -> Any:
        """Send a form with a CSRF token of one's own, as a program can that has its cookies."""
        self.http.cookies["csrftoken"] = _CSRF
        return self.http.post(path, form, headers={"x-csrftoken": _CSRF, "accept": "text/html"})

    def make_token(self, *scopes: str) -> "Caller":
        """Make an API token, and return a caller who has nothing but that."""
        answer = self.post(
            "/esap-api/accounts/api-tokens/", {"name": " ".join(scopes), "scopes": scopes}
        )
        assert answer.status_code == 201, answer.content
        return Caller(self.user, answer.json()["token"])

    def display_token(self) -> "Caller":
        """Return a caller who has nothing but the token that the profile shows."""
        (shown,) = self.get("/esap-api/accounts/user-profiles/").json()["results"]
        return Caller(self.user, shown["oidc_access_token"])


def _written(body: Any) -> tuple[str | bytes, str]:
    """Return a body as it is sent, and its media type."""
    if not isinstance(body, Form):
        return "" if body is None else json.dumps(body), "application/json"
    members = {name: each if hasattr(each, "read") else str(each) for name, each in body.items()}
    return encode_multipart(BOUNDARY, members), MULTIPART_CONTENT


def verdict(answer: Any) -> tuple[int, str]:
    """Return the status of an answer, and the slug of its problem if it is one."""
    is_problem = answer.headers.get("Content-Type", "") == "application/problem+json"
    return answer.status_code, answer.json()["slug"] if is_problem else ""
