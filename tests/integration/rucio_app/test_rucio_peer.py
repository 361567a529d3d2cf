"""The real Rucio is what the other tests take it for."""

import pytest
import requests

from tests.support.rucio import unique


def ask(lake, token, path):
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{lake.url}{path}", headers={"X-Rucio-Auth-Token": token}, timeout=30)


def stage(lake, name, expression, account="alice"):
    rule = {
        "dids": [{"scope": "escape", "name": name}],
        "account": account,
        "copies": 1,
        "rse_expression": expression,
        "lifetime": 3600,
        "grouping": "DATASET",
    }
    return lake.root("POST", "/rules/", json=rule)[0]


def test_what_a_rule_asks_for_arrives_with_its_bytes(lake):
    file = unique("file")
    dataset = lake.dataset({file: b"light of a far galaxy"})

    with lake.held():
        rule = stage(lake, dataset, "ESAP-COMPUTE")
        state, before = lake.rule(rule)["state"], lake.bytes_at("ESAP-COMPUTE", file)
    lake.wait_for(rule, "OK")

    assert (state, before) == ("REPLICATING", None)
    assert lake.bytes_at("ESAP-COMPUTE", file) == b"light of a far galaxy"


def test_what_cannot_be_written_gets_stuck_with_the_storages_reason(lake):
    dataset = lake.dataset({unique("file"): b"x"})

    rule = lake.wait_for(stage(lake, dataset, "BROKEN-SITE"), "STUCK")

    assert "Not a directory" in rule["error"]


def test_free_metadata_can_be_searched(lake):
    file = unique("file")
    lake.files({file: b"x"})

    lake.describe(file, {"telescope": file})

    found = ask(
        lake,
        lake.token("alice"),
        f"/dids/escape/dids/search?type=all&filters=%5B%7B%27telescope%27%3A%27{file}%27%7D%5D",
    )
    assert found.json() == file


@pytest.mark.parametrize("user", ["alice", "bob"])
def test_a_token_of_its_issuer_for_rucio_is_taken(lake, issuer, user):
    token = issuer.mint(user=user, aud="rucio", scope="openid profile")

    answer = ask(lake, token, "/accounts/whoami")

    assert answer.json()["account"] == user


def test_a_token_for_somebody_else_is_not_taken(lake, issuer):
    answer = ask(lake, issuer.mint(aud="esap", scope="openid profile"), "/accounts/whoami")

    assert (answer.status_code, answer.json()["ExceptionClass"]) == (401, "CannotAuthenticate")
