"""The events process: `python -m esap.events --host 127.0.0.1 --port 8001`."""

import argparse

from esap.events.server import serve

__all__ = ["main"]


def main() -> None:
    """Serve as the command line says."""
    words = argparse.ArgumentParser(prog="python -m esap.events", description=__doc__)
    words.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    words.add_argument("--port", type=int, default=8001)
    words.add_argument("--grace", type=int, default=5, help="seconds that streams have at the end")
    asked = words.parse_args()
    serve(asked.host, asked.port, grace=asked.grace)


if __name__ == "__main__":
    main()
