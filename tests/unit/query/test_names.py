"""Names become positions, and it is said who knew them."""

import pytest
from django.core.cache import cache

from esap.backends.http import open_session
from esap.errors import (
    BackendRefused,
    BackendTimedOut,
    BackendUnavailable,
    InvalidRequest,
    NotFound,
    UnreadableAnswer,
)
from query import names
from query.backends.base import Place, resolvers
from query.backends.openngc import OpenNgcConfig, OpenNgcResolver
from query.backends.sesame import SesameConfig, SesameResolver
from tests.support.fakes.http import FakePeer, answer, black_hole, hang_up
from tests.support.fakes.sesame import sesame
from tests.support.sample_archives import configure

BETELGEUSE = "%C.0 s*r\n%J 88.79293900 +07.40706400 = 05:55:10.30 +07:24:25.4\n%I.0 *   alf Ori"


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


@pytest.fixture
def openngc():
    return OpenNgcResolver(OpenNgcConfig(id="openngc", type="openngc", title="OpenNGC"), http=None)


def sesame_at(peer, **options):
    config = SesameConfig(
        id="sesame",
        type="sesame",
        title="CDS Sesame",
        url=f"{peer.origin}/cgi-bin/nph-sesame",
        private_network=True,
        **options,
    )
    return SesameResolver(config, open_session(config))


class TestOpenNgc:
    @pytest.mark.parametrize(
        ("name", "object_name"),
        [
            ("M31", "NGC0224"),
            ("m 31", "NGC0224"),
            ("Messier 031", "NGC0224"),
            ("NGC 224", "NGC0224"),
            ("ngc224", "NGC0224"),
            ("UGC 454", "NGC0224"),
            ("PGC 2557", "NGC0224"),
            ("MCG +07-02-016", "NGC0224"),
            ("2MASX J00424433+4116074", "NGC0224"),
            ("IRAS 00400+4059", "NGC0224"),
            ("Andromeda Galaxy", "NGC0224"),
            ("andromeda  galaxy", "NGC0224"),
            ("Crab Nebula", "NGC1952"),
            ("M1", "NGC1952"),
            ("Pleiades", "Mel022"),
            ("M 45", "Mel022"),
            ("Melotte 22", "Mel022"),
            ("Caldwell 14", "C014"),
            ("Collinder 399", "Cl399"),
            ("ESO 56-115", "ESO056-115"),
            ("The Running Man Nebula", "NGC1977"),
            ("Stephan\N{RIGHT SINGLE QUOTATION MARK}s Quintet", "HCG092"),
            ("Antennae Galaxies", "NGC4038"),
            ("IC 80 NED01", "IC0080 NED01"),
            ("IC0298A", "IC0298A"),
        ],
    )
    def test_an_object_is_known_by_all_its_names(self, openngc, name, object_name):
        assert openngc.resolve(name).name == object_name

    def test_a_place_is_in_icrs_degrees_and_says_what_is_there(self, openngc):
        place = openngc.resolve("M31")

        assert place == Place(
            name="NGC0224",
            ra=pytest.approx(10.6847917),
            dec=pytest.approx(41.2690556),
            resolver="openngc",
            detail="Galaxy, known as M 31, Andromeda Galaxy",
        )

    @pytest.mark.parametrize("name", ["", " ", ",", "M 111", "Nope 99", "' OR 1=1 --", "%", "NGC"])
    def test_other_names_are_not_known(self, openngc, name):
        assert openngc.resolve(name) is None

    def test_an_object_that_does_not_exist_has_no_place(self, openngc):
        assert openngc.resolve("IC 1064") is None

    def test_it_is_well_without_a_network(self, openngc):
        openngc.ping()


class TestSesame:
    def test_a_place_says_which_resolver_knew_it(self):
        with FakePeer(sesame(others={"Betelgeuse": BETELGEUSE})) as peer:
            place = sesame_at(peer).resolve("Betelgeuse")

        assert place == Place(
            name="* alf Ori",
            ra=88.792939,
            dec=7.407064,
            resolver="sesame (SIMBAD)",
            detail="s*r, found by SIMBAD",
        )

    @pytest.mark.parametrize(("letter", "who"), [("S", "SIMBAD"), ("N", "NED"), ("V", "VizieR")])
    def test_the_first_of_its_resolvers_that_knows_is_named(self, letter, who):
        with FakePeer(sesame(known_to=letter)) as peer:
            assert sesame_at(peer).resolve("M31").resolver == f"sesame ({who})"

    def test_an_answer_from_its_cache_is_an_answer(self):
        cached = b"# x\t#Q1\n#=Sc=Simbad:    1     0ms (from cache)\n%J 1.5 -2.5 = \n#====Done\n"

        with FakePeer(answer(cached)) as peer:
            place = sesame_at(peer).resolve("x")

        assert (place.name, place.ra, place.dec) == ("x", 1.5, -2.5)
        assert place.resolver == "sesame (SIMBAD)"

    def test_an_unknown_name_has_no_place(self):
        with FakePeer(sesame()) as peer:
            assert sesame_at(peer).resolve("Nope 99") is None

    @pytest.mark.parametrize(
        ("name", "written"),
        [
            ("M 31", "M%2031"),
            ("PSR B0531+21", "PSR%20B0531%2B21"),
            ("a&b=c#d?e/f", "a%26b%3Dc%23d%3Fe%2Ff"),
            ("Č", "%C4%8C"),
        ],
    )
    def test_a_name_arrives_as_it_was_written(self, name, written):
        with FakePeer(sesame()) as peer:
            sesame_at(peer).resolve(name)

            assert peer.heard[0].target == f"/cgi-bin/nph-sesame/SNV?{written}"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>Down for maintenance</html>",
            b"# x\n#=S=Simbad:\n%J 1.0 2.0",
            b"# x\n#=S=Simbad:\n%J 400.0 2.0 = \n#====Done",
            b"# x\n#=S=Simbad:\n%J 4..0 2.0 = \n#====Done",
        ],
    )
    def test_an_answer_that_is_none_is_told_apart_from_an_unknown_name(self, body):
        with FakePeer(answer(body)) as peer, pytest.raises(UnreadableAnswer):
            sesame_at(peer).resolve("x")

    def test_a_refusal_is_a_refusal(self):
        with FakePeer(answer(status="403 Forbidden")) as peer, pytest.raises(BackendRefused):
            sesame_at(peer).resolve("x")

    def test_it_has_its_own_deadline(self):
        with FakePeer(black_hole) as peer, pytest.raises(BackendTimedOut):
            sesame_at(peer, timeout=0.2).resolve("x")

    def test_it_is_well_when_it_answers(self):
        with FakePeer(sesame()) as peer:
            sesame_at(peer).ping()


ENTRIES = """
query:
  resolvers:
    - {{id: openngc, type: openngc, title: OpenNGC}}
    - {{id: sesame, type: sesame, title: CDS Sesame, url: "{origin}/s", private_network: true,
       timeout: 1}}
"""


@pytest.fixture
def configured(settings, tmp_path):
    """Have the resolvers configured, with Sesame at this peer."""

    def configured(peer):
        configure(settings, tmp_path, ENTRIES.format(origin=peer.origin))

    return configured


class TestResolve:
    def test_what_is_known_offline_is_not_asked_elsewhere(self, configured):
        with FakePeer(sesame()) as peer:
            configured(peer)

            place = names.resolve("Crab Nebula")

            assert (round(place.ra, 4), round(place.dec, 4)) == (83.6332, 22.0145)
            assert place.resolver == "openngc"
            assert peer.heard == []

    def test_what_is_not_known_offline_is_asked_elsewhere_once(self, configured):
        with FakePeer(sesame(others={"Betelgeuse": BETELGEUSE})) as peer:
            configured(peer)

            first, again = names.resolve("Betelgeuse"), names.resolve(" Betelgeuse ")

            assert first == again
            assert first.resolver == "sesame (SIMBAD)"
            assert len(peer.heard) == 1

    def test_an_unknown_name_is_not_found_and_not_asked_again(self, configured):
        with FakePeer(sesame()) as peer:
            configured(peer)

            for _ in range(2):
                with pytest.raises(NotFound, match=r"No resolver knows 'Nope 99'.*give a position"):
                    names.resolve("Nope 99")

            assert len(peer.heard) == 1

    def test_a_name_that_could_not_be_asked_for_says_so_and_is_asked_again(self, configured):
        with FakePeer(hang_up) as peer:
            configured(peer)
            with pytest.raises(BackendUnavailable, match=r"CDS Sesame.*Give a position instead"):
                names.resolve("Betelgeuse")
            peer.script = sesame(others={"Betelgeuse": BETELGEUSE})

            assert names.resolve("Betelgeuse").resolver == "sesame (SIMBAD)"

    def test_what_is_known_offline_is_known_while_all_others_are_down(self, configured):
        with FakePeer(hang_up) as peer:
            configured(peer)

            assert names.resolve("M 31").resolver == "openngc"

    @pytest.mark.parametrize("script", [sesame(), hang_up])
    @pytest.mark.parametrize(
        ("name", "ra", "dec"),
        [
            ("2MASS J05343194+2200521", 83.6330833, 22.0144722),
            ("CRTS SSS100805 J194428-420209", 296.1166667, -42.0358333),
            ("SDSS J000000.01-001221.6", 0.15 / 3600, -0.206),
        ],
    )
    def test_a_name_with_coordinates_is_its_own_last_resort(
        self, configured, script, name, ra, dec
    ):
        with FakePeer(script) as peer:
            configured(peer)

            place = names.resolve(name)

        assert (place.ra, place.dec) == (pytest.approx(ra), pytest.approx(dec))
        assert place.resolver == "name"
        assert "in the name itself" in place.detail

    @pytest.mark.parametrize("name", ["PSR J0534+2200", "X J995959+995959", "J2560000+000000"])
    def test_a_name_with_less_than_a_position_is_not_found(self, configured, name):
        with FakePeer(sesame()) as peer:
            configured(peer)

            with pytest.raises(NotFound):
                names.resolve(name)

    @pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x00b", "a\u2028b\x1b"])
    def test_what_is_no_name_is_refused(self, configured, name):
        with FakePeer(sesame()) as peer:
            configured(peer)

            with pytest.raises(InvalidRequest, match="such as M31"):
                names.resolve(name)

            assert peer.heard == []

    def test_both_kinds_of_resolvers_are_found_by_their_entries(self, configured):
        with FakePeer(sesame()) as peer:
            configured(peer)

            assert [type(each) for each in resolvers.for_gateway()] == [
                OpenNgcResolver,
                SesameResolver,
            ]
            assert resolvers.problems() == []
