"""A gateway that knows the real Rucio."""

import pytest

from tests.support.iam import Iam
from tests.support.rucio import Lake


@pytest.fixture(scope="session")
def lake(rucio):
    """The Rucio that all tests share, asked directly."""
    lake = Lake(rucio.url, rucio.links["site"])
    yield lake
    lake.close()


@pytest.fixture(scope="session")
def issuer(rucio):
    """The provider whose tokens Rucio takes."""
    iam = Iam(rucio.links["iam"])
    yield iam
    iam.http.close()
