"""A lake behind something that reads a path once too often answers nothing of another DID."""

from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import orjson
import pytest

from esap.backends.http import open_session
from esap.errors import NotFound
from rucio_app.backends.rucio import RucioConfig, RucioLake
from rucio_app.backends.values import Item
from rucio_app.services.downloads import is_of_storage
from tests.support.fakes.http import FakePeer, answer, message

CONTENT = {"scope": "escape", "name": "of the other", "type": "FILE"}


def decoding_twice(heard):
    """Answer about any DID, under the name that is left after one decoding too many."""
    _, _, scope, name, what = [*urlsplit(heard.target).path.split("/"), ""][:5]
    did = {"scope": scope, "name": unquote(unquote(name)), "type": "DATASET"}
    said = CONTENT if what in ("dids", "parents", "history") else did
    return [message(orjson.dumps(said))]


def lake_at(peer):
    config = RucioConfig(
        id="lake", type="rucio", title="The lake", url=peer.origin, private_network=True
    )
    return RucioLake(config, open_session(config))


@pytest.fixture
def lake():
    with FakePeer(decoding_twice) as peer:
        yield lake_at(peer)


@pytest.mark.parametrize("ask", ["content", "parents", "rule_history"])
def test_a_list_of_another_did_is_not_taken_for_that_of_this_one(lake, ask):
    with pytest.raises(NotFound):
        getattr(lake, ask)(Item("escape", "a%2Fb"), "t", most=10)


@pytest.mark.parametrize("ask", ["did", "metadata"])
def test_another_did_is_not_taken_for_this_one(lake, ask):
    with pytest.raises(NotFound):
        getattr(lake, ask)(Item("escape", "a%2Fb"), "t")


def test_an_element_that_does_not_tell_its_paths_is_taken_for_the_worst():
    said = orjson.dumps({"ExceptionClass": "ReplicaNotFound", "ExceptionMessage": "no"})
    script = answer(said, status="404 Not Found", ExceptionClass="ReplicaNotFound")
    with FakePeer(script) as peer:
        lake = lake_at(peer)

        assert lake.removes_another(Item("escape", "x#y"), "TAPE", "t") is True
        assert lake.removes_another(Item("escape", "x"), "TAPE", "t") is False


def test_a_name_that_arrives_is_answered(lake):
    found = lake.content(Item("escape", "a b/c"), "t", most=10)

    assert [did.name for did in found.members] == ["of the other"]


@pytest.mark.parametrize(
    ("link", "inside"),
    [
        ("https://host/pool/a", True),
        ("davs://host/pool/a%252e", True),
        ("https://host/pool", False),
        ("https://host/pool/../admin", False),
        ("https://host/pool/%2e%2E/admin", False),
        ("https://host/pool/a%2F..%2F..%2Fadmin", False),
        ("https://host:444/pool/a", False),
    ],
)
def test_a_token_goes_to_no_link_that_leads_out_of_the_storage(link, inside):
    lake = SimpleNamespace(config=SimpleNamespace(storage="https://host/pool/"))

    assert is_of_storage(lake, link) is inside
