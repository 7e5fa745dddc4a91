"""Exact nulls through the whole program: gain 0 in every seed, and so `neutral` with p 1.

`sharing=separate` and weights (1, 0) stand for every suite in tests/test_cli_answers.py as well.
`python -m benchmarks.known_answers` prints the figures.
"""

from __future__ import annotations

import pytest

from benchmarks.known_answers import NULLS, WIDE, null, studied

pytestmark = pytest.mark.validity


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", NULLS)
def test_a_null_is_seen_to_be_one_in_every_seed(name: str) -> None:
    found = null(name, seeds=3)
    rows = found.rows.to_dict("records")
    assert len(rows) == (1 if "first task" in name else 2)
    for row in rows:
        assert abs(row["diff"]) <= 1e-6 * abs(row["stl_mean"])
        assert (row["verdict"], row["p"], row["p_adjusted"]) == ("neutral", 1, 1)
        of_seeds = found.pairs[found.pairs["task"] == row["task"]]["d"]
        assert len(of_seeds) == 3
        assert (of_seeds.abs() <= 1e-6 * abs(row["stl_mean"])).all()


def test_copies_of_a_task_that_share_nothing_are_bit_equal() -> None:
    assert (null("two copies of a task, separate encoders", seeds=3).rows["diff"] == 0).all()


def test_a_linear_trunk_that_is_too_narrow_is_no_null() -> None:
    assert (studied((*WIDE, "model.width=1"), seeds=3).rows["diff"] < -0.01).all()
