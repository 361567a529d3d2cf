"""Names of DIDs in searches and links, as far as they can be told without a Rucio."""

import pytest

from esap.clients.rucio_names import NamePattern, link_of


@pytest.mark.parametrize(
    ("pattern", "asked"),
    [
        ("lofar.images", "lofar.images"),
        ("a*b", "a*b"),
        ("100%", "100*"),
        ("a\\b", "a*b"),
        ('"x"', "*x*"),
        ("b'x'", "b*x*"),
        ("TrueSky.false", "*Sky.*"),
        ("None", "None*"),
        ("123", "123*"),
        ("2026-11-27 12:00:00", "2026-11-27 12:00:00*"),
        ("Fri, 27 Nov 2026 01:36:33 UTC", "Fri* 27 Nov 2026 01:36:33 UTC"),
        ("set()", "set*"),
        ("{}", "{}*"),
    ],
)
def test_rucio_is_asked_for_nothing_that_it_reads_as_something_else(pattern, asked):
    assert NamePattern(pattern).asked == asked
    assert NamePattern(asked).fits(pattern)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("*", "", True),
        ("a*", "a", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*b*c*", "abxcx", True),
        ("*c*b*", "abxcx", False),
        ("a**b", "ab", True),
        ("a%b", "axb", False),
        ("a_b", "axb", False),
        ("[ab]*", "a", False),
        ("a*b", "a\nb", True),
        ("A*", "a", False),
    ],
)
def test_a_star_stands_for_anything_and_all_else_for_itself(pattern, name, fits):
    assert NamePattern(pattern).fits(name) is fits


def test_no_pattern_takes_long():
    assert not NamePattern("*a" * 120 + "b").fits("a" * 250)


@pytest.mark.parametrize(
    ("pfn", "name", "link"),
    [
        ("https://host:1/p/ab/x", "x", "https://host:1/p/ab/x"),
        ("https://host:1/p/ab/x#y", "x#y", "https://host:1/p/ab/x%23y"),
        ("davs://host:1/p/ab/a%2Fb?c d", "a%2Fb?c d", "davs://host:1/p/ab/a%252Fb%3Fc%20d"),
        ("http://host/p//a/b+c", "/a/b+c", "http://host/p//a/b%2Bc"),
        ("https://host/p/only#last", "of/it/only#last", "https://host/p/only%23last"),
        ("https://host/p/a%20b", "a b", "https://host/p/a%20b"),
        ("https://host/p/x?signature=1%2F2", "x", "https://host/p/x?signature=1%2F2"),
        ("https://host/p/a\\..\\b", "a\\..\\b", "https://host/p/a%5C..%5Cb"),
        ("root://host//p/x#y", "x#y", "root://host//p/x#y"),
        ("https://host/p/a/../b", "a/../b", ""),
        ("https://host/p/%2E%2e/b", "c", ""),
        ("root://host//p/../b", "../b", ""),
    ],
)
def test_a_link_reaches_the_file_and_nothing_else(pfn, name, link):
    assert link_of(pfn, name) == link
