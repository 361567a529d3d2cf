"""What providers say of people is made fit to be kept and shown."""

import pytest

from accounts.backends.told import is_name, text


@pytest.mark.parametrize(
    ("claim", "kept"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("Zoë 🔭", "Zoë 🔭"),
        ("A\0da\r\nSet-Cookie: a", "AdaSet-Cookie: a"),
        ("half \ud83d", "half "),
        ("\u202eoliver", "oliver"),
        ("x" * 256, "x" * 255),
        (None, ""),
        (7, ""),
        ({"name": "Ada"}, ""),
    ],
)
def test_a_text_keeps_what_can_be_printed(claim, kept):
    assert text(claim) == kept


@pytest.mark.parametrize("claim", ["ada-1", "Zoë", "x" * 255, "a b"])
def test_a_name_is_taken_as_it_stands(claim):
    assert is_name(claim)


@pytest.mark.parametrize("claim", ["", "x" * 256, "a\0b", "a\nb", "\ud83d", 1, None, ["ada-1"]])
def test_what_cannot_be_stored_or_compared_is_no_name(claim):
    assert not is_name(claim)
