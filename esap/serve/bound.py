"""Become the given command, bound to the process that started it: when that one dies, it ends.

Run as `python bound.py PARENT COMMAND...`; PARENT is the process id of the one to be bound to.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Ask the kernel for SIGTERM at the parent's death, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        # It may have died before we asked.
        if os.getppid() != parent:
            sys.exit("The process that started this one is gone.")
    os.execvp(command[0], command)  # noqa: S606  a program of ours, never a user's words


if __name__ == "__main__":
    main()
