"""The real Rucio as tests use it: what its users and operators do, and what tests do to it.

lake = Lake(info.url, info.links["site"])      # the fixture `rucio` gives the PeerInfo
dataset = lake.dataset({"a.fits": b"..."})
with lake.held():                              # transfers wait
    ...
"""

import hashlib
import json
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import requests

__all__ = ["ROOT_PASSWORD", "ROOT_USER", "SOURCE", "Lake", "unique"]

SOURCE = "LAKE-NL"
ROOT_USER = "ddmlab"
ROOT_PASSWORD = "root-secret"  # noqa: S105 - of a server that only tests can reach


def unique(name: str) -> str:
    """Return a name that no other test has."""
    return f"{name}.{uuid4().hex[:10]}"


def _ask(method: str, url: str, **parts: Any) -> requests.Response:
    """Call on a connection of its own: servers close those that idle, just when one is used."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, **parts)


def _address(link: str, name: str) -> str:
    """Escape what Rucio leaves as it is: the file's name, at the end of each link."""
    assert link.endswith(name), f"{link} is not that of {name}"
    return link.removesuffix(name) + quote(name, safe="/")


class Lake:
    """One Rucio, asked with `requests` and none of the code under test."""

    def __init__(self, url: str, site: str) -> None:
        self.url = url
        self.site = site
        self._tokens: dict[str, str] = {}

    def token(self, account: str, user: str = "", password: str = "") -> str:
        """Log in by user name and password; a token lives for an hour."""
        answer = _ask(
            "GET",
            f"{self.url}/auth/userpass",
            headers={
                "X-Rucio-Account": account,
                "X-Rucio-Username": user or account,
                "X-Rucio-Password": password or f"{account}-secret",
            },
            timeout=30,
        )
        answer.raise_for_status()
        return answer.headers["X-Rucio-Auth-Token"]

    def root(self, method: str, path: str, **parts: Any) -> Any:
        """Call as root, who may do everything; the answer is parsed, and an error is raised."""
        headers = {"X-Rucio-Auth-Token": self._root_token(), **parts.pop("headers", {})}
        answer = _ask(method, f"{self.url}{path}", headers=headers, timeout=60, **parts)
        answer.encoding = "utf-8"  # or it is guessed, of short answers wrongly
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        lines = [line for line in answer.text.splitlines() if line.strip()]
        try:
            return json.loads(answer.text)
        except json.JSONDecodeError:
            pass
        try:
            return [json.loads(line) for line in lines]
        except json.JSONDecodeError:
            return answer.text

    def status(self, path: str) -> int:
        """Return the HTTP status of what root sees."""
        headers = {"X-Rucio-Auth-Token": self._root_token()}
        return _ask("GET", f"{self.url}{path}", headers=headers, timeout=30).status_code

    def _root_token(self) -> str:
        if "root" not in self._tokens:
            self._tokens["root"] = self.token("root", ROOT_USER, ROOT_PASSWORD)
        return self._tokens["root"]

    # What is in the lake

    def files(
        self, contents: Mapping[str, bytes], *, scope: str = "escape", rse: str = SOURCE
    ) -> None:
        """Put files into the lake, at `rse`, with their bytes."""
        described = [
            {
                "scope": scope,
                "name": name,
                "bytes": len(data),
                "adler32": f"{zlib.adler32(data):08x}",
                "md5": hashlib.md5(data).hexdigest(),  # noqa: S324 - Rucio's own checksum
            }
            for name, data in contents.items()
        ]
        self.root("POST", "/replicas", json={"rse": rse, "files": described})
        dids = [{"scope": scope, "name": name} for name in contents]
        for name, link in self.links(dids, rse).items():
            address = _address(link, name)
            _ask("PUT", address, data=contents[name], timeout=30).raise_for_status()

    def described(self, stem: str, count: int, *, rse: str = SOURCE) -> list[dict[str, str]]:
        """Register many files of one byte, without it; return their DIDs."""
        dids = [{"scope": "escape", "name": f"{stem}.{number}"} for number in range(count)]
        files = [{**did, "bytes": 1, "adler32": "00790079"} for did in dids]
        for first in range(0, count, 1000):
            self.root("POST", "/replicas", json={"rse": rse, "files": files[first : first + 1000]})
        return dids

    def dataset(
        self, contents: Mapping[str, bytes], name: str = "", *, scope: str = "escape"
    ) -> str:
        """Put files into the lake and a new dataset around them; return the dataset's name."""
        name = name or unique("dataset")
        self.files(contents, scope=scope)
        files = [{"scope": scope, "name": file} for file in contents]
        self.collection(name, files, scope=scope)
        return name

    def collection(
        self,
        name: str,
        members: Sequence[Mapping[str, str]],
        *,
        kind: str = "DATASET",
        scope: str = "escape",
    ) -> str:
        """Make a dataset or a container of what is there already."""
        self.root("POST", f"/dids/{scope}/{quote(name, safe='')}", json={"type": kind})
        if members:
            path = f"/dids/{scope}/{quote(name, safe='')}/dids"
            self.root("POST", path, json={"dids": list(members)})
        return name

    def describe(self, name: str, metadata: Mapping[str, object], *, scope: str = "escape") -> None:
        """Give a DID free metadata."""
        path = f"/dids/{scope}/{quote(name, safe='')}/meta"
        self.root("POST", path, json={"meta": dict(metadata)})

    def links(
        self, dids: Sequence[Mapping[str, str]], rse: str, scheme: str = "http"
    ) -> dict[str, str]:
        """Return Rucio's link to each file at a storage element, by name, available or not."""
        asked = {
            "dids": list(dids),
            "schemes": [scheme],
            "rse_expression": rse,
            "all_states": True,
        }
        found = self.root("POST", "/replicas/list", json=asked)
        found = found if isinstance(found, list) else [found]
        return {one["name"]: one["rses"][rse][0] for one in found}

    def bytes_at(self, rse: str, name: str, *, scope: str = "escape") -> bytes | None:
        """Return what really lies at a storage element; None if nothing does."""
        link = self.links([{"scope": scope, "name": name}], rse).get(name)
        answer = _ask("GET", _address(link, name), timeout=30) if link else None
        return answer.content if answer is not None and answer.ok else None

    # Rules

    def rules(self, name: str, *, account: str = "", scope: str = "escape") -> list[dict[str, Any]]:
        """Return the rules of a DID, of one account or all."""
        path = f"/dids/{scope}/{quote(name, safe='')}/rules"
        found = self.root("GET", path)
        found = found if isinstance(found, list) else [found] if found else []
        return [rule for rule in found if account in ("", rule["account"])]

    def rule(self, rule_id: str) -> dict[str, Any]:
        return self.root("GET", f"/rules/{rule_id}")

    def put_rule(self, name: str, *, account: str, rse: str, scope: str = "escape") -> str:
        """Make a rule as its user would by other means than the gateway; return its id."""
        return self.put_rules([{"scope": scope, "name": name}], account=account, rse=rse)[0]

    def put_rules(self, dids: Sequence[Mapping[str, str]], *, account: str, rse: str) -> list[str]:
        """Make rules for many DIDs; return their ids."""
        rule = {"dids": list(dids), "account": account, "copies": 1, "rse_expression": rse}
        return list(self.root("POST", "/rules/", json=rule))

    def wait_for(self, rule_id: str, state: str, within: float = 60) -> dict[str, Any]:
        """Wait until a rule is in a state, and return it."""
        end = time.monotonic() + within
        while (rule := self.rule(rule_id))["state"] != state:
            assert time.monotonic() < end, f"the rule is {rule['state']}: {rule['error']}"
            time.sleep(0.2)
        return rule

    # What tests do to the world around it

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let all transfers wait meanwhile."""
        self.hold(True)
        try:
            yield
        finally:
            self.hold(False)

    def hold(self, held: bool) -> None:  # noqa: FBT001
        _ask("POST", f"{self.site}/__test/held", json=held, timeout=10).raise_for_status()
