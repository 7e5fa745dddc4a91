"""Studies whose models have learned nothing are told, and no others."""

from __future__ import annotations

import pandas as pd
import pytest

from mtlrun.report.text.empty_studies import says_nothing


def said(*rows: tuple[float, float, float], seeds: int = 2, direction: str = "higher") -> str:
    """Return what is said of tasks of which (mean, standard deviation, constant guess) are given."""
    table = pd.DataFrame(
        {
            "task": f"t{place}",
            "n_seeds": seeds,
            "n_diverged": 0,
            "n_together": len(rows) + 1,
            "direction": direction,
            "constant_guess": guess,
            **{
                f"{side}_{what}": value
                for side in ("stl", "mtl")
                for what, value in (("mean", mean), ("sd", sd))
            },
        }
        for place, (mean, sd, guess) in enumerate(rows)
    )
    return " ".join(says_nothing(table))


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_models_at_chance_are_told(seeds: int) -> None:
    assert (
        "No model is shown to do better than a constant guess on any task (t0: 0.51, a constant guess 0.5)"
        in (said((0.51, 0.03, 0.5), (0.52, 0.1, 0.53), seeds=seeds))
    )


def test_two_seeds_that_differ_are_no_sign_of_chance() -> None:
    """The interval of two seeds is 9 standard deviations wide to either side: 0.915 +- 0.64 here."""
    assert said((0.915, 0.071, 0.5)) == ""


def test_a_small_lead_counts_where_seeds_agree() -> None:
    assert said((0.52, 0.001, 0.5), seeds=5) == ""
    assert said((0.52, 0.1, 0.5), seeds=5) != ""


def test_errors_are_better_below_the_guess() -> None:
    assert said((0.4, 0.3, 1.0), direction="lower") == ""
    assert said((1.2, 0.3, 1.0), direction="lower") != ""


def test_one_task_that_has_learned_is_enough() -> None:
    assert said((0.5, 0.03, 0.5), (0.9, 0.05, 0.5)) == ""
