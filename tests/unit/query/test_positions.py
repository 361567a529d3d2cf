"""Positions are read as people write them."""

import math

import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from esap.errors import InvalidRequest
from query.positions import Position, parse_position

CRAB = Position(ra=pytest.approx(83.6329166667), dec=pytest.approx(22.0144444444))


@pytest.mark.parametrize(
    "text",
    [
        "83.6329166667 22.0144444444",
        "83.6329166667, 22.0144444444",
        "83.6329166667 +22.0144444444",
        "83.6329166667d +22.0144444444d",
        "ra=83.6329166667 dec=22.0144444444",
        "8.36329166667e1 22.0144444444",
        "05:34:31.9 +22:00:52",
        "05:34:31.9, 22:00:52",
        "05 34 31.9 +22 00 52",
        "05 34 31.9 22 00 52",
        "05h34m31.9s +22d00m52s",
        "05h34m31.9s 22d00m52s",
        "5h 34m 31.9s +22d 0m 52s",
        "5H34M31.9S +22°00'52\"",
        "5h34m31.9s +22°00′52″",  # noqa: RUF001 -- primes, as people paste them
        "ICRS 05:34:31.9 +22:00:52",
        "05:34:31.9 +22:00:52 (J2000)",
        "05:34:31.9 +22:00:52 fk5",
        "RA=05:34:31.9, Dec=+22:00:52",
        "05h34.531666667m +22d0.866666667m",
    ],
)
def test_the_crab_nebula_is_read_in_every_spelling(text):
    assert parse_position(text) == CRAB


@pytest.mark.parametrize(
    "text",
    [
        "l=184.56 b=-5.78",
        "l: 184.56, b: -5.78",
        "184.56 -5.78 galactic",
        "184.56,-5.78 (Gal)",
        "GAL 184.56 -5.78",
        "GALACTIC 184:33:36 -5:46:48",
        "glon 184.56 glat \N{MINUS SIGN}5.78",
    ],
)
def test_galactic_coordinates_are_turned_to_icrs(text):
    place = parse_position(text)

    assert (round(place.ra, 4), round(place.dec, 4)) == (83.6385, 22.0147)


@given(st.floats(0, 360, exclude_max=True), st.floats(-90, 90))
def test_galactic_coordinates_agree_with_astropy_within_30_milliarcseconds(longitude, latitude):
    ours = parse_position(f"l={longitude!r} b={latitude!r}")

    theirs = SkyCoord(longitude, latitude, unit="deg", frame="galactic").icrs
    assert theirs.separation(SkyCoord(ours.ra, ours.dec, unit="deg")).arcsec < 0.03


sexagesimal = st.builds(
    "{:02d}:{:02d}:{} {}{:02d}:{:02d}:{}".format,
    st.integers(0, 23),
    st.integers(0, 59),
    st.decimals(0, 59, places=3),
    st.sampled_from("+-"),
    st.integers(0, 89),
    st.integers(0, 59),
    st.decimals(0, 59, places=2),
)


@given(sexagesimal)
def test_sexagesimal_positions_agree_with_astropy(text):
    ours = parse_position(text)

    theirs = SkyCoord(text, unit=("hourangle", "deg"))
    assert ours.ra == pytest.approx(theirs.ra.deg, abs=1e-9)
    assert ours.dec == pytest.approx(theirs.dec.deg, abs=1e-9)


def test_a_southern_declination_of_less_than_a_degree_stays_southern():
    assert parse_position("05 34 31.9 -00 30 00").dec == -0.5
    assert parse_position("05:34:31.9", "-0:30").dec == -0.5


@pytest.mark.parametrize(
    ("ra", "dec", "place"),
    [
        (83.63, 22.01, Position(83.63, 22.01)),
        ("83.63", "+22.01", Position(83.63, 22.01)),
        ("05:34:31.9", "+22:00:52", CRAB),
        ("5 34 31.9", "22 0 52", CRAB),
        ("5.5h", "-1", Position(82.5, -1.0)),
        (360, -90, Position(0.0, -90.0)),
    ],
)
def test_right_ascension_and_declination_may_come_apart(ra, dec, place):
    assert parse_position(ra, dec) == place


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("M31", "'M31' is not a position. Write one like 83.633 22.014 (degrees)"),
        ("", "is not a position"),
        ("10 20 30", "is not a position"),
        ("83,63 22,01", "is not a position"),
        ("nan nan", "is not a position"),
        ("inf 0", "is not a position"),
        ("1e400 0", "the right ascension is inf degrees"),
        ("l=1e400 b=0", "the galactic longitude is inf degrees"),
        ("٣ ٤", "is not a position"),
        ("5.5:30 20", "is not a position"),
        ("10 5h", "is not a position"),
        ("361 0", "the right ascension is 361 degrees: it must be from 0 to 360"),
        ("-1 2", "the right ascension is -1 degrees"),
        ("25:00:00 +10:00:00", "the right ascension is 375 degrees"),
        ("0 90.5", "the declination is 90.5 degrees: it must be from -90 to 90"),
        ("l=0 b=-91", "the galactic latitude is -91 degrees"),
        ("12:61:00 +5:00:00", "minutes and seconds must be less than 60"),
        ("0 0 B1950", "give it in ICRS (J2000) or galactic coordinates"),
    ],
)
def test_what_is_no_position_is_refused_with_advice(text, said):
    with pytest.raises(InvalidRequest) as refused:
        parse_position(text)

    assert said in refused.value.detail


@pytest.mark.parametrize(("ra", "dec"), [(math.nan, 0), (0, math.inf), ("x", 1), (1, ""), (0, 91)])
def test_a_pair_that_is_no_position_is_refused(ra, dec):
    with pytest.raises(InvalidRequest):
        parse_position(ra, dec)


@given(st.text())
def test_any_text_is_a_position_in_range_or_refused(text):
    try:
        place = parse_position(text)
    except InvalidRequest:
        return

    assert 0 <= place.ra < 360
    assert -90 <= place.dec <= 90
