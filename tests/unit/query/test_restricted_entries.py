"""An archive that is for a group only: what lists, forms and look-ups tell others of it."""

import pytest
import yaml
from django.core.cache import cache
from django.test import Client

from esap.backends.visibility import Standing
from esap.checks import check_entries
from esap.settings.env import BASE_DIR
from query.backends.base import archives
from query.checks import check_references
from tests.support.entries import write_entries
from tests.support.fakes.http import FakePeer
from tests.support.fakes.sesame import sesame
from tests.support.fakes.tap import FakeTap
from tests.support.restricted import GROUP, SECRETS, Callers, configure, vault_was_asked
from tests.support.sample_archives import configure as configure_sample

pytestmark = pytest.mark.django_db
QUERY = "/esap-api/query/"
LISTS = {  # what a member sees, and what others see
    "archives": (["vault", "open"], ["open"]),
    "archives-uri": (["vault", "open"], ["open"]),
    "datasets": (["vault-stars", "open-stars"], ["open-stars"]),
    "datasets-uri": (["vault-stars", "open-stars"], ["open-stars"]),
    "catalogs": (["vault-tap", "open"], ["open"]),
    "parameter-mapping": (["stars", "obscore", "vaulted"], ["stars", "obscore"]),
}
MEMBERS = {
    "archives": ("7", "vault"),
    "archives-uri": ("7", "vault"),
    "datasets": ("71", "vault-stars"),
    "datasets-uri": ("71", "vault-stars"),
    "catalogs": ("77", "vault-tap"),
    "parameter-mapping": ("66", "vaulted"),
}


@pytest.fixture
def fake():
    with FakeTap(stars=5) as service:
        yield service


@pytest.fixture(autouse=True)
def entries(settings, tmp_path, fake):
    cache.clear()
    configure(settings, tmp_path, fake)


@pytest.fixture
def callers():
    return Callers.make()


@pytest.fixture(params=["stranger", "nobody"])
def other(request, callers):
    """Somebody who may not use the archive."""
    return callers.named(request.param)


def is_silent(response) -> bool:
    """Whether an answer, also its headers, has nothing of the archive."""
    told = response.content.decode() + str(response.headers)
    return not any(secret in told.lower() for secret in SECRETS)


@pytest.mark.parametrize("listing", LISTS)
class TestLists:
    def test_a_member_of_the_group_sees_it(self, listing, callers) -> None:
        answer = callers.member.get(QUERY + listing).json()

        assert [member["uri"] for member in answer["results"]] == LISTS[listing][0]

    def test_others_see_and_count_only_the_rest(self, listing, other) -> None:
        response = other.get(QUERY + listing)

        answer = response.json()
        assert [member["uri"] for member in answer["results"]] == LISTS[listing][1]
        assert (answer["count"], answer["pages"]) == (len(LISTS[listing][1]), 1)
        assert is_silent(response)

    def test_pages_are_cut_from_what_is_seen(self, listing, callers, other) -> None:
        size = len(LISTS[listing][1])
        query = f"{QUERY}{listing}?page=2&page_size={size}"

        assert callers.member.get(query).status_code == 200
        assert other.get(query).json()["detail"] == "There is no page 2; there are 1."

    def test_no_filter_and_no_order_tells_of_it(self, listing, other) -> None:
        for query in ("uri__icontains=vault", "ordering=-uri", "name__icontains=crypt"):
            assert is_silent(other.get(f"{QUERY}{listing}?{query}")), query

    @pytest.mark.parametrize("which", [0, 1], ids=["number", "uri"])
    def test_it_has_the_same_address_for_a_member_and_none_for_others(
        self, listing, which, callers, other
    ) -> None:
        key = MEMBERS[listing][which]

        shown = callers.member.get(f"{QUERY}{listing}/{key}/")
        hidden = other.get(f"{QUERY}{listing}/{key}/")
        unknown = other.get(f"{QUERY}{listing}/nowhere/")

        assert shown.json()["uri"] == MEMBERS[listing][1]
        assert (hidden.status_code, unknown.status_code) == (404, 404)
        assert hidden.content.decode() == unknown.content.decode().replace("nowhere", key)

    def test_what_was_made_for_a_member_is_not_shown_to_others(
        self, listing, callers, other
    ) -> None:
        before = other.get(QUERY + listing).json()["count"]
        member = callers.member.get(QUERY + listing).json()["count"]
        after = other.get(QUERY + listing).json()["count"]

        assert (before, member, after) == (
            len(LISTS[listing][1]), len(LISTS[listing][0]), len(LISTS[listing][1]),
        )  # fmt: skip


def test_what_the_page_shows_is_an_archive_for_two_groups(settings, tmp_path) -> None:
    page = (BASE_DIR / "docs" / "how-to" / "add-an-archive.md").read_text(encoding="utf-8")
    [shown] = [block for block in page.split("```") if "groups: [" in block]
    query = yaml.safe_load(shown.removeprefix("yaml"))["query"]

    settings.ENTRY_FILES = write_entries(tmp_path, query["archives"])

    assert check_entries() == check_references() == []
    assert archives.for_caller(None).ids() == []
    for name in ("escape/esap", "urn:geant:example.org:group:survey"):
        assert archives.for_caller(Standing(frozenset({name}))).ids() == ["our_archive"]


def test_numbers_of_others_do_not_move(callers) -> None:
    seen = [
        [(item["uri"], item["id"]) for item in client.get(QUERY + "archives").json()["results"]]
        for client in (callers.member, callers.nobody)
    ]

    assert seen == [[("vault", 7), ("open", 8)], [("open", 8)]]


class TestCaching:
    URL = QUERY + "archives-uri"

    def test_those_who_see_others_have_another_tag(self, callers) -> None:
        member, stranger, nobody = (
            client.get(self.URL).headers["ETag"]
            for client in (callers.member, callers.stranger, callers.nobody)
        )

        assert member != nobody
        assert stranger == nobody

    def test_a_tag_is_good_for_those_who_see_the_same(self, callers) -> None:
        member = callers.member.get(self.URL).headers["ETag"]

        again = callers.member.get(self.URL, headers={"if-none-match": member})
        nobody = callers.nobody.get(self.URL, headers={"if-none-match": member})

        assert (again.status_code, nobody.status_code) == (304, 200)
        assert nobody.json()["count"] == 1

    @pytest.mark.parametrize("path", ["archives-uri", "archives/7/", "configuration?name=navbar"])
    @pytest.mark.parametrize("caller", ["member", "nobody"])
    def test_no_cache_that_callers_share_may_keep_an_answer(self, path, caller, callers) -> None:
        response = callers.named(caller).get(QUERY + path)

        vary = {name.strip() for name in response.headers["Vary"].split(",")}
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert {"Cookie", "Authorization", "Accept"} <= vary

    def test_an_answer_that_is_known_is_private_too(self, callers) -> None:
        tag = callers.nobody.get(self.URL).headers["ETag"]

        known = callers.nobody.get(self.URL, headers={"if-none-match": tag})

        assert (known.status_code, known.headers["ETag"]) == (304, tag)
        assert known.headers["Cache-Control"] == "private, no-cache"
        assert "Authorization" in known.headers["Vary"]

    def test_without_groups_all_answers_are_one_and_nobody_is_looked_up(
        self, settings, tmp_path, callers, django_assert_num_queries
    ) -> None:
        (tmp_path / "open").mkdir()
        configure_sample(settings, tmp_path / "open")
        nobody = callers.nobody.get(self.URL)

        with django_assert_num_queries(0):
            member = callers.member.get(self.URL)

        assert member.headers["ETag"] == nobody.headers["ETag"]
        assert member.headers["Cache-Control"] == "public, max-age=60"
        assert member.headers["Vary"] == "Accept, origin"

    def test_without_a_login_nobody_is_looked_up(self, django_assert_num_queries) -> None:
        with django_assert_num_queries(0):
            assert Client().get(self.URL).status_code == 200


class TestForms:
    def test_a_member_gets_its_form_and_it_in_the_form_for_all(self, callers) -> None:
        form = callers.member.get(QUERY + "configuration?name=vault").json()["configuration"]
        whole = callers.member.get(QUERY + "configuration?name=multiple_archives").json()

        assert form["query_schema"]["title"] == "Search The Crypt"
        assert whole["configuration"]["archives"] == ["vault", "open"]

    def test_to_others_its_form_is_not_there(self, other) -> None:
        hidden = other.get(QUERY + "configuration?name=vault")
        unknown = other.get(QUERY + "configuration?name=nowhere")

        assert hidden.status_code == 404
        assert hidden.json()["detail"] == (
            "There is no configuration 'vault'. There are: esap_ivoa, multiple_archives, open."
        )
        assert hidden.content == unknown.content.replace(b"nowhere", b"vault")

    def test_others_find_it_neither_in_the_form_for_all_nor_among_the_names(self, other) -> None:
        whole = other.get(QUERY + "configuration?name=multiple_archives")
        nameless = other.get(QUERY + "configuration")

        assert whole.json()["configuration"]["archives"] == ["open"]
        assert is_silent(whole)
        assert nameless.json()["detail"] == (
            "name: choose one of esap_ivoa, multiple_archives, open."
        )


class TestTables:
    def test_a_member_sees_its_tables(self, callers, fake) -> None:
        response = callers.member.get(QUERY + "get-tables-fields?dataset_uri=vault-stars")

        assert response.status_code == 200
        assert vault_was_asked(fake)

    def test_others_are_told_that_there_is_no_such_dataset(self, other, fake) -> None:
        hidden = other.get(QUERY + "get-tables-fields?dataset_uri=vault-stars")
        unknown = other.get(QUERY + "get-tables-fields?dataset_uri=nowhere")

        assert hidden.status_code == 404
        assert hidden.content == unknown.content.replace(b"nowhere", b"vault-stars")
        assert not vault_was_asked(fake)

    def test_its_address_is_to_others_as_any_that_no_entry_has(self, other, fake) -> None:
        vault, nowhere = fake.url(number=2), fake.url(number=9)
        hidden = other.get(QUERY + "get-tables-fields", {"access_url": vault})
        unknown = other.get(QUERY + "get-tables-fields", {"access_url": nowhere})

        assert hidden.status_code == 401
        assert hidden.content.decode() == unknown.content.decode().replace(nowhere, vault)
        assert fake.requests == []

    def test_what_is_kept_for_members_is_for_members(self, callers, other, fake) -> None:
        path = QUERY + "get-tables-fields?dataset_uri=vault-stars"
        kept = callers.member.get(path)
        fake.requests.clear()

        again, hidden = callers.member.get(path), other.get(path)

        assert again.json() == kept.json()
        assert hidden.status_code == 404
        assert fake.requests == []


class TestResolvers:
    """A service that knows where objects are may be for a group, too."""

    @pytest.fixture
    def peer(self, settings, tmp_path, fake):
        star = "%C.0 s*r\n%J 88.79 +7.40 = 05:55:10.30 +07:24:25.4\n%I.0 *   alf Ori"
        with FakePeer(sesame(others={"Betelgeuse": star})) as peer:
            entry = {
                "id": "crypt-names", "type": "sesame", "title": "The Crypt's names",
                "url": f"{peer.origin}/s", "private_network": True, "groups": [GROUP],
            }  # fmt: skip
            configure(settings, tmp_path / "names", fake, resolvers=[entry])
            yield peer

    def test_a_member_hears_what_it_knows(self, peer, callers) -> None:
        response = callers.member.get(QUERY + "get-sky-coordinates?target_name=Betelgeuse")

        assert (response.json()["ra"], response.json()["resolver"]) == (
            "88.79",
            "crypt-names (SIMBAD)",
        )

    def test_others_do_not_ask_it(self, peer, other) -> None:
        response = other.get(QUERY + "get-sky-coordinates?target_name=Betelgeuse")

        assert response.status_code == 404
        assert is_silent(response)
        assert peer.heard == []

    def test_what_it_said_to_a_member_is_not_passed_on(self, peer, callers, other) -> None:
        path = QUERY + "get-sky-coordinates?target_name=Betelgeuse"
        statuses = [client.get(path).status_code for client in (other, callers.member, other)]

        assert statuses == [404, 200, 404]
