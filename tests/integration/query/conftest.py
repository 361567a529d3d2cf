"""Archives at real services."""

import pytest

from tests.support.fakes.tap.archives import tap_archive


@pytest.fixture(scope="module")
def tap_of_dachs(dachs):
    """A function that makes the entry of DaCHS' TAP service, with options, into an archive."""

    def make(**options):
        return tap_archive(dachs.links["tap"], id="dachs", title="DaCHS", **options)

    return make
