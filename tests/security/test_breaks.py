"""The mistakes that the tests have been seen to find can still be made."""

import ast

import pytest

from tests.security.breaks import BREAKS, ITEMS, OWASP, ROOT, file_for


@pytest.mark.parametrize("mistake", BREAKS, ids=lambda mistake: f"{mistake.item} {mistake.means}")
def test_a_mistake_can_be_made_in_the_code_as_it_is(mistake):
    text = (ROOT / mistake.file).read_text(encoding="utf-8")

    broken = mistake.made_in(text)

    assert broken != text
    if mistake.file.endswith(".py"):
        ast.parse(broken)


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_has_a_mistake_and_tests_that_are_named_for_it(item):
    about = ast.get_docstring(ast.parse(file_for(item).read_text(encoding="utf-8")))

    assert any(each.item == item for each in BREAKS)
    assert about.startswith(f"{item}:2023 " if item in OWASP else "Tokens never appear in ")


def test_a_mistake_that_does_not_fit_any_more_is_told():
    with pytest.raises(ValueError, match="0 times, not once"):
        BREAKS[0].made_in("nothing of it")
