import json

import pytest

from tests.support.peers import iam
from tests.support.peers.iam import Iam


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Stand for Node.js; call it with the version it shall have."""

    def with_version(version):
        program = tmp_path / "node"
        program.write_text(f"#!/bin/sh\necho v{version}\n")
        program.chmod(0o755)
        monkeypatch.setattr(iam, "NODE", program)
        monkeypatch.setattr(iam, "NPM", program)

    return with_version


def test_it_is_absent_without_node_and_would_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(iam, "NODE", tmp_path / "node")
    monkeypatch.setattr(iam, "NPM", tmp_path / "npm")

    assert Iam().why_absent() == "not installed: run `make peers` as root, on Debian"
    assert Iam().changes() == ["install the Debian packages nodejs, npm, and what they depend on"]


def test_it_is_absent_with_a_node_that_is_too_old(node):
    node("18.20.4")

    assert Iam().why_absent() == (f"in need of Node.js 20 or newer: {iam.NODE} is 18.20.4")


def test_it_is_here_with_a_node_that_is_new_enough(node):
    node("24.1.0")

    assert Iam().why_absent() is None
    assert Iam().version().endswith(" on Node 24.1.0")


def test_its_lock_file_pins_by_hash_and_names_no_registry():
    lock = json.loads((iam.SERVER / "package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]

    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)
