from __future__ import annotations

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy, realistic

from mtlrun.report.tables import filtered
from mtlrun.report.text.advice import advice

N = 16
RNG = np.random.default_rng(13)
STL = {"a": 0.9 + 0.01 * RNG.standard_normal(N)}
NOISE = [0.003 * RNG.standard_normal(N) for _ in range(8)]


def moved(shift: float, draw: int) -> dict[str, np.ndarray]:
    return {"a": STL["a"] + shift + NOISE[draw]}


def study() -> SyntheticStudy:
    """`none` loses 0.04."""
    made = SyntheticStudy()
    made.add(STL, moved(-0.04, 0))
    return made


@pytest.mark.parametrize(
    ("shift", "word", "own"),
    [
        (0.0, "repairs", "neutral"),
        (-0.02, "partly", "negative"),
        (-0.08, "worse", "negative"),
        (-0.04, "no effect", "negative"),
    ],
)
def test_words(shift: float, word: str, own: str) -> None:
    made = study()
    made.add(STL, moved(shift, 1), mitigation="dwa", weighting="dwa")
    found = made.summary().contrasts.iloc[0]
    assert (found["verdict"], found["row_verdict"], found["none_verdict"]) == (word, own, "negative")
    assert found["diff"] == pytest.approx(np.mean(moved(shift, 1)["a"] - moved(-0.04, 0)["a"]))
    assert found["gain_pct"] == pytest.approx(100 * found["diff"] / STL["a"].mean())


def test_undecided_with_few_seeds() -> None:
    made = SyntheticStudy()
    first = {"a": STL["a"][:3]}
    made.add(first, {"a": moved(-0.04, 0)["a"][:3]})
    made.add(first, {"a": moved(-0.036, 1)["a"][:3]}, mitigation="dwa", weighting="dwa")
    found = made.summary().contrasts.iloc[0]
    assert found["verdict"] == "inconclusive"
    assert found["seeds_needed"] > 0


def test_each_sharing_has_its_own_base_and_none_is_no_mitigation() -> None:
    made = study()
    made.add(STL, moved(0.0, 1), sharing="branched")
    for sharing, draw in (("hard", 2), ("branched", 3)):
        made.add(STL, moved(0.0, draw), sharing=sharing, mitigation="dwa", weighting="dwa")
    found = made.summary().contrasts
    assert found["sharing"].tolist() == ["hard", "branched"]
    assert found["verdict"].tolist() == ["repairs", "no effect"]


def test_other_baseline_of_the_mitigation_does_not_matter() -> None:
    """separate_heads has a baseline of its own; the contrast is MTL against MTL."""
    made = study()
    better = {"a": STL["a"] + 0.05}
    made.add(better, moved(-0.04, 0), hyper={"heads.depth": 2}, mitigation="separate_heads", heads="mlp")
    found = made.summary().contrasts.iloc[0]
    assert (found["verdict"], found["p"]) == ("no effect", 1.0)


def test_settings_are_compared_with_their_like() -> None:
    made = SyntheticStudy()
    for width, draw in ((16, 0), (64, 1)):
        made.add(STL, moved(-0.04 if width == 16 else 0.0, draw), hyper={"model.width": width})
        made.add(
            STL,
            moved(0.0, draw + 2),
            hyper={"model.width": width, "weighting.temperature": 2.0},
            mitigation="dwa",
            weighting="dwa",
        )
    found = made.summary().contrasts
    assert found["verdict"].tolist() == ["repairs", "no effect"]


def test_no_base_no_contrast() -> None:
    made = SyntheticStudy()
    made.add(STL, moved(0.0, 0), mitigation="dwa", weighting="dwa")
    found = made.summary()
    assert len(found.contrasts) == 0
    assert len(found.rows) == 1


def test_contrasts_are_a_family_of_their_own() -> None:
    made = study()
    for draw, name in enumerate(("dwa", "pcgrad", "mgda"), start=1):
        made.add(STL, moved(-0.037, draw), mitigation=name, weighting=name)
    found = made.summary()
    ratio = found.contrasts["p_adjusted"] / found.contrasts["p"]
    assert ratio[found.contrasts["p"].idxmin()] == pytest.approx(3)


def test_divergence_of_a_mitigation_forbids_good_news() -> None:
    made = study()
    made.add(STL, moved(0.0, 1), mitigation="dwa", weighting="dwa", status={0: "diverged"})
    found = made.summary().contrasts.iloc[0]
    assert (found["verdict"], found["n_diverged"], found["n_seeds"]) == ("inconclusive", 1, N - 1)


def advice_of(**shifts: tuple[float, float]) -> str:
    """Return the advice on mitigations by what they leave of a loss of 0.04 on two tasks."""
    rng = np.random.default_rng(2)
    made = SyntheticStudy()
    stl = {task: 0.9 + 0.01 * rng.standard_normal(N) for task in "ab"}
    for name, (a, b) in {"none": (-0.04, -0.04), **shifts}.items():
        mtl = {
            task: stl[task] + shift + 0.002 * rng.standard_normal(N) for task, shift in (("a", a), ("b", b))
        }
        labels = {} if name == "none" else {"mitigation": name, "weighting": name}
        made.add(stl, mtl, **labels)
    return advice(made.summary())


@pytest.mark.parametrize(
    ("shifts", "end"),
    [
        ({"dwa": (0.0, 0.0)}, "; dwa repairs all and makes none worse."),
        ({"dwa": (0.0, -0.02)}, "; no mitigation repairs all."),
        ({"dwa": (0.0, 0.0), "pcgrad": (0.0, -0.08)}, "; dwa repairs all and makes none worse."),
        (
            {"dwa": (-0.0386, -0.0386)},
            ", not shown to be better than none on any task; no mitigation repairs all.",
        ),
        ({"dwa": (-0.06, -0.06)}, ", that is without mitigation."),
    ],
)
def test_advice_is_no_stronger_than_its_rows(shifts: dict[str, tuple[float, float]], end: str) -> None:
    text = advice_of(**shifts)
    assert text.startswith("Highest mean gain over tasks: ")
    assert text.endswith(end)


@pytest.mark.parametrize(
    ("shifts", "told"),
    [
        ({"dwa": (-0.0394, -0.0394)}, "a tie of none, dwa, -4.4 %; no mitigation repairs all."),
        ({"dwa": (0.0, 0.0), "pcgrad": (-0.0001, -0.0001)}, "a tie of dwa, pcgrad, 0.0 %; "),
    ],
)
def test_equal_numbers_are_a_tie(shifts: dict[str, tuple[float, float]], told: str) -> None:
    assert advice_of(**shifts).startswith(f"Highest mean gain over tasks: {told}")


def test_a_mitigation_seen_on_a_part_of_the_tasks_does_not_repair_all() -> None:
    made = SyntheticStudy()
    for suite in ("one", "two"):
        made.add(STL, moved(-0.04, 0), suite=suite)
        made.add(STL, moved(-0.03, 2), suite=suite, mitigation="pcgrad", weighting="pcgrad")
    made.add(STL, moved(0.0, 1), suite="one", mitigation="dwa", weighting="dwa")
    found = made.summary()
    assert "repairs" in found.contrasts["verdict"].tolist()
    assert "repairs all and" not in advice(found)


def test_a_mean_over_tasks_is_not_told_where_a_filter_leaves_some_out() -> None:
    summary = realistic(3).summary()
    assert advice(summary).startswith("Highest mean gain over tasks: ")
    assert advice(filtered(summary, {"task": str(summary.rows["task"].iloc[0])})) == ""
    suite = str(summary.rows["suite"].iloc[0])
    assert "mean gain" in advice(filtered(summary, {"suite": suite}))
