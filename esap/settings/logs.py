"""Structured logs, in which no secret appears."""

import logging.config
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

from esap.redaction import HIDDEN, for_logs

__all__ = ["hide_secrets", "logging_config"]

# `token_id` is the number of a row, which opens nothing.
_SECRET_KEY = re.compile(
    r"token(?!_id$)|secret|password|authorization|cookie|api[-_]?key|session", re.IGNORECASE
)


def hide_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace what looks like a secret, by the name of its key or by its own shape."""
    for key, value in event.items():
        event[key] = _hidden(key, value)
    return event


def _hidden(key: object, value: Any) -> Any:
    if _SECRET_KEY.search(str(key)):
        return HIDDEN
    if isinstance(value, dict):
        return {name: _hidden(name, each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden("", each) for each in value]
    return for_logs(value) if isinstance(value, str) else value


def logging_config(level: str, style: str) -> None:
    """Configure `logging` and structlog to write one event a line to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "events": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        # Tracebacks become text before secrets are looked for.
                        structlog.processors.format_exc_info,
                        hide_secrets,
                        renderer,
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "events"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "urllib3": {"level": "WARNING"},
                "kombu": {"level": "WARNING"},
                # Their lines are written as all others, without secrets.
                "gunicorn.error": {"handlers": [], "propagate": True},
                # uvicorn gave its own loggers a level before it loaded ours.
                "uvicorn": {"handlers": [], "propagate": True, "level": level},
                # Every request has a line in our own log already.
                "uvicorn.access": {"handlers": [], "propagate": False},
                # Callers' mistakes are in the request log already, and are not ours to look at.
                "django.request": {"level": "ERROR"},
                "django.security.DisallowedHost": {"level": "CRITICAL"},
            },
        }
    )
