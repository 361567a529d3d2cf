"""The embedded catalogues for tests, built once into the tests' own data folder."""

from functools import cache

from django.conf import settings

from query.backends.embedded import EmbeddedArchive, EmbeddedConfig


@cache
def embedded() -> EmbeddedArchive:
    """Return the one archive that tests share."""
    entry = {"id": "embedded", "type": "embedded", "title": "Embedded catalogues"}
    config = EmbeddedConfig.model_validate(entry, context={"data_dir": settings.DATA_DIR})
    return EmbeddedArchive(config, http=None)
