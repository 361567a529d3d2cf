"""`make run`: one command, no network, and nothing left behind."""

import os
import re
import signal
import socket
import sys

import pytest

from tests.e2e.machine import Machine, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them"),
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory, loopback_only):
    """Where the gateway runs for most of these promises: without a network, if that can be had."""
    return Machine(tmp_path_factory.mktemp("machine") / "var", loopback_only)


@pytest.fixture(scope="module")
def running(machine):
    run = machine.run(ESAP_PING_SECONDS="2")
    try:
        run.until_ready()
        yield run
    finally:
        run.end()


def test_it_says_where_to_look_and_is_quiet_otherwise(machine, running):
    assert running.text().splitlines() == [
        f"Starting the ESAP API Gateway; what it keeps is in {machine.folder}.",
        *(line for line in running.text().splitlines() if line.startswith(" prepare | ")),
        next(line for line in running.text().splitlines() if line.startswith("Ready after")),
        f"  http://localhost:{machine.port}/                 start here",
        f"  http://localhost:{machine.port}/esap-api/        the API, to browse",
        f"  http://localhost:{machine.port}/esap-api/docs/   the API, to try out",
        "Warnings appear below; ESAP_LOG_LEVEL=INFO make run tells more.",
    ]


@pytest.mark.parametrize("path", ["/", "/esap-api/", "/esap-api/docs/", "/esap-api/health/ready"])
def test_what_it_names_answers(machine, running, path):
    status, _ = machine.ask(path)

    assert status == 200


def test_the_page_for_trying_out_has_its_style_from_our_own_host(machine, running):
    _, page = machine.ask("/esap-api/docs/")

    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    assert all(source.startswith("/") for source in sources)
    assert {machine.ask(source)[0] for source in sources} == {200}


def test_the_events_process_answers(machine, running):
    status, _ = machine.ask("/esap-api/health/live", port=machine.events_port)

    assert status == 200


def test_the_worker_does_the_periodic_work(machine, running):
    def pinged():
        status, text = machine.ask("/esap-api/health/peers")
        assert status == 200
        return '"checked":"' in text.replace(" ", "")

    wait_until(pinged)


def test_a_second_one_on_the_same_folder_is_told_what_to_do(machine, running):
    second = Machine(machine.folder).run()

    assert second.process.wait(timeout=30) != 0
    assert f"one already runs on {machine.folder}. Stop it, or give this one" in second.text()


def test_a_taken_port_is_told_with_what_to_do(tmp_path):
    machine = Machine(tmp_path / "var")
    with socket.create_server(("127.0.0.1", machine.port)):
        run = machine.run()

        assert run.process.wait(timeout=30) != 0

    assert (
        f"another program listens on port {machine.port}. Stop it, or choose another port: "
        f"ESAP_PORT={machine.port + 10} make run"
    ) in run.text()


def test_a_mistaken_entry_stops_the_start_and_names_its_line(tmp_path):
    machine = Machine(tmp_path / "var")
    entries = tmp_path / "mine.yaml"
    entries.write_text("query:\n  archives:\n    - id: mine\n      tipe: tap\n")

    run = machine.run(ESAP_PEERS=str(entries))

    assert run.process.wait(timeout=60) != 0
    assert f"{entries}, line 3: 'type' is missing." in run.text()
    assert "Traceback" not in run.text()
    assert machine.processes() == []


def test_without_any_network_it_answers_real_stars(machine, running):
    if not machine.prefix:
        pytest.skip("this machine lets us make no network of its own")

    status, text = machine.ask(
        "/esap-api/query/searches/", {"ra": 56.75, "dec": 24.12, "fov": 1, "timeout": 10}
    )

    assert status == 200
    assert "66714384142368256" in text  # Alcyone, in Gaia DR3


def test_whether_killed_or_stopped_it_leaves_nothing_running_and_starts_again_soon(tmp_path):
    machine = Machine(tmp_path / "var")
    first = machine.run()
    first.until_ready()
    assert len(machine.processes()) >= 5

    os.kill(first.supervisor(), signal.SIGKILL)

    first.process.wait(timeout=30)
    wait_until(lambda: machine.processes() == [], seconds=15)

    second = machine.run()
    seconds = second.until_ready()
    second.press_ctrl_c()

    assert machine.processes() == []
    assert "\nStopping; once more stops at once.\nStopped; nothing is left" in second.text()
    # Ten seconds on a machine that has nothing else to do.
    assert seconds < 10 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
