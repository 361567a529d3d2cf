"""An archive that is for a group only: to others, no search reaches it or tells of it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache

from esap.errors import NotFound
from esap.jobs.models import Job
from esap.jobs.runner import carry_out
from query import published_query
from tests.support.fakes.http import FakePeer
from tests.support.fakes.sesame import sesame
from tests.support.fakes.tap import FakeTap
from tests.support.restricted import GROUP, SECRETS, Callers, configure, search, vault_was_asked

pytestmark = pytest.mark.django_db
QUERY = "/esap-api/query/"
CONE = {"ra": 56.75, "dec": 24.12, "fov": 180}
PUBLISHED = "query?ra=56.75&dec=24.12&fov=180"
NOT_THERE = {
    "vault": "There is no 'vault' among the archives. There are: open.",
    "vault-stars": "There is no dataset 'vault-stars'. See /esap-api/query/datasets-uri for all.",
}
SCS = {"RA": "56.75", "DEC": "24.12", "SR": "180"}


@pytest.fixture
def fake():
    with FakeTap(stars=5) as service:
        yield service


@pytest.fixture(autouse=True)
def entries(settings, tmp_path, fake):
    cache.clear()
    published_query._ANSWERS._flights.clear()
    configure(settings, tmp_path, fake)


@pytest.fixture
def callers():
    return Callers.make()


@pytest.fixture(params=["stranger", "nobody"])
def other(request, callers):
    """Somebody who may not use the archive."""
    return callers.named(request.param)


def body(response) -> bytes:
    return response.getvalue()


def is_silent(response) -> bool:
    """Whether an answer, also its headers, has nothing of the archive."""
    told = body(response).decode() + str(response.headers)
    return not any(secret in told.lower() for secret in SECRETS)


def asked_archives(response) -> list[str]:
    return [outcome["archive"] for outcome in json.loads(body(response))["archives"]]


class TestSearches:
    def test_a_members_search_of_all_archives_has_it(self, callers, fake) -> None:
        response = search(callers.member, **CONE)

        assert asked_archives(response) == ["vault", "open"]
        assert vault_was_asked(fake)

    @pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson", "text/csv"])
    def test_a_search_of_all_archives_leaves_it_out_for_others(self, accept, other, fake) -> None:
        response = search(other, accept, **CONE)

        assert response.status_code == 200
        assert body(response).count(b"open-stars") >= 1
        assert is_silent(response)
        assert not vault_was_asked(fake)

    @pytest.mark.parametrize(
        ("asked", "hidden"),
        [
            ({**CONE, "archives": ["vault"]}, "vault"),
            ({**CONE, "archives": ["open", "vault"]}, "vault"),
            ({**CONE, "datasets": ["vault-stars"]}, "vault-stars"),
            ({"archives": ["vault"], "adql": "SELECT * FROM sky.stars"}, "vault"),
        ],
        ids=["archive", "one-of-two", "dataset", "adql"],
    )
    @pytest.mark.parametrize("prefer", ["", "respond-async"])
    def test_to_name_it_is_to_name_what_is_not_there(
        self, asked, hidden, prefer, callers, fake
    ) -> None:
        other = callers.stranger if prefer else callers.nobody
        unknown = json.loads(json.dumps(asked).replace(f'"{hidden}"', '"nowhere"'))
        other.defaults["HTTP_PREFER"] = prefer

        theirs, nobodys = search(other, **asked), search(other, **unknown)

        assert (theirs.status_code, theirs.json()["slug"]) == (404, "not-found")
        assert theirs.json()["detail"] == NOT_THERE[hidden]
        assert body(theirs) == body(nobodys).replace(b"nowhere", hidden.encode())
        assert fake.requests == []
        assert Job.objects.count() == 0

    def test_a_parameter_that_only_it_knows_is_none_to_others(self, callers, other, fake) -> None:
        theirs = search(other, **CONE, vaultdoor="x")
        nobodys = search(other, **CONE, nowhere="x")
        member = search(callers.member, **CONE, vaultdoor="x")

        assert (theirs.status_code, member.status_code) == (400, 200)
        assert body(theirs) == body(nobodys).replace(b"nowhere", b"vaultdoor")
        assert "vaultdoor" not in theirs.json()["detail"].partition("The parameters are")[2]

    @pytest.mark.parametrize(
        "condition",
        [{"institute": "Stable-of-Treasures"}, {"level": "crypt-level"},
         {"category": "crypt-category"}],
        ids=["institute", "level", "category"],
    )  # fmt: skip
    def test_no_condition_selects_it_for_others(self, condition, callers, other, fake) -> None:
        theirs = asked_archives(search(other, **CONE, **condition))
        member = asked_archives(search(callers.member, **CONE, **condition))

        assert (theirs, member) == ([], ["vault"])

    def test_a_name_that_only_a_resolver_of_the_group_knows_is_unknown_to_others(
        self, settings, tmp_path, fake, callers, other
    ) -> None:
        star = "%C.0 s*r\n%J 56.75 +24.12 = 03:47:00 +24:07:00\n%I.0 *   alf Ori"
        with FakePeer(sesame(others={"Betelgeuse": star})) as peer:
            entry = {
                "id": "crypt-names", "type": "sesame", "title": "The Crypt's names",
                "url": f"{peer.origin}/s", "private_network": True, "groups": [GROUP],
            }  # fmt: skip
            configure(settings, tmp_path / "names", fake, resolvers=[entry])

            member = search(callers.member, target="Betelgeuse")
            heard = len(peer.heard)
            theirs = search(other, target="Betelgeuse")

            assert (member.status_code, theirs.status_code) == (200, 404)
            assert (heard, len(peer.heard)) == (1, 1)
            assert is_silent(theirs)


class TestExpertQueries:
    def test_a_member_asks_it_in_adql(self, callers, fake) -> None:
        adql = "SELECT TOP 2 * FROM sky.stars"

        response = search(callers.member, archives=["vault"], adql=adql)

        assert len(json.loads(body(response))["rows"]) == 2
        assert vault_was_asked(fake)


class TestConeSearch:
    @pytest.mark.parametrize("name", ["vault", "vault-stars"])
    def test_a_member_gets_its_rows(self, name, callers, fake) -> None:
        response = callers.member.get(f"{QUERY}cone/{name}", SCS)

        assert body(response).count(b"<TR>") == 5

    @pytest.mark.parametrize("name", ["vault", "vault-stars"])
    def test_to_others_it_is_not_there(self, name, other, fake) -> None:
        theirs = other.get(f"{QUERY}cone/{name}", SCS)
        nobodys = other.get(f"{QUERY}cone/nowhere", SCS)

        assert theirs.status_code == 404
        assert body(theirs) == body(nobodys).replace(b"nowhere", name.encode())
        assert fake.requests == []


class TestPublishedQuery:
    def rows(self, client, query=PUBLISHED) -> list[str]:
        return [row["archive"] for row in client.get(QUERY + query).json()["results"]]

    def test_a_member_gets_its_rows(self, callers, fake) -> None:
        assert self.rows(callers.member) == ["vault"] * 5 + ["open"] * 5

    def test_others_get_the_rest(self, other, fake) -> None:
        response = other.get(QUERY + PUBLISHED)

        assert response.json()["count"] == 5
        assert is_silent(response)
        assert not vault_was_asked(fake)

    @pytest.mark.parametrize(
        "query",
        [
            "archive_uri=vault&ra=1&dec=2&fov=1",
            "dataset_uri=vault-stars&ra=1&dec=2&fov=1",
            "archive_uri=vault&adql_query=SELECT 1",
        ],
    )
    def test_to_name_it_is_to_name_what_is_not_there(self, query, other, fake) -> None:
        theirs = other.get(f"{QUERY}query?{query}")
        nobodys = other.get(f"{QUERY}query?{query.replace('vault', 'where')}")

        assert theirs.json()["problems"][0]["slug"] == "not-found"
        assert body(theirs) == body(nobodys).replace(b"where", b"vault")
        assert fake.requests == []

    def test_its_address_is_to_others_as_any_that_no_entry_has(self, other, fake) -> None:
        theirs = other.get(QUERY + "query", {"access_url": fake.url(number=2), "adql_query": "x"})
        nobodys = other.get(QUERY + "query", {"access_url": fake.url(number=9), "adql_query": "x"})

        assert theirs.status_code == 401
        assert body(theirs) == body(nobodys)
        assert fake.requests == []

    def test_an_answer_kept_for_members_is_for_members(self, callers, other, fake) -> None:
        assert len(self.rows(callers.member)) == 10
        assert len(self.rows(other)) == 5
        assert len(self.rows(callers.member)) == 10
        assert len(self.rows(other)) == 5
        # The member's once, the others' once.
        assert len([r for r in fake.asked("/sync") if r.archive == "ok,number=2"]) == 1

    def test_members_and_others_who_ask_at_once_do_not_share_an_answer(self, monkeypatch) -> None:
        ada = SimpleNamespace(group_names=frozenset({GROUP}))
        both_are_at_it = threading.Barrier(2)

        def found(asked, owner):
            both_are_at_it.wait(5)
            return published_query.Answer([{"found for": owner}], [])

        monkeypatch.setattr(published_query, "_search", found)

        with ThreadPoolExecutor(2) as pool:
            answers = pool.map(
                lambda caller: published_query.answer({"archive_uri": "open"}, caller), [ada, None]
            )

            assert [answer.rows for answer in answers] == [
                [{"found for": ada}], [{"found for": None}],
            ]  # fmt: skip

    def test_who_may_ask_other_resolvers_gets_another_answer(
        self, settings, tmp_path, fake
    ) -> None:
        namer = get_user_model().objects.create_user("ada", claimed_groups=["namers"])
        asked = {"archive_uri": "open", "target": "Betelgeuse", "fov": "180"}
        star = "%C.0 s*r\n%J 56.75 +24.12 = 03:47:00 +24:07:00\n%I.0 *   alf Ori"
        with FakePeer(sesame(others={"Betelgeuse": star})) as peer:
            entry = {
                "id": "crypt-names", "type": "sesame", "title": "The Crypt's names",
                "url": f"{peer.origin}/s", "private_network": True, "groups": ["namers"],
            }  # fmt: skip
            configure(settings, tmp_path / "names", fake, resolvers=[entry])

            assert len(published_query.answer(asked, namer).rows) == 5
            with pytest.raises(NotFound, match="No resolver knows 'Betelgeuse'"):
                published_query.answer(asked)


@pytest.mark.django_db(transaction=True)  # workers are told when the row is there
class TestWorkers:
    """The owner of a job is on whose behalf a worker asks."""

    def queue(self, client, **asked) -> Job:
        client.defaults["HTTP_PREFER"] = "respond-async"
        response = search(client, **asked)
        assert response.status_code == 202, response.content
        return Job.objects.get(pk=response.json()["id"])

    def outcomes(self, job) -> list[str]:
        return sorted(e.data["archive"] for e in job.events.filter(name="archive"))

    def test_a_members_job_has_its_rows(self, callers, fake) -> None:
        job = self.queue(callers.member, **CONE)

        assert self.outcomes(job) == ["open", "vault"]

    def test_a_members_job_knows_the_parameters_of_the_group(self, callers, fake) -> None:
        job = self.queue(callers.member, **CONE, archives=["vault"], vaultdoor="x")

        assert job.phase == "COMPLETED"
        assert self.outcomes(job) == ["vault"]

    def test_a_job_of_others_leaves_it_out(self, callers, fake) -> None:
        job = self.queue(callers.stranger, **CONE)

        assert self.outcomes(job) == ["open"]
        assert not vault_was_asked(fake)
        assert is_silent(callers.stranger.get(f"{QUERY}searches/{job.pk}"))

    def test_who_leaves_the_group_before_a_worker_comes_is_not_let_in(self, fake) -> None:
        user = get_user_model().objects.create_user("ada", claimed_groups=["escape"])
        asked = {**CONE, "archives": ["vault"]}
        job = Job.objects.create(kind="query.search", phase="QUEUED", parameters=asked, owner=user)

        carry_out(job.pk)

        job.refresh_from_db()
        assert (job.phase, job.problem["slug"]) == ("ERROR", "not-found")
        assert job.problem["detail"] == NOT_THERE["vault"]
        assert fake.requests == []

    def test_a_members_search_is_told_to_nobody_else(self, callers, other, fake) -> None:
        job = self.queue(callers.member, **CONE)

        for path in (f"{QUERY}searches/{job.pk}", f"/esap-api/jobs/{job.pk}"):
            response = other.get(path)
            assert response.status_code == 404
            assert is_silent(response)
