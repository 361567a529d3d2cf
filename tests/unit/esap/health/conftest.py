"""Peers of a test ward instead of the configured ones."""

import pytest

from tests.unit.esap.health import peers


@pytest.fixture
def ward(settings):
    settings.PEER_REGISTRIES = ["tests.unit.esap.health.peers.ward"]
    peers.ward.patients.clear()
    yield peers.ward
    peers.ward.patients.clear()
