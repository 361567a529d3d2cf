"""Look now for jobs that nobody looked at in time, and say what was done about them."""

from typing import Any

from django.core.management.base import BaseCommand

from esap.jobs.following import look_after
from esap.jobs.sweeper import sweep
from esap.jobs.watches import open_turns

__all__ = ["Command"]

_SENTENCES = {
    "silent": "{} with a silent worker: it has a little longer to show that it lives.",
    "begun_again": "{} whose worker died: queued again.",
    "lost": "{} whose worker died: failed, because the work may not be repeated.",
    "rung": "{} that nobody had taken: the workers were told again.",
    "to_stop": "{} where something runs that nobody wants any more.",
    "destroyed": "{} past the destruction time: deleted, with the results.",
}
_ASKED = "{} asked how the jobs there stand."
_AWAY = "The broker does not answer, so no worker could be told of queued jobs."


class Command(BaseCommand):
    """`manage.py sweep`: what the clock does every few seconds, once."""

    help = "Look once for jobs that nobody looked at in time, and say what was done about them."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make one pass; it does no harm beside the regular ones."""
        done = sweep()
        told = done.told()
        for name, count in told.items():
            what = "peer" if name == "to_stop" else "job"
            self.stdout.write(_SENTENCES[name].format(_counted(count, what)))
        if done.broker_is_away:
            self.stdout.write(_AWAY)
        turns = [(watch.follower, watch.peer) for watch in open_turns()]
        for follower, peer in turns:
            look_after(follower, peer)
        if turns:
            self.stdout.write(_ASKED.format(_counted(len(turns), "peer")))
        if not (told or turns or done.broker_is_away):
            self.stdout.write("Nothing was due.")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"
