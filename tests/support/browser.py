"""A page in a real browser without a window, for what only a browser can tell."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from playwright.sync_api import Page, sync_playwright

from tests.support.peers.base import PeerInfo

FLAGS = [
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    # Tests reach loopback only, and so does the browser.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE ::1",
]
PATIENCE = 15


@contextmanager
def browser_page(chromium: PeerInfo) -> Iterator[Page]:
    """Open an empty page in a new browser, with a new profile; what it waits for has 15 seconds.

    Inside the block the database may be asked as well: Playwright runs an event loop in this
    thread, which Django would take for a reason to refuse.
    """
    with (
        # Chromium leaves traces in its user's home, whatever its profile.
        tempfile.TemporaryDirectory(prefix="esap-chromium-", ignore_cleanup_errors=True) as home,
        mock.patch.dict(os.environ, DJANGO_ALLOW_ASYNC_UNSAFE="1"),
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=chromium.url, args=FLAGS, env={**os.environ, "HOME": home}
        ) as browser,
        browser.new_page() as page,
    ):
        page.set_default_timeout(PATIENCE * 1000)
        yield page
