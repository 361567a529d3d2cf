"""The real peers are what the tests take them for."""

import csv
import io

import requests

from tests.support.peers.base import PeerInfo

ALCYONE = "66714384142368256"
"""The brightest of the Pleiades, in Gaia DR3."""


def ask(dachs: PeerInfo, adql: str, **more: str) -> requests.Response:
    with requests.Session() as session:
        return session.post(
            f"{dachs.links['tap']}/sync",
            data={"LANG": "ADQL", "FORMAT": "csv", "QUERY": adql, **more},
            timeout=30,
        )


def rows(answer: requests.Response) -> list[dict[str, str]]:
    answer.raise_for_status()
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_dachs_knows_the_brightest_of_the_pleiades(dachs):
    answer = ask(
        dachs,
        "SELECT TOP 1 source_id, phot_g_mean_mag FROM gaia.bright WHERE 1 = CONTAINS("
        "POINT('ICRS', ra, dec), CIRCLE('ICRS', 56.75, 24.12, 1)) ORDER BY phot_g_mean_mag",
    )

    assert rows(answer) == [{"source_id": ALCYONE, "phot_g_mean_mag": "2.896132"}]


def test_dachs_holds_the_whole_of_both_real_catalogues(dachs):
    stars = ask(dachs, "SELECT COUNT(*) AS n FROM gaia.bright")
    nebulae = ask(dachs, "SELECT COUNT(*) AS n FROM ngc.main")

    assert rows(stars) == [{"n": "482176"}]
    assert rows(nebulae) == [{"n": "14026"}]


def test_dachs_describes_its_images_and_spectra_in_obscore(dachs):
    answer = ask(
        dachs,
        "SELECT dataproduct_type, COUNT(*) AS n FROM ivoa.obscore "
        "GROUP BY dataproduct_type ORDER BY dataproduct_type",
    )

    assert rows(answer) == [
        {"dataproduct_type": "image", "n": "20"},
        {"dataproduct_type": "spectrum", "n": "10"},
    ]


def test_dachs_names_itself_by_the_address_of_this_run(dachs):
    answer = ask(dachs, "SELECT TOP 1 access_url FROM ivoa.obscore")

    assert rows(answer)[0]["access_url"].startswith(f"{dachs.url}/")


def test_dachs_says_what_is_wrong_with_a_query(dachs):
    answer = ask(dachs, "SELECT nothing FROM gaia.bright", FORMAT="votable")

    assert b'<INFO name="QUERY_STATUS" value="ERROR">' in answer.content
