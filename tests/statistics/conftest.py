"""What the tests of statistics share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def draws_that_depend_on_no_other_test(request: pytest.FixtureRequest) -> None:
    """Set a module's RNG back to where its import left it: a test draws the same alone and in any order."""
    if hasattr(request.module, "RNG"):
        begins = vars(request.module).setdefault("_RNG_BEGINS", request.module.RNG.bit_generator.state)
        request.module.RNG.bit_generator.state = begins
