"""An entry says which groups may use it; to all others it does not exist."""

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser
from pydantic import ValidationError

from esap.backends.base import BackendConfig
from esap.backends.visibility import Standing, Visible, groups_of, may_use
from esap.checks import check_entries
from esap.errors import NotFound
from query.backends.base import archives, resolvers

ENTRIES = """
query:
  archives:
    - {id: open, type: tap, title: Open, url: "https://open.example.org/tap"}
    - {id: vault, type: tap, title: Vault, url: "https://vault.example.org/tap",
       groups: [/escape/esap, "urn:geant:example.org:group:ska"]}
    - {id: attic, type: tap, title: Attic, url: "https://attic.example.org/tap",
       groups: [attic]}
  resolvers:
    - {id: openngc, type: openngc, title: OpenNGC}
"""


def in_groups(*names):
    return SimpleNamespace(group_names=frozenset(names))


def entry(**changes):
    return BackendConfig.model_validate({"id": "vault", "type": "tap", "title": "Vault", **changes})


@pytest.fixture
def configured(settings, tmp_path):
    file = tmp_path / "entries.yaml"
    file.write_text(ENTRIES)
    settings.ENTRY_FILES = [file]
    return file


@pytest.mark.parametrize("caller", [None, AnonymousUser(), in_groups(), in_groups("escape")])
def test_an_entry_without_groups_is_for_everybody(caller) -> None:
    assert may_use(entry(), caller)


@pytest.mark.parametrize("written", ["/escape/esap", "escape/esap"])
def test_a_group_may_be_written_with_a_slash_before_it_or_without(written) -> None:
    assert may_use(entry(groups=[written]), in_groups("escape/esap"))


@pytest.mark.parametrize(
    "caller",
    [
        None,
        AnonymousUser(),
        in_groups(),
        in_groups("escape"),
        in_groups("escape/esap/admins"),
        in_groups("Escape/ESAP"),
        in_groups("group:ska"),
    ],
    ids=["None", "anonymous", "no-groups", "parent", "child", "capitals", "part-of-a-urn"],
)
def test_who_is_in_no_group_of_the_entry_may_not_use_it(caller) -> None:
    assert not may_use(entry(groups=["/escape/esap", "urn:geant:x:group:ska"]), caller)


def test_one_of_the_groups_is_enough() -> None:
    assert may_use(entry(groups=["a", "urn:geant:x:group:ska"]), in_groups("urn:geant:x:group:ska"))


def test_nobody_and_those_without_a_login_are_in_no_group() -> None:
    assert groups_of(None) == groups_of(AnonymousUser()) == frozenset()


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        ([], "name at least one group, or leave it out for everybody to use the entry"),
        (["/"], "a group has a name, such as escape/esap"),
        ([" "], "a group has a name, such as escape/esap"),
        ("escape", "Input should be a valid tuple"),
        (None, "Input should be a valid tuple"),
    ],
    ids=["none", "slash", "blank", "text", "null"],
)
def test_groups_that_could_mean_something_else_are_refused(groups, sentence) -> None:
    with pytest.raises(ValidationError) as refused:
        entry(groups=groups)

    assert [error["msg"] for error in refused.value.errors()] == [sentence]


def test_a_mistake_in_groups_is_told_with_its_line(configured) -> None:
    configured.write_text(ENTRIES.replace("groups: [attic]", "groups: []"))

    [message] = check_entries()

    assert message.msg == (
        f"{configured}, line 8: 'groups' (entry 'attic'): name at least one group, or leave it out "
        "for everybody to use the entry."
    )


@pytest.mark.usefixtures("configured")
class TestRegistry:
    def test_a_caller_gets_the_entries_that_they_may_use(self) -> None:
        assert archives.for_caller(None).ids() == ["open"]
        assert archives.for_caller(in_groups("escape/esap")).ids() == ["open", "vault"]
        assert len(archives.for_caller(in_groups("attic"))) == 2
        titles = [archive.config.title for archive in archives.for_caller(in_groups("attic"))]
        assert titles == ["Open", "Attic"]

    def test_the_gateway_gets_all(self) -> None:
        assert archives.for_gateway().ids() == ["open", "vault", "attic"]

    def test_an_entry_of_others_is_as_one_that_is_not_there(self) -> None:
        visible = archives.for_caller(in_groups("attic"))

        with pytest.raises(NotFound) as of_others:
            visible.get("vault")
        with pytest.raises(NotFound) as of_nobody:
            visible.get("voult")

        assert of_others.value.detail == (
            "There is no 'vault' among the archives. There are: attic, open."
        )
        assert of_nobody.value.detail == of_others.value.detail.replace("vault", "voult")
        assert "vault" not in visible

    def test_there_is_no_way_to_an_entry_without_a_caller(self) -> None:
        public = {name for name in dir(archives) if not name.startswith("_")}

        assert public == {
            "for_caller", "for_gateway", "interface", "is_restricted", "load", "name", "problems",
            "room", "standing_of",
        }  # fmt: skip
        assert not hasattr(archives, "__iter__")
        assert not hasattr(archives, "__getitem__")

    def test_what_counts_of_a_caller_are_the_groups_that_entries_name(self) -> None:
        ada = in_groups("escape/esap", "escape", "birdwatchers")
        bob = in_groups("escape/esap", "choir")

        assert archives.standing_of(ada) == Standing(frozenset({"escape/esap"}))
        assert archives.standing_of(ada) == archives.standing_of(bob)
        assert archives.standing_of(ada) != archives.standing_of(None)
        assert archives.for_caller(archives.standing_of(ada)).ids() == ["open", "vault"]

    def test_a_section_is_restricted_if_one_of_its_own_entries_is(self) -> None:
        assert archives.is_restricted()
        assert not resolvers.is_restricted()

    def test_entries_are_read_anew_when_others_are_configured(self, settings, tmp_path) -> None:
        assert archives.for_caller(None).ids() == ["open"]
        (tmp_path / "others.yaml").write_text(ENTRIES.replace("groups: [attic]", "order: 1"))
        settings.ENTRY_FILES = [tmp_path / "others.yaml"]

        assert archives.for_caller(None).ids() == ["open", "attic"]


def test_a_member_that_is_not_asked_for_is_not_made() -> None:
    made = []
    visible = Visible("archives", ["a", "b"], lambda key: made.append(key) or key.upper())

    assert (visible.get("b"), list(made)) == ("B", ["b"])
    assert list(visible) == ["A", "B"]
