"""How many questions it takes to follow rules, whatever their number."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from types import SimpleNamespace

import pytest
from django.utils import timezone

from esap.clients.rucio import CannotAuthenticate, Login
from esap.errors import (
    BackendFailed,
    BackendRefused,
    BackendUnavailable,
    LoginRequired,
    NotAllowed,
    NotFound,
)
from esap.jobs.models import Job, Phase
from rucio_app.backends.values import Listing, Rule, RuleState
from rucio_app.services import access, following
from rucio_app.services.following import Stagings


class Memory:
    """A lake in memory, which counts what it is asked."""

    def __init__(self, rules=()):
        self.rules_by_id = {rule.id: rule for rule in rules}
        self.asked = Counter()
        self.logins = 0
        self.refused = set()
        self.config = SimpleNamespace(
            id="lake", title="The lake", service=object(), patience=60.0, anyone_reads=False
        )

    def service_login(self):
        self.logins += 1
        return Login(f"service-{self.logins}", timezone.now() + timedelta(hours=1))

    def rules(self, token, *, account, state, most):
        self.asked["rules"] += 1
        found = [
            rule
            for rule in self.rules_by_id.values()
            if (rule.account, rule.state) == (account, state)
        ]
        return Listing(found)

    def rule(self, rule_id, token):
        self.asked["rule"] += 1
        if rule_id not in self.rules_by_id:
            raise NotFound("gone")
        return self.rules_by_id[rule_id]

    def analysis(self, rule_id, token):
        self.asked["analysis"] += 1
        return {"rule_error": "no space left", "transfers": []}


def rule(number, state="REPLICATING", account="alice", comment="", **changes):
    said = {
        "id": f"{number:032x}",
        "scope": "escape",
        "name": f"file.{number}",
        "account": account,
        "state": RuleState(state),
        "rse_expression": "A",
        "copies": 1,
        "ok": 0,
        "replicating": 1,
        "stuck": 0,
        "error": None,
        "comment": comment,
        "activity": None,
        "created": datetime(2026, 11, 22, tzinfo=UTC),
        "updated": datetime(2026, 11, 22, tzinfo=UTC),
        "expires": None,
        "stuck_since": None,
    }
    return Rule(**{**said, **changes})


def part(number, account="alice"):
    return Job(
        kind="rucio.staging",
        peer="lake",
        remote_id=f"{number:032x}",
        parameters={"scope": "escape", "name": f"file.{number}", "account": account},
    )


@pytest.fixture
def lake_of(monkeypatch):
    def put(lake):
        found = SimpleNamespace(get=lambda _: lake)
        registry = SimpleNamespace(for_gateway=lambda: found, for_caller=lambda _: found)
        monkeypatch.setattr(following, "lakes", registry)
        return lake

    return put


stagings = Stagings(lambda job: [])


def test_ten_thousand_open_rules_take_one_question_for_each_open_state(lake_of):
    lake = lake_of(Memory(rule(number) for number in range(10_000)))

    standings = stagings.follow("lake", [part(number) for number in range(10_000)])

    assert lake.asked == {"rules": 5}
    assert {state.phase for state in standings.values()} == {Phase.EXECUTING}
    assert len(standings) == 10_000


def test_a_rule_that_left_the_lists_is_asked_for_by_itself(lake_of):
    rules = [rule(number, "OK" if number < 3 else "REPLICATING") for number in range(100)]
    lake = lake_of(Memory(rules))

    standings = stagings.follow("lake", [part(number) for number in range(100)])

    assert lake.asked == {"rules": 5, "rule": 3}
    phases = Counter(state.phase for state in standings.values())
    assert phases == {Phase.COMPLETED: 3, Phase.EXECUTING: 97}


def test_many_rules_that_left_the_lists_are_found_among_the_fulfilled(lake_of):
    lake = lake_of(Memory(rule(number, "OK") for number in range(1_000)))

    standings = stagings.follow("lake", [part(number) for number in range(1_001)])

    assert lake.asked == {"rules": 6, "rule": 1}  # the last is nowhere
    assert Counter(state.phase for state in standings.values()) == {Phase.COMPLETED: 1_000}


def test_each_account_is_asked_for_its_own(lake_of):
    lake = lake_of(Memory([rule(1, account="alice"), rule(2, account="bob")]))

    standings = stagings.follow("lake", [part(1, "alice"), part(2, "bob")])

    assert (lake.asked, len(standings)) == ({"rules": 10}, 2)


def test_a_rule_that_is_gone_is_left_out(lake_of):
    lake_of(Memory())

    assert stagings.follow("lake", [part(1)]) == {}


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("REPLICATING", Phase.EXECUTING),
        ("SUSPENDED", Phase.SUSPENDED),
        ("WAITING_APPROVAL", Phase.HELD),
        ("INJECT", Phase.QUEUED),
        ("OK", Phase.COMPLETED),
    ],
)
def test_a_state_of_a_rule_is_a_phase_of_a_job(lake_of, state, phase):
    lake_of(Memory([rule(1, state)]))

    (standing,) = stagings.follow("lake", [part(1)]).values()

    assert standing.phase == phase
    assert bool(standing.waits_for) is (state in {"SUSPENDED", "WAITING_APPROVAL", "INJECT"})


@pytest.mark.parametrize(("seconds", "phase"), [(30, Phase.EXECUTING), (90, Phase.ERROR)])
def test_a_stuck_rule_fails_when_patience_is_over(lake_of, seconds, phase):
    since = timezone.now() - timedelta(seconds=seconds)
    lake_of(Memory([rule(1, "STUCK", error="no space", stuck_since=since)]))

    (standing,) = stagings.follow("lake", [part(1)]).values()

    assert standing.phase == phase
    assert "no space" in (standing.problem.detail if standing.problem else standing.waits_for)


def test_one_account_that_is_refused_keeps_no_other_from_being_followed(lake_of, monkeypatch):
    lake = lake_of(Memory([rule(1, account="alice"), rule(2, account="bob")]))
    rules = lake.rules

    def refuse_alice(token, *, account, **asked):
        if account == "alice":
            raise BackendRefused("The lake does not know alice any more.")
        return rules(token, account=account, **asked)

    monkeypatch.setattr(lake, "rules", refuse_alice)

    standings = stagings.follow("lake", [part(1, "alice"), part(2, "bob")])

    assert type(standings[f"{1:032x}"]) is BackendRefused
    assert standings[f"{2:032x}"].phase == Phase.EXECUTING


def test_a_lake_that_is_away_for_one_account_is_away(lake_of, monkeypatch):
    lake = lake_of(Memory([rule(1)]))

    def away(*args, **asked):
        raise BackendUnavailable("The lake is away.")

    monkeypatch.setattr(lake, "rules", away)

    with pytest.raises(BackendUnavailable):
        stagings.follow("lake", [part(1)])


def test_a_stuck_rule_that_cannot_be_analysed_fails_with_its_own_words(lake_of, monkeypatch):
    since = timezone.now() - timedelta(seconds=90)
    stuck = rule(1, "STUCK", error="no space", stuck_since=since)
    lake = lake_of(Memory([stuck, rule(2)]))

    def fail(*args):
        raise BackendFailed("The lake failed.")

    monkeypatch.setattr(lake, "analysis", fail)

    standings = stagings.follow("lake", [part(1), part(2)])

    assert "no space" in standings[stuck.id].problem.detail
    assert standings[f"{2:032x}"].phase == Phase.EXECUTING


def test_one_login_serves_many_questions():
    lake = Memory()

    tokens = {access.as_service(lake, lambda token: token) for _ in range(5)}

    assert (tokens, lake.logins) == ({"service-1"}, 1)


def test_a_login_that_ends_soon_is_made_anew():
    lake = Memory()
    lake.service_login = lambda: Login("short", timezone.now() + timedelta(seconds=5))
    access.as_service(lake, lambda token: token)
    lake.service_login = lambda: Login("long", timezone.now() + timedelta(hours=1))

    assert access.as_service(lake, lambda token: token) == "long"


def test_a_token_that_is_not_taken_is_replaced_once():
    lake = Memory()
    used = []

    def ask(token):
        used.append(token)
        if len(used) == 1:
            raise CannotAuthenticate("no")
        return "answer"

    assert access.as_service(lake, ask) == "answer"
    assert used == ["service-1", "service-2"]


def test_a_lake_that_hangs_keeps_nobody_at_another_from_logging_in():
    slow, other = Memory(), Memory()
    asked, answered = Event(), Event()

    def hang():
        asked.set()
        answered.wait(10)
        return Login("late", timezone.now() + timedelta(hours=1))

    slow.service_login = hang
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(access.as_service, slow, lambda token: token)
        try:
            assert asked.wait(10)
            login = pool.submit(access.as_service, other, lambda token: token)
            assert login.result(timeout=5) == "service-1"
        finally:
            answered.set()
    assert waiting.result() == "late"


def test_an_account_that_is_not_taken_is_the_operators_to_mend():
    def ask(token):
        raise CannotAuthenticate("Log in again.")

    with pytest.raises(BackendRefused, match="Tell the operator of the gateway"):
        access.as_service(Memory(), ask)


def test_a_refusal_of_rights_asks_for_no_other_token():
    lake = Memory()

    def ask(token):
        raise BackendRefused("no")

    with pytest.raises(BackendRefused):
        access.as_service(lake, ask)

    assert lake.logins == 1


def test_without_an_account_of_ours_what_needs_it_is_refused():
    lake = Memory()
    lake.service_login = lambda: None

    with pytest.raises(NotAllowed):
        access.as_service(lake, lambda token: token)


def test_somebody_without_a_login_is_asked_for_one():
    nobody = SimpleNamespace(is_authenticated=False)

    with pytest.raises(LoginRequired):
        access.as_reader(Memory(), nobody, lambda token: token)
