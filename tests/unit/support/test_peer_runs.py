import os
import signal
import threading

import pytest

from tests.support.peers import runs
from tests.support.peers.cache import PeerCache, keeper_of
from tests.support.peers.processes import PeerFailed, carriers
from tests.unit.support.patience import child, wait_for
from tests.unit.support.tiny import TINY


def start(label="run", owner=None):
    return runs.start("tiny", TINY, label=label, owner=owner or os.getpid())


@pytest.fixture
def tiny(cache):
    return PeerCache("tiny")


def test_a_stopped_peer_leaves_nothing(tiny):
    start()
    folder = tiny.run_folder("run")
    wait_for(lambda: len(carriers(folder)) == 2)

    assert runs.stop("tiny", "run")

    assert carriers(folder) == []
    assert tiny.run_folders() == []


def test_a_peer_that_does_not_run_can_be_stopped(tiny):
    assert not runs.stop("tiny", "run")


def test_a_run_is_shared_by_all_who_start_it(tiny):
    found = []
    threads = [threading.Thread(target=lambda: found.append(start())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 3
    assert found[0] == found[1] == found[2] == runs.running("tiny", "run")
    wait_for(lambda: len(carriers(tiny.run_folder("run"))) == 2)

    runs.stop("tiny", "run")


def test_runs_of_different_labels_do_not_meet(tiny):
    one, other = start("one"), start("other")

    runs.stop("tiny", "one")

    assert one.info.url != other.info.url
    assert carriers(tiny.run_folder("one")) == []
    wait_for(lambda: len(carriers(tiny.run_folder("other"))) == 2)

    runs.stop("tiny", "other")


def test_a_peer_ends_when_its_owner_is_killed(tiny):
    with child("sleep", "1000") as owner:
        start(owner=owner.pid)

        owner.kill()

    wait_for(lambda: tiny.run_folders() == [])
    assert carriers(tiny.run_folder("run")) == []


def test_what_a_killed_keeper_left_is_removed_at_the_next_start(tiny):
    start("killed")
    folder = tiny.run_folder("killed")
    os.kill(keeper_of(folder), signal.SIGKILL)
    wait_for(lambda: keeper_of(folder) is None)
    assert folder.exists()

    start("next")

    assert carriers(folder) == []
    assert tiny.run_folders() == [tiny.run_folder("next")]

    runs.stop("tiny", "next")


def test_a_peer_that_cannot_start_says_why_and_leaves_nothing(tiny, monkeypatch):
    monkeypatch.setenv("TINY_FAILS", "the moon is in the wrong quarter")

    with pytest.raises(PeerFailed, match=r"^the moon is in the wrong quarter$"):
        start()

    wait_for(lambda: tiny.run_folders() == [])
    assert carriers(tiny.run_folder("run")) == []


def test_a_peer_is_prepared_once(tiny):
    start()
    runs.stop("tiny", "run")
    made = (tiny.prepared / "made").stat()

    start()
    runs.stop("tiny", "run")

    assert (tiny.prepared / "made").stat() == made


def test_a_peer_is_prepared_again_when_what_it_is_made_of_changes(tiny, monkeypatch):
    start()
    runs.stop("tiny", "run")
    made = (tiny.prepared / "made").stat()

    monkeypatch.setenv("TINY_FINGERPRINT", "another version")
    start()
    runs.stop("tiny", "run")

    assert (tiny.prepared / "made").stat() != made


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's peers run as somebody else")
def test_a_cache_folder_that_peers_may_not_enter_is_told_of(tiny, cache):
    cache.chmod(0o700)

    with pytest.raises(PeerFailed, match="name a folder that it may enter in ESAP_PEERS_CACHE"):
        start()
