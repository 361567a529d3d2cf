"""Ask peers now how they are, and say it in plain words."""

import socket
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from esap.backends.deadline import within
from esap.backends.lookup import Endpoint, look_up
from esap.errors import EsapError, NotFound
from esap.health.peers import Peer, all_peers, peers_named
from esap.health.pings import PING_SECONDS, ping

_PORTS = {"http": 80, "https": 443}


class Command(BaseCommand):
    """`manage.py check_peer <id>...` or `manage.py check_peer --all`."""

    help = "Ask peers now whether they are well; exit code 1 if one is not."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take ids, or --all."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("peers", nargs="*", default=[], metavar="id", help="an entry's id")
        which.add_argument("--all", action="store_true", help="every configured peer")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check them one after another, so that each is told as it comes."""
        try:
            wanted = (
                list(all_peers())
                if options["all"]
                else [peer for peer_id in options["peers"] for peer in peers_named(peer_id)]
            )
        except NotFound as error:
            raise CommandError(error.detail) from error
        failing = [peer.id for peer in wanted if not self._check(peer)]
        if failing:
            raise CommandError(f"Not well: {', '.join(failing)} ({len(failing)} of {len(wanted)}).")

    def _check(self, peer: Peer) -> bool:
        config = peer.backend.config
        self.stdout.write(f"{config.title} ({peer.id}; {peer.room} {peer.section}, {config.type})")
        if not config.base_url:
            self._say("network", "needs none")
        elif settings.OUTBOUND_PROXY:
            self._say("network", "through the outbound proxy, which resolves and connects")
        else:
            self._connect(config.base_url)
        found = ping(peer)
        if found.error:
            self._say("answers", f"no. {found.error}")
        else:
            self._say("answers", f"yes, in {1000 * (found.seconds or 0):.0f} ms")
        return not found.error

    def _connect(self, url: str) -> None:
        """Look the host up and connect, to tell apart what the ping would fail of."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
        try:
            with within(PING_SECONDS) as scope:
                endpoints = look_up(host, port, scope)
        except (OSError, EsapError) as error:
            self._say("resolves", f"no: {error}")
            return
        self._say("resolves", f"{host} is {', '.join(str(to[0]) for _, to in endpoints)}")
        began = time.perf_counter()
        try:
            _reach(endpoints[0])
        except OSError as error:
            self._say("connects", f"no, not to port {port}: {error}")
            return
        self._say("connects", f"to port {port} in {1000 * (time.perf_counter() - began):.0f} ms")

    def _say(self, what: str, found: str) -> None:
        self.stdout.write(f"  {what + ':':<10}{found}")


def _reach(endpoint: Endpoint) -> None:
    family, address = endpoint
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(PING_SECONDS)
        connection.connect(address)
