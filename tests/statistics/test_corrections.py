from __future__ import annotations

import numpy as np
import pytest

from mtlrun.errors import ConfigError
from mtlrun.statistics.corrections import adjust_by_family, find_correction, holm, open_levels
from mtlrun.statistics.methods import make_method


def test_holm_by_hand() -> None:
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, 0.02])


def test_holm_stops_at_one_and_skips_nan() -> None:
    adjusted = holm(np.array([0.9, np.nan, 0.8, 0.01]))
    np.testing.assert_allclose(adjusted, [1.0, np.nan, 1.0, 0.03])


def test_families_are_corrected_apart() -> None:
    p = np.array([0.01, 0.02, 0.03, 0.04])
    adjusted = adjust_by_family(p, ["a", "b", "a", "b"], find_correction("holm"))
    np.testing.assert_allclose(adjusted, [0.02, 0.04, 0.03, 0.04])


def test_open_level_counts_what_is_not_rejected() -> None:
    adjusted = np.array([0.001, 0.2, 0.6, np.nan, 0.5])
    levels = open_levels(adjusted, ["a", "a", "a", "a", "b"], find_correction("holm"), 0.05)
    np.testing.assert_allclose(levels, [0.025] * 4 + [0.05])


@pytest.mark.parametrize(
    ("call", "near"),
    [(lambda: find_correction("holms"), "holm"), (lambda: make_method("pair_t", 0), "paired_t")],
)
def test_unknown_names_are_refused_with_near_matches(call: object, near: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {near}"):
        call()  # type: ignore[operator]
