"""docs/reference/searches.md tells all that a search understands and answers."""

from typing import get_args

import pytest
from django.conf import settings

from esap.api.negotiation import FORMATS
from query.federation import Outcome, Status
from query.questions import CONTROLS

PAGE = (settings.BASE_DIR / "docs" / "reference" / "searches.md").read_text()


@pytest.mark.parametrize(
    "name",
    [
        *sorted(CONTROLS),
        *FORMATS,
        *(kinds[0] for kinds in FORMATS.values()),
        *get_args(Status),
        *(name for name in Outcome.__dataclass_fields__ if name != "errand"),
        *("search", "columns", "rows", "archive", "end"),
    ],
)
def test_it_is_documented(name) -> None:
    assert f"`{name}`" in PAGE
