"""What a report tells of tuning, and that it says so wherever rows were not tuned alike."""

from __future__ import annotations

from typing import Any

import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.report.analysis.tuning import tuning_sentence, tuning_warning
from mtlrun.report.formats.registry import render

WARNING = "NOT all tuned over equally many trials."
STL, MTL = {"a": [0.5, 0.6, 0.7]}, {"a": [0.4, 0.5, 0.55]}


def told(trials: int, settings: dict[str, Any], stl_trials: int = 3) -> dict[str, Any]:
    alone = {"settings": {"optimizer.lr": 0.01}, "trials": stl_trials, "edge": ["optimizer.lr"]}
    return {"settings": settings, "trials": trials, "seeds": 2, "edge": [], "baselines": {"a": alone}}


def study(*of_cells: dict[str, Any] | None) -> SyntheticStudy:
    made = SyntheticStudy()
    for name, one in zip(("none", "pcgrad"), of_cells, strict=False):
        made.add(STL, MTL, mitigation=name, weighting=name)
        made.cells[-1]["tuned"] = one
    return made


def test_equal_budgets_are_told_without_a_warning() -> None:
    rows = study(told(3, {"optimizer.lr": 0.1}), told(3, {"optimizer.lr": 0.003})).summary().rows
    assert tuning_warning(rows) == ""
    assert tuning_sentence(rows) == (
        "Settings were chosen on validation over 2 seeds of their own, of 3 trials each. Chosen: pair hard none: "
        "optimizer.lr=0.1; pair a alone: optimizer.lr=0.01; pair hard pcgrad: optimizer.lr=0.003. At the edge of "
        "the values tried: optimizer.lr 1 time, of 3 choices; better ones may lie beyond."
    )


def test_what_knows_no_key_is_not_among_the_choices() -> None:
    text = tuning_sentence(study(told(1, {}), told(3, {"weighting.c": 0.4})).summary().rows)
    assert "NOT of equally many trials (1: hard none; 3: a alone; hard pcgrad)" in text
    assert "Chosen: pair a alone: optimizer.lr=0.01; pair hard pcgrad: weighting.c=0.4." in text


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "of_cells",
    [
        (told(1, {}), told(3, {"weighting.c": 0.4})),
        (told(1, {}), told(1, {})),
        (None, told(3, {"weighting.c": 0.4})),
    ],
    ids=["fewer trials", "baselines had more", "one was not tuned"],
)
@pytest.mark.parametrize("kind", ["terminal", "md", "html", "latex"])
def test_every_table_warns_of_unequal_budgets(of_cells: Any, kind: str) -> None:
    text = render(study(*of_cells).summary(), kind)
    assert isinstance(text, str)
    assert WARNING in " ".join(text.split())


def test_the_picture_warns_too() -> None:
    pictures = [
        render(study(told(n, {"weighting.c": 0.4}), told(3, {"weighting.c": 0.4})).summary(), "svg")
        for n in (3, 1)
    ]
    assert [WARNING in str(picture) for picture in pictures] == [False, True]


def test_without_tuning_nothing_is_said() -> None:
    rows = study(None, None).summary().rows
    assert (tuning_sentence(rows), tuning_warning(rows)) == ("", "")
