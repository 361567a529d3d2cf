"""Look now for jobs that nobody looked at in time, and say what was done about them."""

from typing import Any

from django.core.management.base import BaseCommand

from esap.jobs.sweeper import sweep

__all__ = ["Command"]

_SENTENCES = {
    "silent": "{} with a silent worker: it has a little longer to show that it lives.",
    "begun_again": "{} whose worker died: queued again.",
    "lost": "{} whose worker died: failed, because the work may not be repeated.",
    "rung": "{} that nobody had taken: the workers were told again.",
    "to_stop": "{} where something runs that nobody wants any more.",
    "peers_rung": "{} whose turn it was: a worker looks after the jobs there.",
    "destroyed": "{} past the destruction time: deleted, with the results.",
}
_PEERS = {"to_stop", "peers_rung"}
_AWAY = "The broker does not answer, so no worker could be told of queued jobs."


class Command(BaseCommand):
    """`manage.py sweep`: what beat has the worker do every few seconds, once, here."""

    help = "Look once for jobs that nobody looked at in time, and say what was done about them."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make one pass; it does no harm beside the regular ones."""
        done = sweep()
        told = done.told()
        for name, count in told.items():
            what = "peer" if name in _PEERS else "job"
            self.stdout.write(_SENTENCES[name].format(f"{count} {what}{'s' if count > 1 else ''}"))
        if done.broker_is_away:
            self.stdout.write(_AWAY)
        elif not told:
            self.stdout.write("Nothing was due.")
