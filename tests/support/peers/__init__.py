"""Real servers of others for the tests: found, prepared once, started once per run, left nowhere.

A new peer is one module with one `Peer` class, and one line here.
"""

import importlib

from tests.support.peers.base import Peer

PEERS = {
    "ceph": "tests.support.peers.ceph:Ceph",
    "dachs": "tests.support.peers.dachs:Dachs",
    "iam": "tests.support.peers.iam:Iam",
    "chromium": "tests.support.peers.chromium:Chromium",
    "postgres": "tests.support.peers.postgres:Postgres",
    "rucio": "tests.support.peers.rucio:Rucio",
    "stilts": "tests.support.peers.stilts:Stilts",
}
"""Where the class of each peer is; it is imported on first use."""


def load(reference: str) -> Peer:
    """Make a peer from its class, named as `module:Class`."""
    module, _, cls = reference.partition(":")
    peer = getattr(importlib.import_module(module), cls)()
    if not isinstance(peer, Peer):
        raise TypeError(f"{reference} is not a Peer.")
    return peer
