"""The vault: sealed secrets open in their place, with any of the keys, and nowhere else."""

import pytest

from esap.vault import CannotUnseal, is_sealed_by_first_key, seal, unseal

PLACE = "grant 3f2a refresh"


@pytest.fixture(autouse=True)
def one_key(settings):
    settings.VAULT_KEYS = ["the first key"]


@pytest.mark.parametrize("secret", ["s", "a token", "ключ \U0001f511", "two\nlines", "\0", "x\0y"])
def test_what_was_sealed_opens_in_its_place(secret):
    sealed = seal(secret, bound_to=PLACE)

    assert unseal(sealed, bound_to=PLACE) == secret


def test_a_sealed_secret_does_not_show():
    sealed = seal("very secret", bound_to=PLACE)

    assert "very secret" not in sealed
    assert PLACE not in sealed


def test_the_same_secret_looks_different_each_time():
    assert seal("s", bound_to=PLACE) != seal("s", bound_to=PLACE)


@pytest.mark.parametrize("place", ["grant 4b11 refresh", "grant 3f2a id", PLACE + " ", ""])
def test_a_secret_that_was_moved_to_another_place_does_not_open(place):
    sealed = seal("s", bound_to=PLACE)

    with pytest.raises(CannotUnseal, match="for another place"):
        unseal(sealed, bound_to=place)


def test_a_place_cannot_be_made_up_inside_a_secret():
    sealed = seal("x", bound_to="grant 1")
    forged = seal("grant 2\0x", bound_to="grant 1")

    assert unseal(forged, bound_to="grant 1") == "grant 2\0x"
    with pytest.raises(CannotUnseal):
        unseal(forged, bound_to="grant 1\0grant 2")
    with pytest.raises(CannotUnseal):
        unseal(sealed, bound_to="grant 2")


def test_nothing_stays_nothing():
    assert seal("", bound_to=PLACE) == ""
    assert unseal("", bound_to=PLACE) == ""


@pytest.mark.parametrize(
    "damage",
    [
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:],
        lambda sealed: "no seal at all",
        lambda sealed: "\ud800",
        lambda sealed: "é",
        lambda sealed: sealed + sealed,
    ],
    ids=["cut", "changed", "never sealed", "no text", "not ASCII", "twice"],
)
def test_what_is_damaged_does_not_open(damage):
    sealed = damage(seal("a secret of some length", bound_to=PLACE))

    with pytest.raises(CannotUnseal):
        unseal(sealed, bound_to=PLACE)
    assert not is_sealed_by_first_key(sealed)


def test_what_an_unknown_key_sealed_does_not_open(settings):
    sealed = seal("s", bound_to=PLACE)

    settings.VAULT_KEYS = ["another key"]

    with pytest.raises(CannotUnseal, match="None of the keys opens it"):
        unseal(sealed, bound_to=PLACE)


def test_keys_are_changed_by_putting_a_new_one_in_front(settings):
    old = seal("s", bound_to=PLACE)

    settings.VAULT_KEYS = ["a new key", "the first key"]
    new = seal("s", bound_to=PLACE)

    assert unseal(old, bound_to=PLACE) == "s"
    assert (is_sealed_by_first_key(old), is_sealed_by_first_key(new)) == (False, True)
    settings.VAULT_KEYS = ["a new key"]
    assert unseal(new, bound_to=PLACE) == "s"
    with pytest.raises(CannotUnseal):
        unseal(old, bound_to=PLACE)


def test_a_key_is_not_used_as_it_is_written(settings):
    """Keys of the vault may be the key that signs sessions: each use has one of its own."""
    settings.VAULT_KEYS = ["MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="]  # a Fernet key
    from cryptography.fernet import Fernet, InvalidToken

    sealed = seal("s", bound_to=PLACE)

    with pytest.raises(InvalidToken):
        Fernet(settings.VAULT_KEYS[0]).decrypt(sealed)
