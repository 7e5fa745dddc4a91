"""Resamples drawn once for all settings."""

from __future__ import annotations

import numpy as np
import pytest

from mtlrun.statistics.paired_tests.resamples import Draws

RNG = np.random.default_rng(7)


def test_means_over_drawn_cases_spread_as_a_bootstrap_does() -> None:
    layout = RNG.normal(3, 2, (4, 250))
    found = Draws(np.random.default_rng(0), 20_000).case_means([layout])[0]
    np.testing.assert_allclose(found.mean(axis=0), layout.mean(axis=1), atol=0.01)
    np.testing.assert_allclose(found.std(axis=0), layout.std(axis=1) / np.sqrt(250), rtol=0.03)


def test_layouts_of_equally_many_cases_meet_the_same_draws_whatever_was_asked_between() -> None:
    draws, layout = Draws(np.random.default_rng(0), 50), RNG.normal(size=(3, 40))
    first = draws.case_means([layout])[0].copy()
    other = RNG.normal(size=(3, 41))
    draws.case_means([other])
    np.testing.assert_array_equal(draws.case_means([layout])[0], first)
    np.testing.assert_allclose(draws.case_means([2 * layout])[0], 2 * first, rtol=1e-5)
    several = draws.case_means([other, 2 * layout, layout, 3 * layout, other])
    for found, factor in zip(several[1:4], (2, 1, 3), strict=True):
        np.testing.assert_allclose(found, factor * first, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(several[0], several[4])


def test_case_means_that_have_made_room_for_others_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtlrun.statistics.paired_tests.resamples._ROOM", 0)
    draws, layout = Draws(np.random.default_rng(0), 50), RNG.normal(size=(3, 40))
    first = draws.case_means([layout])[0].copy()
    np.testing.assert_array_equal(draws.case_means([layout])[0], first)


def test_seeds_of_a_stratum_are_drawn_together_and_weights_add_up() -> None:
    whole = np.ones((5, 3), dtype=bool)
    whole[1, 2] = False
    draws = Draws(np.random.default_rng(0), 100)
    weights = draws.of_seeds(whole, np.array([0, 0, 1]))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_array_equal(weights[:, :, 0], weights[:, :, 1])
    assert (weights[:, 1, 2] == 0).all()
    assert draws.of_seeds(whole, np.array([0, 0, 1])) is weights
    assert (draws.of_seeds(whole, np.array([0, 1, 2]))[:, :, 0] != weights[:, :, 1]).any()
