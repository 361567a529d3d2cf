import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support.peers.processes import end_strays


@pytest.fixture
def cache(monkeypatch):
    """A cache folder of our own; not `tmp_path`, which only its owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix="peers-"))
    folder.chmod(0o755)
    monkeypatch.setenv("ESAP_PEERS_CACHE", str(folder))
    yield folder
    for run in [folder / "run", *folder.glob("*/runs/*")]:
        end_strays(run)
    shutil.rmtree(folder)
