from __future__ import annotations

import copy
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError, LockError
from mtlrun.gate.check import check
from mtlrun.gate.lockfile import lock, read_lock
from mtlrun.gate.markdown import to_markdown
from mtlrun.gate.result import GateResult

SEEDS = 30
RNG = np.random.default_rng(21)
STL = {"left": np.full(SEEDS, 0.9), "right": np.full(SEEDS, 0.8)}
MTL = {"left": 0.9 + 0.009 * RNG.standard_normal(SEEDS), "right": 0.76 + 0.008 * RNG.standard_normal(SEEDS)}


def study(
    shift: float = 0.0, seeds: slice = slice(0, SEEDS), first: int = 0, name: str = "main", **options: Any
) -> SyntheticStudy:
    """A suite of two tasks; `shift` moves the gains of `left`; `first` renames the seeds."""
    made = SyntheticStudy(name)
    stl = {task: values[seeds] for task, values in STL.items()}
    mtl = {task: values[seeds] + (shift if task == "left" else 0) for task, values in MTL.items()}
    made.add(stl, mtl, seeds=[first + i for i in range(SEEDS)][seeds], **options)
    return made


def gate(locked: dict[str, Any], now: SyntheticStudy, margin: float | None = None) -> GateResult:
    return check(locked, now.manifest(), now.summary(), margin)


def locked_study(**options: Any) -> dict[str, Any]:
    return json.loads(_lock_text() if not options else _text(study(**options)))


@lru_cache
def _lock_text() -> str:
    return _text(study())


def _text(made: SyntheticStudy) -> str:
    return json.dumps(lock(made.manifest(), made.summary()), allow_nan=False)


def outcomes(result: GateResult) -> dict[str, str]:
    return {row.locked["task"]: row.outcome for row in result.rows}


def test_lock_keeps_gains_by_seed_in_metric_units() -> None:
    row = locked_study()["rows"][0]
    assert (row["suite"], row["task"], row["verdict"], row["margin"]) == ("pair", "left", "neutral", 1.0)
    assert row["seeds"] == list(range(SEEDS))
    np.testing.assert_allclose(row["gains"], MTL["left"] - STL["left"])
    assert row["scale"] == row["stl_mean"] == pytest.approx(0.9)


def test_same_results_pass() -> None:
    result = gate(locked_study(), study())
    assert outcomes(result) == {"left": "pass", "right": "pass"}
    assert result.exit_code == 0


def test_round_off_passes_at_margin_zero() -> None:
    assert gate(locked_study(), study(shift=1e-9), margin=0.0).exit_code == 0
    assert gate(locked_study(), study(shift=1e-4), margin=0.0).exit_code == 0  # improved
    assert gate(locked_study(), study(shift=-1e-4), margin=0.0).exit_code == 1


def test_one_gain_edited_far_upward_is_noticed() -> None:
    """The paired t alone would see t = -1: mean and standard error both grow with the one gain."""
    locked = locked_study()
    locked["rows"][0]["gains"][7] += 0.9  # 100 % of the metric's mean
    result = gate(locked, study())
    assert outcomes(result) == {"left": "regressed", "right": "pass"}
    assert result.exit_code == 1


def test_whole_row_edited_upward_is_noticed() -> None:
    locked = locked_study()
    locked["rows"][0]["gains"] = [gain + 0.05 * 0.9 for gain in locked["rows"][0]["gains"]]
    assert outcomes(gate(locked, study())) == {"left": "regressed", "right": "pass"}


@pytest.mark.parametrize(
    ("shift", "outcome"),
    [(-0.03, "regressed"), (0.03, "improved"), (-0.004, "pass"), (-0.009, "underpowered")],
)
def test_fresh_seeds_are_two_samples(shift: float, outcome: str) -> None:
    """Margin 0.009; the standard error of the change is 0.009 sqrt(2/30) = 0.0023."""
    fresh = study(shift=shift, first=1000)
    result = gate(locked_study(), fresh)
    assert outcomes(result)["left"] == outcome
    assert not result.rows[0].found.paired  # type: ignore[union-attr]
    assert "other seeds than in the lock" in to_markdown(result)


def test_more_seeds_than_locked_are_still_paired() -> None:
    result = gate(locked_study(seeds=slice(0, 10)), study())
    assert result.exit_code == 0
    assert all(row.found.paired and row.found.n == 10 for row in result.rows)  # type: ignore[union-attr]


def test_too_few_seeds_are_never_a_pass_and_ask_for_enough() -> None:
    few = slice(0, 4)
    result = gate(locked_study(seeds=few), study(seeds=few, first=100))
    assert result.exit_code == 3
    row = next(row for row in result.rows if row.outcome == "underpowered")
    assert row.seeds_needed is not None
    assert 5 <= row.seeds_needed <= 250  # four seeds hardly know the spread: several times what it would take
    assert f"about {row.seeds_needed} seeds would decide" in to_markdown(result)


def test_one_seed_passes_only_if_it_is_the_same() -> None:
    one = slice(0, 1)
    assert gate(locked_study(seeds=one), study(seeds=one)).exit_code == 0
    assert gate(locked_study(seeds=one), study(shift=0.0005, seeds=one)).exit_code == 3


def test_new_divergence_is_a_regression() -> None:
    assert outcomes(gate(locked_study(), study(status={3: "diverged"}))) == {
        "left": "regressed",
        "right": "regressed",
    }
    both = gate(locked_study(status={3: "diverged"}), study(status={3: "diverged"}))
    assert both.exit_code == 0


def test_untrained_rows_are_missing() -> None:
    untrained = study(status=dict.fromkeys(range(SEEDS), "missing"))
    result = gate(locked_study(), untrained)
    assert outcomes(result) == {"left": "missing", "right": "missing"}
    assert result.exit_code == 3


def test_rows_on_one_side_only() -> None:
    wide = study()
    wide.add(STL, MTL, mitigation="pcgrad", weighting="pcgrad")
    assert gate(locked_study(), wide).new_rows == 2
    result = gate(lock(wide.manifest(), wide.summary()), study())
    assert result.counts == {"missing": 2, "pass": 2}


def test_config_of_another_hash_is_reported_and_still_tested() -> None:
    result = gate(locked_study(), study(config={"lr": 0.1}))
    assert result.exit_code == 0
    assert "changed: lr not set -> 0.1" in to_markdown(result)
    assert "changed: " not in to_markdown(gate(locked_study(), study()))


def configs(made: SyntheticStudy, **baseline: Any) -> dict[str, dict[str, Any]]:
    """Return configs of all baselines of a study, as the store has them."""
    ids = {i for cell in made.cells for each in cell["baselines"].values() for i in each}
    return {run_id: {"seed": 0, "optimizer": baseline} for run_id in ids}


def test_a_baseline_of_another_config_is_reported() -> None:
    made = study()
    locked = json.loads(json.dumps(lock(made.manifest(), made.summary(), configs(made, lr=0.1))))
    assert locked["cells"][0]["baselines"]["left"] == {"optimizer": {"lr": 0.1}}
    for lr, words in ((0.1, ()), (0.2, ("baseline: optimizer.lr 0.1 -> 0.2",))):
        stored = configs(made, lr=lr, added_later=3)
        result = check(locked, made.manifest(), made.summary(), stored=stored)
        assert [row.changed for row in result.rows] == [words, words]


def test_a_lock_without_configs_is_read_and_says_that_configs_differ(tmp_path: Path) -> None:
    path, page = tmp_path / "lock.json", locked_study()
    path.write_text(json.dumps({k: v for k, v in page.items() if k != "cells"} | {"schema_version": 1}))
    assert gate(read_lock(path), study()).rows[0].changed == ()
    assert gate(read_lock(path), study(config={"lr": 0.1})).rows[0].changed == ("config",)


def test_the_margin_is_the_studys_own_unless_another_is_given() -> None:
    made = study()
    manifest = made.manifest() | {"check": {"margin": 2.5}}
    assert [row["margin"] for row in lock(manifest, made.summary())["rows"]] == [2.5, 2.5]
    assert [row["margin"] for row in lock(manifest, made.summary(), margin=4)["rows"]] == [4, 4]
    with pytest.raises(ConfigError, match="--margin"):
        lock(manifest, made.summary(), margin=float("nan"))


def test_a_look_with_a_share_of_the_level_decides_less_and_plans_for_more() -> None:
    locked, fresh = locked_study(), study(shift=-0.0045, first=1000)
    whole, part = (check(locked, fresh.manifest(), fresh.summary(), share=share) for share in (1.0, 0.5))
    assert outcomes(whole) == {"left": "pass", "right": "pass"}
    assert outcomes(part)["left"] == "underpowered"
    needed = [
        check(locked, fresh.manifest(), fresh.summary(), share=0.5, planned=planned).rows[0].seeds_needed
        for planned in (1.0, 0.25)
    ]
    assert needed[0] < needed[1]  # type: ignore[operator]


def test_what_a_look_has_decided_stays() -> None:
    few, many = slice(0, 4), slice(0, SEEDS)
    earlier = gate(locked_study(), study(shift=-0.3, seeds=few, first=0))
    later = gate(locked_study(), study(seeds=many)).after(earlier)
    assert outcomes(earlier)["left"] == "regressed"
    assert outcomes(later)["left"] == "regressed"
    assert (later.looks, later.exit_code) == (2, 1)


def test_no_change_in_some_seeds_is_judged_as_signs() -> None:
    """2^-5 < 0.05 < 2^-4."""
    assert gate(locked_study(), study(seeds=slice(0, 5))).exit_code == 0
    four = gate(locked_study(), study(seeds=slice(0, 4)))
    assert four.exit_code == 3
    assert [row.seeds_needed for row in four.rows] == [5, 5]
    assert "->" not in to_markdown(four)  # fewer seeds say less: no changed verdict


def test_splits_of_their_own_need_more_to_pass() -> None:
    before = {"n_train": 4, "n_test": 1}
    for sizes in (before, {"splits": None, "tasks": dict.fromkeys(STL, before)}):
        split = {"resplit": sizes}
        assert gate(locked_study(**split), study(shift=-0.002, first=1000, **split)).exit_code == 3
    assert gate(locked_study(), study(shift=-0.002, first=1000)).exit_code == 0


def test_same_config_is_found_under_other_names() -> None:
    locked = locked_study()
    for row in locked["rows"]:
        row["hyper"] = {"model.width": 16}
    assert gate(locked, study()).exit_code == 0


def test_verdict_that_changed_is_told_and_passes() -> None:
    locked = locked_study()
    locked["rows"][0]["verdict"] = "positive"
    result = gate(locked, study())
    assert outcomes(result)["left"] == "changed verdict"
    assert result.exit_code == 0
    assert "positive -> neutral" in to_markdown(result)


def test_lower_is_better_regresses_upward() -> None:
    def risk(shift: float) -> SyntheticStudy:
        made = SyntheticStudy()
        made.add(
            {"t": np.full(10, 2.0)},
            {"t": 2.0 + shift + 0.01 * RNG.standard_normal(10)},
            metric="mse",
            direction="lower",
        )
        return made

    before = risk(0.0)
    assert gate(lock(before.manifest(), before.summary()), risk(0.2)).exit_code == 1
    assert gate(lock(before.manifest(), before.summary()), risk(-0.2)).exit_code == 0


def test_metrics_without_zero_have_a_margin_in_units_of_one() -> None:
    made = SyntheticStudy()
    made.add({"t": np.full(10, 0.02)}, {"t": 0.02 + 0.001 * RNG.standard_normal(10)}, metric="r2")
    assert lock(made.manifest(), made.summary())["rows"][0]["scale"] == 1.0


def test_another_study_is_refused() -> None:
    other = SyntheticStudy("other")
    other.add(STL, MTL, suite="elsewhere")
    with pytest.raises(LockError, match="study `main` has no row in common with study `other`"):
        gate(locked_study(), other)
    assert gate(locked_study(), study(name="renamed")).exit_code == 0


def test_negative_margin_is_refused() -> None:
    with pytest.raises(ConfigError, match="--margin"):
        gate(locked_study(), study(), margin=-1.0)


def test_environment_is_named() -> None:
    locked = locked_study()
    locked["versions"] = {"torch": "2.6.0"}
    locked["device"] = "H100"
    text = to_markdown(gate(locked, study()))
    assert "torch 2.6.0 -> 2.13.0" in text
    assert "device H100 -> cpu" in text


def test_markdown_puts_the_bad_first_and_escapes_names() -> None:
    locked = locked_study()
    locked["rows"][1]["gains"] = [gain + 1 for gain in locked["rows"][1]["gains"]]
    locked["rows"][0]["suite"] = locked["rows"][1]["suite"] = "a|b"
    lines = [line for line in to_markdown(gate(locked, study())).splitlines() if line.startswith("|")]
    assert lines[2].startswith("| regressed | a\\|b | right | hard none | +119.89 | -125.00 | 1 |")
    assert lines[3].startswith("| pass | a\\|b | left |")


def _edited(edit: Any) -> Any:
    page = copy.deepcopy(locked_study(seeds=slice(0, 3)))
    edit(page)
    return page


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (
            lambda p: p["rows"][0]["gains"].__setitem__(1, float("nan")),
            r"`rows\[0\].gains\[1\]` must be a finite number",
        ),
        (
            lambda p: p["rows"][0]["gains"].__setitem__(1, None),
            r"`rows\[0\].gains\[1\]` must be a finite number, found null",
        ),
        (lambda p: p["rows"][0]["gains"].pop(), r"`rows\[0\].gains` must be a list with one number for each"),
        (lambda p: p["rows"][1]["seeds"].__setitem__(0, 2), r"`rows\[1\].seeds` must not repeat"),
        (
            lambda p: p["rows"][1]["seeds"].__setitem__(0, "a"),
            r"`rows\[1\].seeds\[0\]` must be a whole number, found 'a'",
        ),
        (lambda p: p["rows"][1].pop("task"), r"`rows\[1\].task` must be there"),
        (
            lambda p: p["rows"][1].update(margin=-1),
            r"`rows\[1\].margin` must be a finite number, not negative",
        ),
        (lambda p: p["rows"][1].update(hyper=None), r"`rows\[1\].hyper` must be an object"),
        (lambda p: p.update(rows=[]), r"`rows` must be a list of rows"),
        (lambda p: p.update(rows=["a"]), r"`rows\[0\]` must be an object"),
        (lambda p: p.update(schema_version=9), r"`schema_version` must be 1 or 2 for this mtlrun, found 9"),
        (lambda p: p.pop("schema_version"), r"`schema_version` must be there"),
        (lambda p: p.pop("statistics"), r"`statistics.alpha` must be a level"),
        (lambda p: p.update(study=3), "`study` must be text, found 3"),
    ],
)
def test_malformed_lock_names_file_and_rule(edit: Any, told: str, tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    path.write_text(json.dumps(_edited(edit)))
    with pytest.raises(LockError, match=told) as caught:
        read_lock(path)
    assert str(path) in str(caught.value)


def test_all_faults_of_a_lock_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    page = locked_study()
    page["rows"][0]["gains"] = [None] * SEEDS
    path.write_text(json.dumps(page))
    with pytest.raises(LockError, match=r"gains\[9\][\s\S]*and 20 more"):
        read_lock(path)


@pytest.mark.parametrize(
    ("text", "told"), [("{", "is no JSON"), ("[]", "no lock file of mtlrun"), (None, "cannot be read")]
)
def test_no_lock_file_at_all(text: str | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(LockError, match=told):
        read_lock(path)


def test_lock_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    page = locked_study()
    path.write_text(json.dumps(page))
    assert read_lock(path) == page
