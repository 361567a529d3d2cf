"""Waiting for a claim that is true for a moment only, or never."""

from itertools import repeat

from tests.support.waiting import wait_for


def test_a_claim_that_was_true_once_came_true():
    assert wait_for(iter([False, True, False]).__next__) is True


def test_a_claim_that_never_is_true_did_not():
    assert wait_for(repeat(False).__next__, seconds=0.1) is False
