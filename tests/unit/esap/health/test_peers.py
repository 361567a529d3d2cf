"""Peers are asked all at once, and the matrix tells what they said."""

import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from esap.backends import retries
from esap.backends.deadline import current_scope
from esap.errors import BackendUnavailable
from esap.health import pings
from esap.health.models import PeerHealth
from esap.health.tasks import ping_peers
from tests.support.fakes.http import FakePeer, answer

pytestmark = pytest.mark.django_db


def well():
    return


def ill():
    raise BackendUnavailable("VizieR is down for maintenance.")


def hanging():
    while True:
        current_scope().check()
        time.sleep(0.01)


def deaf():
    """Heed no deadline."""
    time.sleep(1.0)


def buggy():
    raise ZeroDivisionError


def matrix(client):
    answer = client.get("/esap-api/health/peers")
    assert answer.status_code == 200
    return {row["id"]: row for row in answer.json()["results"]}


def test_the_matrix_tells_of_each_peer_what_it_is_and_how(client, ward):
    ward.admit("gaia", well)
    ward.admit("vizier", ill)
    ping_peers()
    ward.admit("new", well)

    rows = matrix(client)

    checked = rows["gaia"].pop("checked")
    assert 0 <= rows["gaia"].pop("latency") < 1
    assert checked.endswith("Z")
    assert rows["gaia"] == {
        "id": "gaia",
        "room": "query",
        "section": "archives",
        "type": "tap",
        "title": "Gaia",
        "state": "ok",
        "last_error": None,
        "last_error_at": None,
        "breaker": "closed",
    }
    assert (rows["vizier"]["state"], rows["vizier"]["latency"]) == ("failing", None)
    assert rows["vizier"]["last_error"] == "VizieR is down for maintenance."
    assert rows["vizier"]["last_error_at"] == rows["vizier"]["checked"]
    assert (rows["new"]["state"], rows["new"]["checked"]) == ("unknown", None)


def test_a_peer_that_is_for_a_group_is_shown_to_its_members_alone(client, ward, django_user_model):
    ward.admit("vault", ill, groups=["/escape/esap"])
    ward.admit("gaia", well)
    ping_peers()
    before = matrix(client)
    client.force_login(django_user_model.objects.create_user("ada", claimed_groups=["escape"]))
    stranger = matrix(client)
    client.force_login(django_user_model.objects.create_user("bob", claimed_groups=["escape/esap"]))

    member = matrix(client)

    assert (list(before), list(stranger)) == (["gaia"], ["gaia"])
    assert list(member) == ["vault", "gaia"]
    assert member["vault"]["state"] == "failing"  # whomever it is for, it is pinged


def test_the_matrix_is_kept_by_no_cache_that_callers_share(client, ward):
    answer = client.get("/esap-api/health/peers")

    assert answer["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Authorization"} <= {name.strip() for name in answer["Vary"].split(",")}


def test_the_last_error_stays_when_a_peer_is_well_again(client, ward):
    ward.admit("vizier", ill)
    ping_peers()
    ward.admit("vizier", well)
    ping_peers()

    row = matrix(client)["vizier"]

    assert row["state"] == "ok"
    assert row["last_error"] == "VizieR is down for maintenance."
    assert row["last_error_at"] < row["checked"]
    assert PeerHealth.objects.count() == 1


def test_a_dead_peer_delays_no_other(ward, monkeypatch):
    monkeypatch.setattr(pings, "PING_SECONDS", 0.3)
    monkeypatch.setattr(pings.ping, "__kwdefaults__", {"seconds": 0.3, "parent": None})
    for number in range(20):
        ward.admit(f"dead{number}", hanging)
    ward.admit("gaia", well)

    began = time.monotonic()
    ping_peers()

    assert time.monotonic() - began < 1.5
    assert PeerHealth.objects.get(peer="gaia").latency < 0.2
    assert PeerHealth.objects.filter(state="failing").count() == 20


def test_a_peer_that_heeds_no_deadline_is_not_waited_for(ward, monkeypatch):
    monkeypatch.setattr(pings, "ALL_SECONDS", 0.2)
    ward.admit("deaf", deaf)
    ward.admit("gaia", well)

    began = time.monotonic()
    ping_peers()

    assert time.monotonic() - began < 0.8
    assert PeerHealth.objects.get(peer="gaia").state == "ok"
    assert PeerHealth.objects.get(peer="deaf").state == "failing"


def test_a_bug_in_one_backend_hurts_only_its_own_row(ward):
    ward.admit("buggy", buggy)
    ward.admit("gaia", well)

    ping_peers()

    assert PeerHealth.objects.get(peer="gaia").state == "ok"
    assert "see its log" in PeerHealth.objects.get(peer="buggy").last_error


def test_the_breaker_of_a_peer_that_keeps_failing_is_shown(client, ward, monkeypatch):
    monkeypatch.setattr(retries, "_FIRST_PAUSE", 0.01)

    def ping_nobody():
        ward.patients["dead"].http.get("http://127.0.0.1:1/")

    ward.admit("dead", ping_nobody, url="http://127.0.0.1:1/")
    for _ in range(5):
        ping_peers()

    assert matrix(client)["dead"]["breaker"] == "open"


def test_many_peers_are_written_in_two_statements(ward, django_assert_num_queries):
    found = []
    for number in range(30):
        ward.admit(f"peer{number}", well if number % 2 else ill)
    from esap.health.peers import all_peers

    found = pings.ping_all(all_peers())

    with django_assert_num_queries(2):
        pings.remember(found)


@pytest.mark.parametrize("path", ["/esap-api/health/peers", "/esap-api/health/peers/"])
def test_the_matrix_asks_no_peer_and_one_statement(client, ward, path, django_assert_num_queries):
    ward.admit("buggy", buggy)

    with django_assert_num_queries(1):
        assert client.get(path).status_code == 200


def checked(*arguments):
    out = StringIO()
    call_command("check_peer", *arguments, stdout=out)
    return out.getvalue()


def test_a_peer_is_checked_by_hand_in_plain_words(ward):
    with FakePeer(answer(b"well")) as peer:
        ward.admit("gaia", lambda: ward.patients["gaia"].http.get(peer.url), url=peer.url)
        said = checked("gaia")

    assert said.startswith("Gaia (gaia; query archives, tap)\n")
    assert "resolves: 127.0.0.1 is 127.0.0.1\n" in said
    assert f"connects: to port {peer.url.rstrip('/').rpartition(':')[2]} in " in said
    assert "answers:  yes, in " in said


def test_a_dead_peer_is_told_and_the_command_fails(ward):
    ward.admit("gaia", well)
    ward.admit(
        "dead",
        lambda: ward.patients["dead"].http.get("http://127.0.0.1:1/"),
        url="http://127.0.0.1:1/",
    )
    out = StringIO()

    with pytest.raises(CommandError, match=r"Not well: dead \(1 of 2\)\.") as failure:
        call_command("check_peer", "--all", stdout=out)

    assert failure.value.returncode == 1
    assert "connects: no, not to port 1: " in out.getvalue()
    assert "answers:  no. Dead " in out.getvalue()
    assert "network:  needs none" in out.getvalue()  # Gaia's


def test_a_name_that_does_not_resolve_is_told(ward):
    ward.admit("lost", ill, url="http://no-such-host.invalid/")
    out = StringIO()

    with pytest.raises(CommandError):
        call_command("check_peer", "lost", stdout=out)

    assert "resolves: no: " in out.getvalue()


def test_an_unknown_peer_is_refused_and_the_known_ones_are_named(ward):
    ward.admit("gaia", well)

    with pytest.raises(CommandError, match=r"'gaja'.*gaia"):
        checked("gaja")
