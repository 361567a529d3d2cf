"""The reference pages say what the code does."""

import pytest

from esap.api.management.commands.write_reference import problems_page, settings_page
from esap.settings.env import BASE_DIR

REFERENCE = BASE_DIR / "docs" / "reference"


@pytest.mark.parametrize(
    ("page", "made"), [("settings.md", settings_page), ("problems.md", problems_page)]
)
def test_the_page_is_as_the_code_makes_it(page, made) -> None:
    assert (REFERENCE / page).read_text(encoding="utf-8") == made(), "run `make reference`"
