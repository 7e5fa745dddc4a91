"""What gains are made of, where the cause is known; `python -m benchmarks.known_answers` prints the figures."""

from __future__ import annotations

import pytest

from benchmarks.known_answers import ladder
from mtlrun.report.analysis.attribution import SHARING

pytestmark = [pytest.mark.slow, pytest.mark.validity]
SEEDS = 10


@pytest.fixture(scope="module")
def narrow() -> dict[str, dict[str, float]]:
    return ladder("two digits in one image, width 8", SEEDS)


def test_one_direction_is_enough_for_one_linear_task_so_what_two_lose_is_the_labels() -> None:
    for parts in ladder("linear teachers, cosine 0.5, width 1", SEEDS).values():
        assert parts["capacity"] == parts["exposure"] == 0
        assert parts["gain"] < -30
        assert parts["true against shuffled labels"] < 0.8 * parts["gain"]


def test_an_encoder_too_narrow_for_both_tasks_shows_where_capacity_is(narrow) -> None:
    wide = ladder("two digits in one image, width 64", SEEDS)
    for task, parts in narrow.items():
        assert parts["capacity"] < -15
        assert wide[task]["capacity"] > -3


def test_parts_add_up_to_the_gain(narrow) -> None:
    for parts in narrow.values():
        steps = [value for part, value in parts.items() if part not in (SHARING, "gain")]
        assert sum(steps) == pytest.approx(parts["gain"], abs=1e-10)
