"""A small TAP 1.1 service on loopback, for what a real archive cannot be made to do.

`with FakeTap() as fake: fake.url("drip")` is the address of an archive that sends its answer byte
by byte. `python -m tests.support.fakes.tap --latency 0.5` serves as many archives as are asked for.
"""

from tests.support.fakes.tap.server import FakeTap

__all__ = ["FakeTap"]
