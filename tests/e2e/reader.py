"""Somebody who reads a page of the documentation, and types what it says."""

import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.e2e.machine import ROOT

_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
_STEP = "\x1e"


def blocks(page, start="make run"):
    """Return the blocks of a page but the first, which starts what it is about."""
    first, *others = _BLOCK.findall(page.read_text(encoding="utf-8"))
    assert first[1].startswith(start)
    return others


def links_of(page):
    """Return where a page leads to within the checkout."""
    return _LINK.findall(page.read_text(encoding="utf-8"))


class Reader:
    """Somebody in a second terminal, who types what a page says."""

    def __init__(self, machine, home):
        self.machine, self.home = machine, home

    def types(self, kind, text, *, cwd=None, expected=(), **how):
        """Return what a block of a page prints; it ends well, and says nothing unexpected."""
        if "make -s token" in text:  # for an account of this machine, typed in our folder
            text = text.replace("-s token", f"-s token VENV={Path(sys.executable).parents[1]}")
            how["env"] = {**os.environ, "ESAP_DATA_DIR": str(self.machine.folder), "USER": "ada"}
            until = datetime.now(UTC) + timedelta(days=90)
            cwd, expected = (
                ROOT,
                [
                    "Made the account ada.",
                    f"It is good until {until:%Y-%m-%d}, and is not shown again:",
                ],
            )
        program = ["bash", "-c"] if kind == "sh" else [sys.executable, "-c"]
        here = text.replace("localhost:8000", f"localhost:{self.machine.port}")
        done = self.machine.command(*program, here, cwd=cwd or self.home, **how)
        said = "".join(line for line in done.stderr.splitlines() if line not in expected)
        assert (done.returncode, said) == (0, ""), f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def types_on(self, texts, **how):
        """Return what each block prints that is typed into one Python."""
        typed = f"\nprint('{_STEP}', end='')\n".join(texts)
        return self.types("python", typed, **how).removesuffix("\n").split(_STEP)
