"""Whether the owner of a job is told by mail when it ends."""

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from esap.errors import InvalidRequest
from esap.jobs.models import UNFINISHED, Job
from esap.jobs.rows import change

__all__ = ["refuse_without_address", "want_mail"]


def want_mail(job: Job, *, wanted: bool) -> None:
    """Have mail sent when a job ends, or not.

    Raises what `refuse_without_address` does, and `WrongPhase` for a job that has ended.
    """
    if not wanted:
        Job.objects.filter(pk=job.pk).update(mail=False)
        return
    refuse_without_address(job.owner)
    change(job, UNFINISHED, mail=True)


def refuse_without_address(owner: Any) -> None:
    """Raise `InvalidRequest` if there is nobody, or nowhere, to send mail to."""
    if not settings.MAIL_SERVER:
        raise InvalidRequest("mail: this gateway sends none. Use a webhook, or ask its operator.")
    if owner is None or not import_string(settings.VERIFIED_EMAIL)(owner):
        raise InvalidRequest(
            "mail: your login provider has told the gateway no verified address of yours. See to "
            "it there, then log in anew."
        )
