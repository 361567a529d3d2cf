"""All of Rucio's daemons that a staging needs, one after the other in one process, for ever.

Their own programs wait ten seconds before each look; these passes take less than one. They call the
functions that those programs call.
"""

import functools
import logging
import os
import threading
import time
from pathlib import Path

from rucio.common.logging import setup_logging
from rucio.daemons.abacus import account as abacus_account
from rucio.daemons.abacus import rse as abacus_rse
from rucio.daemons.common import run_daemon
from rucio.daemons.conveyor import finisher, poller, submitter
from rucio.daemons.judge import cleaner, evaluator, injector, repairer
from rucio.daemons.reaper import reaper
from rucio.daemons.undertaker import undertaker

PAUSE_SECONDS = 0.3
REPAIR_AFTER_SECONDS = 86_400
"""A stuck rule stays so: tests look at it, and Rucio's own half an hour is longer than they do."""


def judge(module, **arguments):
    """Make one pass of a daemon of the judge."""
    run_daemon(
        once=True,
        graceful_stop=threading.Event(),
        executable=module.DAEMON_NAME,
        partition_wait_time=0,
        sleep_time=60,
        run_once_fnc=functools.partial(module.run_once, **arguments),
    )


def reap():
    """Remove files that no rule wants, forgetting what was known of the storage."""
    reaper.REGION.invalidate()
    reaper.reaper(rses=[], include_rses="*", exclude_rses=None, once=True, greedy=True)


QUICK = (
    lambda: judge(injector, paused_rules={}),
    lambda: judge(evaluator, paused_dids={}, did_limit=1000),
    lambda: submitter.submitter(once=True, partition_wait_time=0, group_bulk=20),
    lambda: poller.poller(
        once=True,
        partition_wait_time=0,
        older_than=0,
        transfertool="fts3",
        filter_transfertool=None,
    ),
    lambda: finisher.finisher(once=True, partition_wait_time=0),
    lambda: judge(cleaner, paused_rules={}),
    lambda: abacus_account.account_update(once=True),
)
SLOW = (
    lambda: judge(repairer, paused_rules={}, delta=REPAIR_AFTER_SECONDS),
    lambda: undertaker.undertaker(once=True),
    lambda: abacus_rse.rse_update(once=True),
    reap,
)


def passes():
    """Make passes, of the slow ones every tenth; a daemon that fails does not end the others.

    While there is a file `paused`, none is made: that is for those who measure the server alone.
    """
    number, paused = 0, Path(os.environ["RUCIO_HOME"]) / "paused"
    while True:
        if paused.exists():
            time.sleep(PAUSE_SECONDS)
            continue
        for daemon in QUICK + (SLOW if number % 10 == 0 else ()):
            try:
                daemon()
            except Exception:
                logging.getLogger(__name__).exception("a daemon failed")
        number += 1
        time.sleep(PAUSE_SECONDS)


setup_logging()
logging.getLogger().setLevel(logging.WARNING)
passes()
