"""See the tests of security fail, each on a copy of the gateway that has a mistake in it.

python -m tests.security.seen_to_fail          # all of them: some minutes
python -m tests.security.seen_to_fail API7     # one item

A test that never failed promises nothing. First all have to pass on the copy as it is.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.security.breaks import BREAKS, ITEMS, ROOT, Break, file_for

__all__ = ["main"]

_NOT_COPIED = (".git", ".venv", "var", "__pycache__", "*_cache", ".hypothesis", "_build", "gui")
_SOME_FAILED = 1  # pytest's exit status; any other but 0 is a mistake of ours


def main(items: list[str]) -> int:
    """Make every mistake of these items; return how many were not seen."""
    unknown = set(items) - set(ITEMS)
    if unknown:
        raise SystemExit(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(ITEMS)}.")
    chosen = [each for each in BREAKS if not items or each.item in items]
    with tempfile.TemporaryDirectory(prefix="esap-broken-") as folder:
        copy = Path(folder) / "gateway"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        whole = run(copy, *sorted({file_for(each.item) for each in chosen}))
        if whole.returncode:
            raise SystemExit(f"The tests fail as it is:\n{whole.stdout[-4000:]}")
        unseen = [each for each in chosen if not seen(copy, each)]
    print(f"{len(chosen) - len(unseen)} of {len(chosen)} mistakes were seen.")
    return len(unseen)


def seen(copy: Path, mistake: Break) -> bool:
    """Make a mistake in the copy, say what its tests make of it, and unmake it."""
    file = copy / mistake.file
    whole, began = file.read_text(encoding="utf-8"), time.monotonic()
    file.write_text(mistake.made_in(whole), encoding="utf-8")
    try:
        done = run(copy, file_for(mistake.item), "-x")
    finally:
        file.write_text(whole, encoding="utf-8")
    failed = re.search(r"^(?:FAILED|ERROR) \S+::(\S+)", done.stdout, flags=re.MULTILINE)
    is_seen = done.returncode == _SOME_FAILED and failed is not None
    by = f"by {failed[1]}" if failed else done.stdout[-2000:]
    how = "seen  " if is_seen else "UNSEEN"
    print(
        f"{how} {time.monotonic() - began:5.1f} s  {mistake.item:5} {mistake.means}: {by}",
        flush=True,
    )
    return is_seen


def run(copy: Path, *words: Path | str) -> subprocess.CompletedProcess[str]:
    """Run tests of the copy, in the copy."""
    chosen = [
        str(copy / word.relative_to(ROOT)) if isinstance(word, Path) else word for word in words
    ]
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rfE",
            "--tb=no",
            "-p",
            "no:cacheprovider",
            *chosen,
        ],
        cwd=copy,
        # Compiled files are told apart by the second, and mistakes come quicker.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
