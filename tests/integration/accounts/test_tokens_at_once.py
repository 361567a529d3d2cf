"""Many who need a token of one user at once: the provider is asked once, and no login dies.

A refresh token that is used twice ends its whole family. So this is about real threads, real
processes and a database that they share.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Grant, PeerToken, User
from accounts.tokens import token_for
from esap.errors import LoginAgain
from tests.support.database import file_database

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@pytest.fixture(scope="module")
def database(tmp_path_factory, django_db_blocker):
    """A database that threads and processes share; gives the environment for these."""
    file = tmp_path_factory.mktemp("shared") / "esap.sqlite3"
    with django_db_blocker.unblock(), file_database(file) as environment:
        yield environment


@pytest.fixture
def alice(database, breakable, browser):
    """Alice, who has logged in, and whose kept tokens are too old."""
    User.objects.all().delete()
    browser.log_in("alice")
    PeerToken.objects.update(expires=timezone.now())
    breakable.forget_hits()
    return User.objects.get()


def at_once(*functions):
    """Call all at the same time, each in a thread; return what each returned."""
    barrier = Barrier(len(functions))

    def call(function):
        barrier.wait()
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(call, functions))


def assert_login_lives(provider, user):
    PeerToken.objects.all().delete()
    assert provider.introspect(token_for(user).token)["active"] is True


def test_a_hundred_threads_are_one_call(breakable, alice):
    given = at_once(*[lambda: token_for(alice)] * 100)

    assert len(set(given)) == 1
    assert breakable.grants() == {"refresh_token": 1}
    assert_login_lives(breakable, alice)


def test_a_hundred_threads_that_want_an_exchange_are_one_call_of_each_kind(breakable, alice):
    given = at_once(*[lambda: token_for(alice, "rucio", ["openid"])] * 100)

    assert len(set(given)) == 1
    assert breakable.grants() == {"refresh_token": 1, EXCHANGE: 1}
    assert_login_lives(breakable, alice)


@pytest.mark.parametrize("way", ["exchange", "refresh"])
def test_different_audiences_at_once_do_not_end_the_login(breakable, configured, alice, way):
    configured(breakable, tokens_by=way)
    audiences = ["rucio", "dirac", "jupyterhub", "esap"] * 5

    given = at_once(*[lambda each=each: token_for(alice, each) for each in audiences])

    assert [breakable.claims(each.token)["aud"] for each in given] == audiences
    calls = {"exchange": {"refresh_token": 1, EXCHANGE: 4}, "refresh": {"refresh_token": 4}}
    assert breakable.grants() == calls[way]
    assert_login_lives(breakable, alice)


def test_tokens_that_live_for_a_moment_only_do_not_end_the_login(breakable, alice):
    breakable.settings(access_token_ttl=2)

    at_once(*[lambda each=each: token_for(alice, each) for each in ["rucio", "dirac", ""] * 4])

    assert_login_lives(breakable, alice)


def test_all_who_wait_are_told_that_the_login_has_ended(breakable, alice):
    breakable.revoke_user("alice")

    def outcome():
        try:
            return token_for(alice)
        except LoginAgain as error:
            return type(error)

    assert set(at_once(*[outcome] * 20)) == {LoginAgain}
    assert breakable.grants() == {"refresh_token": 1}


ASK = """
import django; django.setup()
import threading
from django.db import connection
from accounts.models import User
from accounts.tokens import token_for
alice = User.objects.get()
given = []
def ask():
    given.append(token_for(alice, "rucio").token)
    connection.close()
print("ready", flush=True)
input()
threads = [threading.Thread(target=ask) for _ in range(50)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(given), *set(given))
"""
PROCESSES = 2


@pytest.fixture
def workers(database, settings):
    """A function that starts processes of the gateway that run a program, each up to its input."""
    running = []

    def start(program, count):
        environment = {
            **database,
            "DJANGO_SETTINGS_MODULE": "esap.settings.test",
            "ESAP_PEERS": str(settings.ENTRY_FILES[0]),
        }
        running.extend(
            subprocess.Popen(
                [sys.executable, "-c", program],
                env=environment,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(count)
        )
        for worker in running:
            assert worker.stdout.readline() == "ready\n"
        return running

    yield start
    for worker in running:
        worker.kill()
        worker.communicate()


def test_a_hundred_callers_in_two_processes_are_one_call(breakable, alice, workers):
    running = workers(ASK, PROCESSES)

    for worker in running:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [worker.communicate(timeout=60)[0].split() for worker in running]

    assert [counted for counted, *_ in said] == ["50"] * PROCESSES
    assert len({token for _, *tokens in said for token in tokens}) == 1
    assert breakable.grants() == {"refresh_token": 1, EXCHANGE: 1}
    assert_login_lives(breakable, alice)


DIE = """
import django; django.setup()
import os
from accounts.models import Grant
from accounts.tokens.lease import held
with held(Grant.objects.get().pk, seconds=1):
    print("ready", flush=True)
    input()
    os.kill(os.getpid(), 9)
"""


def test_a_process_that_is_killed_while_it_refreshes_delays_the_others_only(
    breakable, alice, workers
):
    (worker,) = workers(DIE, 1)
    worker.communicate("go\n", timeout=60)
    assert worker.returncode == -9
    held_until = Grant.objects.get().lease_until

    given = token_for(alice, "rucio")

    assert timezone.now() >= held_until
    assert breakable.claims(given.token)["aud"] == "rucio"
