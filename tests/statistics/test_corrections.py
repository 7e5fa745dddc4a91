from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mtlrun.errors import ConfigError
from mtlrun.statistics.corrections import (
    adjust_by_family,
    benjamini_hochberg,
    find_correction,
    holm,
    open_levels,
)
from mtlrun.statistics.methods import make_method


def test_holm_by_hand() -> None:
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, 0.02])


def test_holm_stops_at_one_and_skips_nan() -> None:
    adjusted = holm(np.array([0.9, np.nan, 0.8, 0.01]))
    np.testing.assert_allclose(adjusted, [1.0, np.nan, 1.0, 0.03])


def test_benjamini_hochberg_by_hand() -> None:
    """Times 4/1, 4/2, 4/3, 4/4: 0.02, 0.02, 0.04, 0.04, monotone already; scipy agrees."""
    p = np.array([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.02, 0.04, 0.04, 0.02])
    more = np.random.default_rng(0).uniform(size=20) ** 2
    np.testing.assert_allclose(benjamini_hochberg(more), stats.false_discovery_control(more))
    np.testing.assert_allclose(benjamini_hochberg(np.array([0.9, np.nan, 0.8])), [0.9, np.nan, 0.9])


def test_without_correction_p_stays_as_it_is() -> None:
    p = np.array([0.01, np.nan, 0.9])
    np.testing.assert_array_equal(find_correction("none").adjust(p), p)


@pytest.mark.parametrize(("name", "level"), [("holm", 0.05 / 3), ("bh", 0.05 * 2 / 4), ("none", 0.05)])
def test_the_level_of_the_next_of_four_after_one_rejection(name: str, level: float) -> None:
    levels = open_levels(np.array([0.001, 0.2, 0.6, 0.5]), ["f"] * 4, find_correction(name), 0.05)
    np.testing.assert_allclose(levels, level)


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
    [
        (lambda: find_correction("holms"), "holm"),
        (lambda: make_method("pair_t", 0, np.random.default_rng()), "paired_t"),
    ],
)
def test_unknown_names_are_refused_with_near_matches(call: object, near: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {near}"):
        call()  # type: ignore[operator]
