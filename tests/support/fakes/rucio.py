"""A Rucio with a storage that has one file and one rule, and repeats tokens that it does not take.

    with FakeRucio() as lake:
        lake.accounts["the-token-of-ada"] = "ada"

Its answers have the shapes of the real one's, which tests/integration/rucio_app asks.
"""

import json
from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.fakes.http import FakePeer, Heard, Step, message

__all__ = ["CONTENT", "FILE", "RSE", "RULE", "SERVICE_TOKEN", "FakeRucio"]

RSE = "ESAP-COMPUTE"
RULE = "0123456789abcdef0123456789abcdef"
SERVICE_TOKEN = "token-0aZ-of-the-gateways-own-account-at-the-lake"  # noqa: S105 - of a fake
FILE = {"scope": "escape", "name": "a-file-of-the-lake"}
CONTENT = b"stars"


class FakeRucio:
    """The server; `accounts` has the account of each token that it takes."""

    def __init__(self) -> None:
        self.accounts = {SERVICE_TOKEN: "esap"}
        self.peer = FakePeer(self._script)
        self.put: dict[str, bytes] = {}
        """What was written to the storage, by its path there."""

    def __enter__(self) -> Self:
        self.peer.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self.peer.__exit__(*details)

    @property
    def url(self) -> str:
        """Where it is, as an entry has it."""
        return self.peer.origin

    @property
    def storage(self) -> str:
        """Where its files are."""
        return f"{self.url}/storage"

    @property
    def asked_by(self) -> list[str]:
        """The account in whose name each question came, but for logins and pings."""
        tokens = [heard.headers.get("x-rucio-auth-token", "") for heard in self.peer.heard]
        return [self.accounts.get(token, "nobody") for token in tokens if token]

    def _script(self, heard: Heard) -> list[Step]:
        steps = [unquote(step) for step in urlsplit(heard.target).path.split("/") if step]
        if steps[0] == "storage":
            return self._stored(heard, steps[-1])
        if steps == ["ping"]:
            return _json({"version": "41.5"})
        if steps == ["auth", "userpass"]:
            token, ends = SERVICE_TOKEN, "Sun, 22 Nov 2099 15:42:15 UTC"
            return [message(X_Rucio_Auth_Token=token, X_Rucio_Auth_Token_Expires=ends)]
        token = heard.headers.get("x-rucio-auth-token", "")
        account = self.accounts.get(token)
        if account is None:
            return _error("401 Unauthorized", "CannotAuthenticate", f"{token} is no token")
        lfn = parse_qs(urlsplit(heard.target).query).get("lfn", [""])[0]
        return _answer(heard.method, steps, account, self.storage, lfn)

    def _stored(self, heard: Heard, name: str) -> list[Step]:
        if heard.method == "PUT":
            self.put[name] = heard.body
        if heard.method == "HEAD":
            return [message(Content_Length=str(len(self.put[name])))]
        return [message(CONTENT if heard.method == "GET" else b"")]


def _answer(  # noqa: C901, PLR0911, PLR0912 - a table of cases
    method: str, steps: Sequence[str], account: str, storage: str, lfn: str
) -> list[Step]:
    match (method, *steps):
        case "GET", "accounts", "whoami":
            return [message(status="303 See Other", Location=f"/accounts/{account}")]
        case "GET", "accounts", name:
            return _json({"account": name, "status": "ACTIVE"})
        case "GET", "accounts", name, "identities":
            return _lines({"type": "OIDC", "identity": f"SUB={name}-subject"})
        case "GET", "accounts", _, "usage":
            room = {"bytes": 0, "files": 0, "bytes_limit": 1000, "bytes_remaining": 1000}
            return _lines({"rse": RSE, **room})
        case "GET", "scopes":
            return _json(["escape"])
        case "GET", "scopes", name, "scopes":
            return _json([f"user.{name}"])
        case "POST", "dids", "bulkmeta":
            return _lines({**FILE, "did_type": "FILE", "bytes": 5})
        case "GET", "dids", _, "dids", "search":
            return _lines({**FILE, "did_type": "FILE", "bytes": 5})
        case "GET", "dids", scope:
            above = {"level": 1, "parent": {"scope": scope, "name": "all"}}
            return _lines({**FILE, "type": "FILE", "bytes": 5, **above})
        case "GET", "dids", _, name if name == FILE["name"]:
            return _json({**FILE, "type": "FILE", "bytes": 5})
        case "GET", "dids", _, _, "meta":
            return _json({"scope": FILE["scope"], "name": FILE["name"], "telescope": "LOFAR"})
        case "GET", "dids", _, _, "dids" | "parents":
            return _lines()
        case "POST", "replicas", "list":
            links = {RSE: [f"{storage}/{FILE['name']}"]}
            return _lines({**FILE, "bytes": 5, "states": {RSE: "AVAILABLE"}, "rses": links})
        case "GET", "rses":
            return _lines({"rse": RSE})
        case "GET", "rses", rse:
            protocol = {"scheme": "http", "domains": {"wan": {"read": 1, "write": 1}}}
            can = {"deterministic": True, "availability_write": True}
            return _json({"rse": rse, "protocols": [protocol], **can})
        case "GET", "rses", _, "lfns2pfns":
            return _json({lfn: f"{storage}/{lfn.rpartition(':')[2]}"})
        case "POST", "replicas":
            return [message(b"Created", "201 Created")]
        case "GET", "rses", _, "attr" | "limits":
            return _json({})
        case "GET", "rses", _, "usage":
            return _lines()
        case "GET", "rses", _, "distances", _:
            return _json([{"distance": 1}])
        case "POST", "rules":
            return _json([RULE], "201 Created")
        case "GET", "rules":
            return _lines(_rule(account))
        case "GET", "rules", rule_id if rule_id == RULE:
            return _json(_rule(account))
        case "GET", "rules", _, "locks":
            return _lines({**FILE, "rse": RSE, "state": "OK"})
        case "GET", "rules", _, _, "history":
            return _lines()
        case "PUT", "rules", rule_id if rule_id == RULE:
            return [message()]
    return _error("404 Not Found", "RuleNotFound", "there is no such thing")


def _rule(account: str) -> dict[str, Any]:
    return {"id": RULE, **FILE, "account": account, "state": "OK", "rse_expression": RSE}


def _json(value: object, status: str = "200 OK") -> list[Step]:
    return [message(json.dumps(value).encode(), status, Content_Type="application/json")]


def _lines(*values: object) -> list[Step]:
    body = "".join(f"{json.dumps(value)}\n" for value in values).encode()
    return [message(body, Content_Type="application/x-json-stream")]


def _error(status: str, name: str, why: str) -> list[Step]:
    body = json.dumps({"ExceptionClass": name, "ExceptionMessage": why}).encode()
    return [message(body, status, ExceptionClass=name, ExceptionMessage=why)]
