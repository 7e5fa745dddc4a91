"""Trained for real on fair coins: verdicts over test examples are false about as rarely as they say.

`python -m benchmarks.coins` prints the rates; those over seeds alone stand beside them.
"""

from __future__ import annotations

import pytest

from benchmarks.coins import coin_rates, coin_rows

pytestmark = [pytest.mark.slow, pytest.mark.validity]


def test_networks_that_learn_coins_are_not_told_apart() -> None:
    rows = coin_rows(20)
    rates = coin_rates(rows)
    print(rates)
    over_examples = rows[rows["over_asked"] == "examples"]
    assert (over_examples["over"] == "examples").all()
    assert (over_examples["p"] < 0.05).mean() <= 0.08
    signs = over_examples["verdict"].isin(["negative", "positive"])
    assert signs.groupby([over_examples["table"], over_examples["seeds"]]).any().mean() <= 0.08
    assert rates["over seeds, 80 seeds"]["rows with p < .05"] > 0.16
