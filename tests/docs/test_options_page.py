"""docs/strategies.md is what the docstrings say today, and says of each method what it costs."""

import pytest

from docs.build import TARGET, page
from mtlrun.catalog import describe, options

METHODS = ("weighting", "sharing", "schedule", "regularization")


def test_the_page_is_up_to_date():
    assert TARGET.read_text(encoding="utf-8") == page(), "write it anew: make docs"


@pytest.mark.parametrize("group", METHODS)
def test_every_method_tells_what_it_costs(group):
    silent = [o for o in options(group) if "Cost: " not in describe(group, o).docstring]
    assert silent == [o for o in ("none",) if group == "regularization"]
