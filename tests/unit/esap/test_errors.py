"""What every error promises of its sentence."""

from esap.errors import QueryRejected


def test_a_sentence_is_one_line_of_printable_text() -> None:
    error = QueryRejected("no\x00 such\r\n \x1b[31mcolumn\u202e")

    assert error.detail == str(error) == "no such [31mcolumn"


def test_a_sentence_ends_somewhere() -> None:
    error = QueryRejected("x" * 1_000_000)

    assert error.detail == "x" * 1_997 + "..."
