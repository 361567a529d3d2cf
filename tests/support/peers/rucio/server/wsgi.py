"""Rucio's REST server under gunicorn, with a variable that Apache would set."""

from rucio.web.rest.main import application as rucio


def application(environ, start_response):
    """Answer as Rucio; without REQUEST_URI, its redirects to replicas are errors."""
    environ.setdefault("REQUEST_URI", environ.get("RAW_URI", "/"))
    return rucio(environ, start_response)
