"""Requests that wait for a job: held without a thread, then answered as the gateway answers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from io import BytesIO
from uuid import UUID

import orjson
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase

from esap.api.elsewhere import without
from esap.errors import InvalidRequest
from esap.events import views
from esap.events.paths import waited_for
from esap.jobs.models import Event, Job
from esap.jobs.waiting import Wait, asked_wait

__all__ = ["GATEWAY_URLS", "answer"]

GATEWAY_URLS = "esap.urls"
"""By its name: the table of contents of the API knows us, not we it."""

Ask = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


async def answer(request: HttpRequest, ask: Ask) -> HttpResponseBase:
    """Answer a request, after the wait that it asks for; `ask` answers at once.

    The job is asked for before, too: only who may see it is kept waiting.
    """
    found = waited_for(request.path_info)
    if found is None or request.method != "GET":
        return await ask(request)
    job_id, phases = found
    try:
        wait = asked_wait(request.GET)
    except InvalidRequest:
        return await ask(_of_gateway(request, request.GET))  # which says so
    if wait is None:
        return await ask(request)
    query = without(request.GET, {"wait", "phase"})
    phase, last = await sync_to_async(_standing)(job_id)
    if wait.holds(phase, phases):
        now = await ask(_of_gateway(request, query))
        if now.status_code != HTTPStatus.OK:
            return now
        await sync_to_async(now.close)()
        await _phase_changes(job_id, last, phase, wait)
    return await ask(_of_gateway(request, query))


def _of_gateway(request: HttpRequest, query: QueryDict) -> ASGIRequest:
    """Return the request anew, as one for the gateway's own view, which does not wait."""
    plain = ASGIRequest(request.scope, BytesIO())  # type: ignore[attr-defined]  # ASGI
    plain.GET = query  # type: ignore[assignment]  # as for Django's own
    plain.META["QUERY_STRING"] = query.urlencode()
    plain.urlconf = GATEWAY_URLS
    return plain


def _standing(job_id: UUID) -> tuple[str, int]:
    """Return a job's phase, and an event from which on another phase will be told."""
    last = Event.objects.filter(job=job_id).order_by("-id").values_list("id", flat=True).first()
    phase = Job.objects.filter(pk=job_id).values_list("phase", flat=True).first()
    return phase or "", last or 0


async def _phase_changes(job_id: UUID, after: int, known: str, wait: Wait) -> None:
    with views.feed.listen(job_id, after=after) as listener, suppress(TimeoutError):
        async with asyncio.timeout(wait.seconds):
            while (event := await listener.next()) is not None:
                if event.name == "phase" and orjson.loads(event.data)["phase"] != known:
                    return
