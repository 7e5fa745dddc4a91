"""Mitigations against fronts of fixed weights, from values per seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.formats.registry import render
from mtlrun.report.formats.terminal import Style, to_terminal
from mtlrun.report.text.blocks.pareto import frontier_sentence

N = 8
RNG = np.random.default_rng(4)
STL = {"a": 0.8 + 0.01 * RNG.standard_normal(N), "b": 0.5 + 0.01 * RNG.standard_normal(N)}
POINTS = {(0.5, 1.5): (-3.0, 2.0), (1.0, 1.0): (0.0, 0.0), (1.5, 0.5): (2.0, -3.0)}


def values(a: float, b: float, noise: float = 0.1) -> dict[str, np.ndarray]:
    """Return gains in percent, a little different in each seed."""
    rng = np.random.default_rng([round(100 * (gain + 100)) for gain in (a, b)])
    moved = zip(STL.items(), (a, b), strict=True)
    return {t: stl * (1 + (gain + noise * rng.standard_normal(N)) / 100) for (t, stl), gain in moved}


def with_front(judged: bool = False, points: Any = None, **options: Any) -> SyntheticStudy:
    """Return a study with the points of a front alone."""
    study = SyntheticStudy()
    for weights, gains in (POINTS if points is None else points).items():
        hyper = {"weighting.weights": list(weights)}
        study.add(STL, values(*gains), weighting="static", mitigation="static", hyper=hyper, **options)
        study.cells[-1].update(front=list(weights), reported=judged)
    return study


def add(study: SyntheticStudy, name: str, a: float, b: float, **options: Any) -> None:
    study.add(STL, values(a, b), weighting=name, mitigation=name, **options)


def words(summary: Summary, against: str = "all") -> dict[str, str]:
    rows = summary.frontier[summary.frontier["against"] == against]
    return dict(zip(rows["mitigation"], rows["verdict"], strict=True))


def row(summary: Summary, name: str, against: str = "all") -> pd.Series:
    frontier = summary.frontier
    (found,) = frontier[(frontier["mitigation"] == name) & (frontier["against"] == against)].to_dict(
        "records"
    )
    return pd.Series(found)


def test_each_mitigation_is_placed_against_the_whole_grid() -> None:
    study = with_front()
    for name, gains in {"bad": (-4, -4), "none": (0, 0), "between": (1, -1), "good": (3, 1)}.items():
        add(study, name, *gains)
    found = study.summary()
    assert words(found) == {
        "bad": "dominated",
        "none": "on the front",
        "between": "on the front",
        "good": "beyond it",
    }
    bad, good = row(found, "bad"), row(found, "good")
    assert bad["lead_pct"] == pytest.approx(-4, abs=0.2) and bad["lead_high"] < 0
    assert good["lead_pct"] == pytest.approx(1, abs=0.2) and good["lead_low"] > 0
    assert (bad["dominated"], good["beyond"], good["confidence"]) == (1, 1, 1)
    assert (bad["n_seeds"], bad["n_diverged"], bad["points"], bad["points_of"]) == (N, 0, 3, 3)


def test_one_trial_is_compared_with_the_point_in_the_middle_and_two_with_two() -> None:
    study = with_front()
    add(study, "one", 1, -1)
    add(study, "two", -2.5, -2.5, hyper={"weighting.c": 1})
    add(study, "two", 1.5, -5, hyper={"weighting.c": 2})
    found = study.summary()
    assert row(found, "one", "trials")["weights"] == [[1.0, 1.0]]
    two = row(found, "two", "trials")
    assert (two["variants"], two["trials"], two["points"]) == (2, 2, 2)
    assert two["weights"][0] == [1.0, 1.0] and len(two["cell_ids"]) == 2
    assert row(found, "two", "all")["verdict"] == "dominated"


def test_tuned_trials_count() -> None:
    study = with_front()
    add(study, "tuned", 1, -1)
    alone = {task: {"settings": {}, "trials": 3, "edge": []} for task in STL}
    study.cells[-1]["tuned"] = {"settings": {}, "trials": 3, "seeds": 2, "edge": [], "baselines": alone}
    assert row(study.summary(), "tuned", "trials")["points"] == 3


def test_time_buys_as_many_points_as_fit_into_it() -> None:
    study = with_front()
    add(study, "slow", 1, -1)
    runs = study.runs()
    own = set(study.cells[-1]["runs"])
    runs["cost"] = [
        {**cost, "wall_s": 1.2 if r in own else 0.5}
        for r, cost in zip(runs["run_id"], runs["cost"], strict=True)
    ]
    found = summarise(study.manifest(), runs, study.curves())
    slow = row(found, "slow", "time")
    assert (slow["points"], slow["wall_s"], slow["points_wall_s"]) == (2, 1.2, 1.0)


def test_validation_chooses_the_variant_and_test_judges_it() -> None:
    """The first variant is the better one on validation and the worse one on test."""
    study = with_front()
    add(study, "two", 4, 4, hyper={"weighting.c": 1})
    add(study, "two", -1, -1, hyper={"weighting.c": 2})
    curves = study.curves()
    test, first = curves["split"] == "test", curves["run_id"].isin(study.cells[-2]["runs"])
    curves.loc[test & first, "value"] *= 0.9
    assert row(summarise(study.manifest(), study.runs(), curves), "two")["verdict"] == "dominated"


def test_points_of_a_front_are_no_rows_and_no_tests() -> None:
    study = with_front()
    add(study, "none", 0.1, 0.1)
    alone = SyntheticStudy()
    alone.cells, alone._runs, alone._points = study.cells[-1:], study._runs, study._points
    rows, same = study.summary().rows, alone.summary().rows
    pd.testing.assert_frame_equal(rows, same)
    assert set(study.summary().suites["mitigation"]) == {"none"}
    gains = study.summary().front_gains
    assert gains["weights"].tolist() == [list(w) for w in POINTS for _ in STL] + [None] * 2
    assert gains["on_front"].tolist() == [True] * 6 + [None] * 2
    assert gains["gain_pct"].iloc[0] == pytest.approx(-3, abs=0.2)
    assert gains["gain_pct"].iloc[6:].tolist() == pytest.approx(rows["gain_pct"].tolist())
    assert gains["ci_low"].iloc[6:].tolist() == pytest.approx(rows["ci_low"].tolist())


def test_points_of_a_grid_that_was_asked_for_are_rows_and_a_front() -> None:
    study = with_front(judged=True)
    add(study, "good", 3, 1)
    found = study.summary()
    assert len(found.rows) == 8
    assert words(found) == {"good": "beyond it"}


def test_a_grid_of_two_points_is_no_front() -> None:
    study = with_front(points=dict(list(POINTS.items())[:2]))
    add(study, "good", 3, 1)
    found = study.summary()
    assert found.frontier.empty and found.front_gains.empty and frontier_sentence(found.frontier) == ""


def test_each_sharing_has_its_front_and_settings_must_agree() -> None:
    study = with_front()
    add(study, "pcgrad", 3, 1, sharing="soft")
    add(study, "pcgrad", 3, 1, hyper={"model.width": 16})
    study.cells[0]["hyper"]["model.width"] = 64
    study.cells[1]["hyper"]["model.width"] = 64
    study.cells[2]["hyper"]["model.width"] = 64
    assert study.summary().frontier.empty
    study.cells[-1]["hyper"]["model.width"] = 64
    assert study.summary().frontier["sharing"].tolist() == ["hard"] * 3


def test_a_diverged_seed_leaves_a_mitigation_undecided_and_a_point_out() -> None:
    study = with_front()
    add(study, "good", 5, 5, status={0: "diverged"})
    add(study, "bad", -8, -8, status={0: "diverged"})
    found = study.summary()
    assert words(found) == {"good": "undecided", "bad": "dominated"}
    assert row(found, "good")["n_diverged"] == 1 and np.isnan(row(found, "good")["confidence"])
    study = with_front(status={3: "diverged"}, points={(0.2, 1.8): (9, 9)})
    study.cells += (rest := with_front()).cells
    study._runs |= rest._runs
    study._points += rest._points
    add(study, "good", 3, 1)
    good = row(study.summary(), "good")
    assert (good["points"], good["points_of"], good["verdict"]) == (3, 4, "beyond it")


def test_without_percentages_or_runs_all_is_undecided() -> None:
    study = with_front(metric="r2")
    add(study, "good", 3, 1, metric="r2")
    assert words(study.summary()) == {"good": "undecided"}
    study = with_front()
    add(study, "good", 3, 1, status=dict.fromkeys(range(N), "missing"))
    good = row(study.summary(), "good")
    assert (good["verdict"], good["n_seeds"]) == ("undecided", 0) and np.isnan(good["lead_pct"])


def test_lower_is_better_is_turned_round() -> None:
    study = with_front(direction="lower", metric="log_loss")
    add(study, "low", -4, -4, direction="lower", metric="log_loss")
    assert words(study.summary()) == {"low": "beyond it"}


def test_people_read_words_leads_and_points() -> None:
    study = with_front()
    add(study, "good", 3, 1)
    add(study, "bad", -4, -4)
    found = study.summary()
    page = render(found, "md")
    assert isinstance(page, str)
    line = next(line for line in page.splitlines() if line.startswith("| good") and "beyond" in line)
    assert line.startswith("| good | 1, 1 | beyond it 100 % +") and "| all 3 points |" in page
    assert "1 dominated (bad), 0 on the front, 1 beyond it (good), 0 undecided." in page


def drawn(study: SyntheticStudy, kind: str = "svg") -> bytes:
    content = render(study.summary(), kind, "frontier")
    assert isinstance(content, bytes)
    return content


def test_the_picture_shows_points_and_mitigations_the_same_each_time() -> None:
    study = with_front(points={**POINTS, (0.0, 2.0): (-60.0, 2.5), (2.0, 0.0): (-1.0, -4.0)})
    add(study, "good", 3, 1)
    add(study, "bad", -4, -4)
    assert drawn(study) == drawn(study)
    assert drawn(study, "png")[:4] == b"\x89PNG"
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        from mtlrun.report.figures.pareto import draw_fronts

        (axes,) = draw_fronts(study.summary()).axes
    texts = {text.get_text() for text in axes.texts}
    assert {"0.5, 1.5", "1, 1", "1 point of the grid lies farther to the left"} <= texts
    assert all(text.get_path_effects() for text in axes.texts)
    legend = axes.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()][:2] == [
        "fixed weights, on the front\n(a, b)",
        "behind it",
    ]
    assert {t.get_text() for t in legend.get_texts()} >= {"good", "bad"}
    assert axes.get_xlim()[0] > -20


def test_the_picture_says_on_which_sides_points_are_left_out() -> None:
    from mtlrun.report.figures.pareto import draw_fronts

    study = with_front(points={**POINTS, (0.0, 2.0): (-60.0, 2.5), (2.0, 0.0): (-1.0, -70.0)})
    add(study, "good", 3, 1)
    (axes,) = draw_fronts(study.summary()).axes
    told = {text.get_text() for text in axes.texts}
    assert "3 points of the grid lie farther down or to the left" in told


def test_no_interval_is_broken_on_a_terminal() -> None:
    study = with_front()
    add(study, "good", 3, 1)
    add(study, "bad", -4, -4)
    summary = study.summary()
    for width in range(80, 121, 4):
        found = to_terminal(summary, style=Style(width)).splitlines()
        begin = next(n for n, text in enumerate(found) if text.startswith("Frontier"))
        shown = [text for text in found[begin:] if "[" in text]
        assert shown and all(text.count("[") == text.count("]") for text in shown)
        assert max(map(len, found)) <= width


def test_a_grid_alone_is_drawn_whole() -> None:
    from mtlrun.report.figures.pareto import draw_fronts

    (axes,) = draw_fronts(with_front(True, {**POINTS, (0.0, 2.0): (-60.0, 2.5)}).summary()).axes
    assert axes.get_xlim()[0] < -60 and {text.get_text() for text in axes.texts} >= {"0, 2", "1, 1"}


def test_three_tasks_have_a_table_and_no_picture() -> None:
    def three(gains: Sequence[float]) -> tuple[dict[str, Any], dict[str, Any]]:
        stl = {**STL, "c": STL["a"]}
        return stl, {t: v * (1 + g / 100) for (t, v), g in zip(stl.items(), gains, strict=True)}

    study = SyntheticStudy()
    for weights in ([1, 1, 1], [2, 0.5, 0.5], [0.5, 2, 0.5]):
        study.add(
            *three(weights), weighting="static", mitigation="static", hyper={"weighting.weights": weights}
        )
        study.cells[-1].update(front=weights, reported=False)
    study.add(*three([3, 3, 3]), weighting="good", mitigation="good")
    assert words(study.summary()) == {"good": "beyond it"}
    with pytest.raises(ConfigError, match="two tasks"):
        drawn(study)
