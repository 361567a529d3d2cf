"""How hard property tests look: the profiles of Hypothesis."""

import os

from hypothesis import HealthCheck, settings

__all__ = ["CHEAP", "COSTLY"]

_ALIKE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

# The same examples at every run, so that a change is judged by what it changes.
settings.register_profile("quick", max_examples=50, derandomize=True, **_ALIKE)
# New ones at every run: HYPOTHESIS_PROFILE=thorough make test T=tests/unit
settings.register_profile("thorough", max_examples=2000, **_ALIKE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

COSTLY = settings(max_examples=settings().max_examples // 5)
"""For a property whose every example takes tens of milliseconds."""

CHEAP = settings(max_examples=settings().max_examples * 3)
"""For one whose examples cost next to nothing, and are hit by luck."""
