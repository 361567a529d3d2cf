"""The programs of one machine run together and end together."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esap.serve.child import Program
from esap.serve.supervisor import CannotStart, Supervisor


def program(name, code, **options):
    return Program(
        name=name, command=[sys.executable, "-u", "-c", code], environment=os.environ, **options
    )


def lives(pid):
    """A zombie does not live; its parent has only not looked at it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(claim, seconds=10.0):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.02)


async def until(claim):
    async with asyncio.timeout(10):
        while not claim():  # noqa: ASYNC110  other processes set no event of ours
            await asyncio.sleep(0.02)


def supervised(play, **options):
    """Play a scene with a supervisor; return what it said."""
    said = []

    async def scene():
        supervisor = Supervisor(said.append, **options)
        try:
            await play(supervisor)
        finally:
            await supervisor.stop()

    asyncio.run(scene())
    return said


def test_each_line_names_the_program_that_said_it():
    async def play(supervisor):
        await supervisor.run(program("prepare", "print('database ready'); print('done')"))

    assert supervised(play) == [" prepare | database ready", " prepare | done"]


def test_a_line_without_an_end_is_still_shown():
    async def play(supervisor):
        await supervisor.run(program("prepare", "print('x' * 200_000, end='')"))

    said = supervised(play)

    assert "".join(line.removeprefix(" prepare | ") for line in said) == "x" * 200_000


def test_a_silent_program_is_quoted_only_when_it_fails():
    async def play(supervisor):
        await supervisor.run(program("broker", "print('all is well')", silent=True))
        await supervisor.run(
            program("broker", "print('disk full'); raise SystemExit(3)", silent=True)
        )

    with pytest.raises(CannotStart) as failure:
        supervised(play)

    assert str(failure.value) == "broker failed (exit status 3).\n    disk full"


def test_start_returns_when_the_program_answers(tmp_path):
    ready = tmp_path / "ready"

    async def answers():
        return ready.exists()

    async def play(supervisor):
        code = (
            f"import pathlib, time; time.sleep(0.3); pathlib.Path({str(ready)!r}).touch(); "
            "time.sleep(60)"
        )
        await supervisor.start(program("gateway", code, answers=answers))
        assert ready.exists()

    supervised(play)


def test_a_program_that_ends_while_starting_stops_the_start_with_its_last_words():
    async def never():
        return False

    async def play(supervisor):
        code = "print('disk full'); raise SystemExit(1)"
        await supervisor.start(program("broker", code, answers=never, silent=True))

    with pytest.raises(CannotStart) as failure:
        supervised(play)

    assert str(failure.value) == ("broker ended while starting (exit status 1).\n    disk full")


def test_a_program_that_ends_is_started_again_after_a_pause_that_doubles(tmp_path):
    ends = tmp_path / "ends"
    code = f"import os; open({str(ends)!r}, 'a').write('.'); os.kill(os.getpid(), 9)"

    async def play(supervisor):
        await supervisor.start(program("worker", code))
        await until(lambda: ends.exists() and ends.read_text().count(".") == 4)

    said = supervised(play, first_pause=0.1)

    assert said[:3] == [
        "worker ended (ended by SIGKILL); starting it again in 0.1 s.",
        "worker ended (ended by SIGKILL); starting it again in 0.2 s.",
        "worker ended (ended by SIGKILL); starting it again in 0.4 s.",
    ]


def test_the_last_started_is_stopped_first(tmp_path):
    ends = tmp_path / "ends"
    code = (
        "import pathlib, signal, sys, time; "
        f"end = lambda *_: (print({{name!r}}, file=open({str(ends)!r}, 'a')), sys.exit()); "
        "signal.signal(signal.SIGTERM, end); pathlib.Path({here!r}).touch(); time.sleep(60)"
    )

    async def play(supervisor):
        for name in ("broker", "worker"):
            here = tmp_path / name
            await supervisor.start(program(name, code.format(name=name, here=str(here))))
            await until(here.exists)

    supervised(play)

    assert ends.read_text() == "worker\nbroker\n"


def test_what_a_program_says_while_it_ends_is_shown_only_if_it_had_to_be_forced(tmp_path):
    here = tmp_path / "here"
    code = (
        "import pathlib, signal, sys, time; "
        "signal.signal(signal.SIGTERM, lambda *_: (print('soon'), {then})); "
        f"pathlib.Path({str(here)!r}).touch(); time.sleep(60); time.sleep(60)"
    )

    async def play_with(supervisor, then):
        here.unlink(missing_ok=True)
        await supervisor.start(program("worker", code.format(then=then), grace=1.0))
        await until(here.exists)

    assert supervised(lambda supervisor: play_with(supervisor, "sys.exit()")) == []
    assert supervised(lambda supervisor: play_with(supervisor, "time.sleep(60)")) == [
        "worker did not end by itself.\n    soon"
    ]


def test_a_program_deaf_to_sigterm_is_killed_with_all_it_started(tmp_path):
    pids = tmp_path / "pids"
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    code = (
        "import os, pathlib, subprocess, sys; "
        f"p = subprocess.Popen([sys.executable, '-c', {deaf!r}]); "
        f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{p.pid}}'); {deaf}"
    )

    async def play(supervisor):
        await supervisor.start(program("gateway", code, grace=0.3))
        await until(lambda: pids.exists() and len(pids.read_text().split()) == 2)

    supervised(play)

    both = [int(pid) for pid in pids.read_text().split()]
    assert len(both) == 2
    wait_until(lambda: not any(lives(pid) for pid in both), seconds=1)


def test_who_cannot_wait_ends_everything_at_once():
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"

    async def play(supervisor):
        await supervisor.start(program("gateway", deaf, grace=30))
        await asyncio.sleep(0.3)
        asyncio.get_running_loop().call_later(0.2, supervisor.kill)

    started = time.monotonic()
    supervised(play)

    assert time.monotonic() - started < 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_when_the_supervisor_is_killed_its_programs_end_too(tmp_path):
    pid_file = tmp_path / "pid"
    child = (
        "import os, pathlib, time; "
        f"pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    harness = f"""
import asyncio, os, sys
from esap.serve.child import Program
from esap.serve.supervisor import Supervisor

async def main():
    command = [sys.executable, "-c", {child!r}]
    await Supervisor(print).start(Program(name="worker", command=command, environment=os.environ))
    await asyncio.sleep(60)

asyncio.run(main())
"""
    supervisor = subprocess.Popen([sys.executable, "-c", harness])
    wait_until(lambda: pid_file.exists() and pid_file.read_text())
    pid = int(pid_file.read_text())
    assert lives(pid)

    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()

    wait_until(lambda: not lives(pid))
