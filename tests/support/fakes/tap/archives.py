"""Archives for tests, made from an address as an entry would make them."""

from typing import Any

from esap.backends.http import open_session
from query.backends.tap import TapArchive, TapConfig

NOBODY = "http://127.0.0.1:9/tap"  # the discard port: nobody listens


def tap_archive(url: str, **options: Any) -> TapArchive:
    """Return an archive at a loopback address."""
    entry = {
        "id": "some_archive",
        "type": "tap",
        "title": "Some Archive",
        "url": url,
        "timeout": 20,
        "private_network": True,
    }
    config = TapConfig.model_validate(entry | options)
    return TapArchive(config, open_session(config))
