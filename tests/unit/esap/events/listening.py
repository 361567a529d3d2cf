"""How tests listen to the events process."""

import json
import time

import requests
from django.test import Client

browser = requests.Session()
browser.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))


def until(claim, seconds=5.0):
    """Wait until a claim holds; return whether it came to."""
    end = time.monotonic() + seconds
    while not (held := claim()) and time.monotonic() < end:
        time.sleep(0.01)
    return held


def listen(url, **options):
    return browser.get(url, stream=True, timeout=10, **options)


def events(answer):
    """Yield (id, name, data) of each event as it arrives."""
    fields = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if not line:
            if "event" in fields:
                yield int(fields["id"]), fields["event"], json.loads(fields["data"])
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


def cookies_of(user):
    """Return the cookies of somebody who has logged in."""
    client = Client()
    client.force_login(user)
    return {name: morsel.value for name, morsel in client.cookies.items()}
