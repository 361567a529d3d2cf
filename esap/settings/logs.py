"""Structured logs, in which no secret appears."""

import logging.config
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

__all__ = ["hide_secrets", "logging_config"]

_SECRET_KEY = re.compile(
    r"token|secret|password|authorization|cookie|api[-_]?key|session", re.IGNORECASE
)
_SECRET_TEXT = [
    # Authorization header values, wherever they are quoted.
    re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}"),
    # JSON Web Tokens.
    re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"),
    # Secrets in query strings, forms and URLs.
    re.compile(r"(?i)\b([\w-]*(?:token|secret|password|passwd|api_?key|code|state)=)[^&\s\"']+"),
    re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"),
]
_HIDDEN = "[hidden]"


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        for pattern in _SECRET_TEXT:
            value = pattern.sub(lambda m: (m[1] if m.lastindex else "") + _HIDDEN, value)
        return value
    if isinstance(value, dict):
        return {k: _HIDDEN if _SECRET_KEY.search(str(k)) else _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def hide_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace what looks like a secret, by the name of its key or by its own shape."""
    for key, value in event.items():
        event[key] = _HIDDEN if _SECRET_KEY.search(key) else _clean(value)
    return event


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
                # Callers' mistakes are in the request log already, and are not ours to look at.
                "django.request": {"level": "ERROR"},
                "django.security.DisallowedHost": {"level": "CRITICAL"},
            },
        }
    )
