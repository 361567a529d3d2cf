"""Serve the fake archive until interrupted."""

import argparse
import signal
import threading

from tests.support.fakes.tap import FakeTap

parser = argparse.ArgumentParser(prog="python -m tests.support.fakes.tap", description=__doc__)
parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
parser.add_argument("--stars", type=int, default=300, help="rows of sky.stars")
parser.add_argument("--port", type=int, default=0, help="0: any that is free")
options = parser.parse_args()

ended = threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: ended.set())
with FakeTap(latency=options.latency, stars=options.stars, port=options.port) as fake:
    print(fake.url(), flush=True)  # noqa: T201 -- the one thing its caller needs
    ended.wait()
