"""One caller cannot have the gateway add up, or extend, as much as it likes at once."""

from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from esap.errors import TooManyRequests
from rucio_app.views.bounds import estimating, extending


def caller(address):
    return SimpleNamespace(user=None, META={"REMOTE_ADDR": address})


@pytest.mark.parametrize(("bound", "most"), [(estimating, 4), (extending, 1)])
def test_so_many_of_one_caller_are_let_in_at_once(bound, most):
    with ExitStack() as stack:
        for _ in range(most):
            stack.enter_context(bound(caller("a")))
        with pytest.raises(TooManyRequests), bound(caller("a")):
            pass
        stack.enter_context(bound(caller("b")))
    with bound(caller("a")):
        pass
