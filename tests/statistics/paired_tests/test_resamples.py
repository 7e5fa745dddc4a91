"""Resamples drawn once for all settings."""

from __future__ import annotations

import numpy as np

from mtlrun.statistics.paired_tests.resamples import Draws

RNG = np.random.default_rng(7)


def test_means_over_drawn_cases_spread_as_a_bootstrap_does() -> None:
    layout = RNG.normal(3, 2, (4, 250))
    found = Draws(np.random.default_rng(0), 20_000).case_means(layout)
    np.testing.assert_allclose(found.mean(axis=0), layout.mean(axis=1), atol=0.01)
    np.testing.assert_allclose(found.std(axis=0), layout.std(axis=1) / np.sqrt(250), rtol=0.03)


def test_layouts_of_equally_many_cases_meet_the_same_draws_whatever_was_asked_between() -> None:
    draws, layout = Draws(np.random.default_rng(0), 50), RNG.normal(size=(3, 40))
    first = draws.case_means(layout)
    draws.case_means(RNG.normal(size=(3, 41)))
    np.testing.assert_array_equal(draws.case_means(layout), first)
    np.testing.assert_allclose(draws.case_means(2 * layout), 2 * first, rtol=1e-5)


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
