"""What verdicts are about, through the command line: ties, units, splits, groups, blocks, looks, older stores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.commands import Result, mtlrun, tiny
from test_cli_faults import is_refused

RNG = np.random.default_rng(11)
N = 300
INPUTS = pd.DataFrame(RNG.normal(size=(N, 4)), columns=list("wxyz"))
A = (INPUTS["w"] - INPUTS["x"] + 0.3 * RNG.normal(size=N)).to_numpy()
B = INPUTS.to_numpy() @ [0.5, 1, 0, 1] + 0.5 * RNG.normal(size=N)
ACCURACY = "suite.metrics={binary: accuracy, multiclass: accuracy}"


def table(folder: Path, name: str = "mine", **targets: object) -> list[str]:
    """Write a table of the inputs and targets `a` and `b`; return the overrides that name it."""
    path = folder / f"{name}.csv"
    INPUTS.assign(**targets).to_csv(path, index=False)
    return ["suite=table", f"suite.path={path}", "suite.targets={a:a,b:b}"]


def study(store: Path, name: str, *overrides: str) -> Result:
    given = [o for o in tiny(store) if not (o.startswith("seeds=") and any("seeds=" in x for x in overrides))]
    result = mtlrun("run", *given, f"study={name}", *overrides)
    assert result.code == 0, result.err
    return result


def page(store: Path, name: str, *more: str) -> dict:
    result = mtlrun("report", str(store), "--study", name, "--format", "json", *more)
    assert result.code == 0, result.err
    return json.loads(result.out)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """Return a store with the study `main`: two targets, one fixed split, three seeds."""
    folder = tmp_path_factory.mktemp("plain")
    study(folder / "store", "main", *table(folder, a=A, b=np.where(B > 0, "p", "q")))
    return folder / "store"


def test_a_few_seeds_that_agree_on_a_few_test_rows_are_no_verdict(tmp_path):
    suite = table(tmp_path, a=np.where(A > 0, "p", "q"), b=np.digitize(B, [-1, 1]))
    for seeds in (2, 3):
        study(tmp_path / "store", "ties", *suite, "suite.test=20", f"seeds={seeds}", ACCURACY)
        for row in page(tmp_path / "store", "ties")["rows"]:
            assert row["verdict"] != "neutral"
            assert row["n_examples"] == 20
            for low, high in (("ci_low", "ci_high"), ("diff_low", "diff_high"), ("seed_low", "seed_high")):
                assert row[low] is None or row[high] > row[low]


def test_nothing_shared_is_neutral_by_rule(tmp_path):
    suite = table(tmp_path, a=A, b=np.where(B > 0, "p", "q"))
    study(tmp_path / "store", "apart", *suite, "sharing=separate")
    for row in page(tmp_path / "store", "apart")["rows"]:
        assert (row["verdict"], row["p"], row["diff"]) == ("neutral", 1.0, 0.0)


def test_percentages_and_mean_gain_depend_on_no_unit(tmp_path):
    found = []
    for power in (0, 6, 13):
        suite = table(tmp_path, f"unit{power}", a=A, b=B * 10.0**-power)
        result = study(tmp_path / "store", f"unit{power}", *suite, "suite.metrics={regression: mse}")
        assert "0.000000" not in result.out
        told = page(tmp_path / "store", f"unit{power}")
        (suites,), rows = told["suites"], told["rows"]
        assert suites["left_out"] == []
        found.append(
            [suites["delta_m"], suites["ci_low"], suites["ci_high"], *(row["gain_pct"] for row in rows)]
        )
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-3)


def test_absolute_differences_have_significant_digits(tmp_path):
    suite = table(tmp_path, a=A, b=B * 1e-13)
    result = study(tmp_path / "store", "r2", *suite, "suite.metrics={regression: r2}")
    assert " abs" in result.out
    assert "0.000000" not in result.out
    told = page(tmp_path / "store", "r2")
    assert told["suites"][0]["delta_m"] is None
    assert all(row["gain_pct"] is None and row["diff"] is not None for row in told["rows"])


def test_each_task_has_the_ratio_of_its_own_source_and_is_named(tmp_path):
    INPUTS.assign(a=A).to_csv(tmp_path / "first.csv", index=False)
    INPUTS.head(90).assign(b=B[:90]).to_csv(tmp_path / "second.csv", index=False)
    suite = (
        *("suite=tables", f"suite.paths={{a:{tmp_path}/first.csv,b:{tmp_path}/second.csv}}"),
        *("suite.targets={a:a,b:b}", "suite.val=20", "suite.test=40", "budget.batch_size=16"),
    )
    store = tmp_path / "store"
    assert "240 rows: over seeds and 40 test examples (a)" in study(store, "one", *suite).out.replace(
        "\n", " "
    )
    told = study(store, "split", *suite, "suite.resplit=true").out.replace("\n", " ")
    assert "samples of 240 rows of the same source: over 3 random splits and their seeds (a)" in told
    assert "samples of 30 rows of the same source: over 3 random splits and their seeds (b)" in told
    rows = page(store, "split")["rows"]
    pairs = pd.DataFrame(page(store, "split", "--level", "runs")["runs"])
    for row, ratio in zip(rows, (40 / 240, 40 / 30), strict=True):
        d = pairs[pairs["task"] == row["task"]]["d"]
        half = 4.302652729749462 * d.std() * np.sqrt(1 / 3 + ratio)  # t(2)
        assert row["diff_high"] - row["diff"] == pytest.approx(half)
        assert (row["over"], row["n_splits"], row["share_splits"]) == ("splits", 3, 1.0)


def test_mean_gains_over_splits_are_corrected_as_rows_are(tmp_path):
    suite = table(tmp_path, a=A, b=B)
    study(tmp_path / "store", "split", *suite, "suite.splits=3", "seeds=2")
    told = page(tmp_path / "store", "split")
    (suites,) = told["suites"]
    assert (suites["over"], suites["n_seeds"]) == ("splits", 6)
    pairs = pd.DataFrame(page(tmp_path / "store", "split", "--level", "runs")["runs"])
    gains = pairs.assign(split=pairs["seed"] % 3).groupby(["task", "split"])["d"].mean().unstack()
    size = pairs.groupby("task")["stl"].mean()
    by_split = (100 * gains.div(size, axis=0)).mean()
    plain = by_split.std() / np.sqrt(3) * 4.302652729749462
    assert suites["ci_high"] - suites["delta_m"] > 1.1 * plain  # ratio 60 / 210
    assert "over 3 random splits and their seeds" in told["about"]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("statistics.method=sign_flip",), "needs `statistics.over=seeds`, found 'sign_flip'"),
        (
            ("statistics=wilcoxon", "statistics.over=examples"),
            "needs `statistics.over=seeds`, found 'wilcoxon'",
        ),
        (("statistics.over=splits",), "needs random splits: suite.splits=K, or suite.resplit=true"),
        (("statistics.over=seeds", "suite.splits=3"), "must not be seeds where splits vary"),
        (("statistics.over=seeds", "suite.resplit=true"), "must not be seeds where splits vary"),
        (("statistics=anytime", "suite.splits=3"), "must be a test that allows for splits that vary"),
        (("stop.until=conclusive", "suite.splits=3"), "must be null where splits vary"),
    ],
)
def test_scopes_that_a_test_cannot_have_are_refused(tmp_path, overrides, told):
    is_refused(mtlrun("plan", *tiny(tmp_path / "store", *table(tmp_path, a=A, b=B), *overrides)), told)


def test_over_seeds_says_so(tmp_path):
    suite = table(tmp_path, a=A, b=B)
    told = study(tmp_path / "store", "seeds", *suite, "statistics.over=seeds").out.replace("\n", " ")
    assert "networks trained on these 210 rows: over seeds only, on these 60 test rows." in told
    assert {row["over"] for row in page(tmp_path / "store", "seeds")["rows"]} == {"seeds"}


@pytest.mark.sample(6)
@pytest.mark.parametrize("level", ["rows", "variance", "suites"])
@pytest.mark.parametrize("kind", ["terminal", "md", "latex", "html", "json"])
def test_every_format_says_what_its_verdicts_are_about(plain, kind, level):
    result = mtlrun("report", str(plain), "--format", kind, "--level", level)
    told = " ".join(result.out.split())
    assert "Verdicts are about networks trained on these 210 rows: over seeds and 60 test examples." in told


@pytest.mark.parametrize("level", ["rows", "variance"])
def test_pictures_say_what_their_verdicts_are_about(plain, level):
    result = mtlrun("report", str(plain), "--format", "svg", "--level", level)
    assert "over seeds and 60 test examples" in result.out
    assert mtlrun("report", str(plain), "--format", "png", "--level", level).data.startswith(b"\x89PNG")


def test_shares_of_variance_are_a_table_for_people_and_add_up(plain):
    told = mtlrun("report", str(plain), "--level", "variance").out
    for name in ("seeds", "test", "examples", "seeds x", "would", "decide"):  # headings may take two lines
        assert name in told
    for row in page(plain, "main", "--level", "variance")["variance"]:
        parts = [row[f"share_{name}"] for name in ("seeds", "examples", "both")]
        assert sum(parts) == pytest.approx(1)
        assert row["share_splits"] is None


def test_runs_stored_without_scores_speak_about_seeds_only(plain, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    for path in plain.rglob("*"):
        if path.is_file():
            target = store / path.relative_to(plain)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    older = list(store.glob("*.parquet"))
    for path in older:
        kept: pa.Table = pq.read_table(path)
        path.unlink()
        old = path.with_name("-".join(path.stem.split("-")[:3]) + ".parquet")  # names had no checksum
        pq.write_table(kept.drop_columns(["scores"]).replace_schema_metadata(kept.schema.metadata), old)
    assert older
    told = page(store, "main")
    assert {row["over"] for row in told["rows"]} == {"seeds"}
    assert "over seeds only, on these 60 test rows" in told["about"]
    for row in told["rows"]:
        assert (row["ci_low"], row["ci_high"]) == (row["seed_low"], row["seed_high"])


def test_a_case_is_a_group(tmp_path):
    suite = table(tmp_path, a=A, b=B, g=np.arange(N) // 6)
    told = study(tmp_path / "store", "groups", *suite, "suite.group=g").out
    assert "over seeds and 10 test groups" in told.replace("\n", " ")
    assert {row["n_examples"] for row in page(tmp_path / "store", "groups")["rows"]} == {10}


def test_many_test_rows_are_stored_in_blocks_and_counted_as_rows(tmp_path):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(2600, 3)), columns=["x", "a", "b"])
    frame.to_csv(tmp_path / "many.csv", index=False)
    suite = (
        "suite=table",
        f"suite.path={tmp_path / 'many.csv'}",
        "suite.targets={a:a,b:b}",
        "suite.test=2300",
    )
    told = study(tmp_path / "store", "many", *suite, "suite.val=100").out.replace("\n", " ")
    assert "over seeds and 2,300 test examples" in told
    assert {row["n_examples"] for row in page(tmp_path / "store", "many")["rows"]} == {2300}
    lengths = {
        len(entry["values"])
        for path in (tmp_path / "store").glob("*.parquet")
        for scores in pq.read_table(path)["scores"].to_pylist()
        for entry in scores
    }
    assert lengths == {1000}


def test_examples_without_a_label_are_no_cases_of_that_task(tmp_path):
    gone = np.random.default_rng(5).random((2, N)) < [[0.4], [0.3]]
    suite = table(tmp_path, a=np.where(gone[0], np.nan, A), b=np.where(gone[1], np.nan, B))
    told = study(tmp_path / "store", "gaps", *suite).out.replace("\n", " ")
    first, second = (row["n_examples"] for row in page(tmp_path / "store", "gaps")["rows"])
    assert 20 < first < second < 60
    assert f"over seeds and {first} test examples (a), over seeds and {second} test examples (b)." in told


def test_patience_that_is_set_after_training_tells_why_examples_do_not_count(tmp_path):
    suite, store = table(tmp_path, a=A, b=B), tmp_path / "store"
    given = (*suite, "budget.evaluations=8", "budget.steps=64", "optimizer.lr=0.03")
    why = "budget.patience was changed afterwards"
    assert why not in study(store, "first", *given).out.replace("\n", " ")
    study(store, "second", *given, "budget.patience=1")
    found = page(store, "second")
    lacking = [row for row in found["rows"] if row["over"] == "seeds"]
    assert lacking
    assert sum(why in text for text in found["sentences"]) == 1
    study(store, "third", *given, "budget.patience=1", "statistics.over=seeds")
    assert not any(why in text for text in page(store, "third")["sentences"])
    study(tmp_path / "other", "second", *given, "budget.patience=1")
    assert {row["over"] for row in page(tmp_path / "other", "second")["rows"]} == {"examples"}


def test_only_labelled_examples_count_where_they_are_in_blocks(tmp_path):
    rows = 2400
    rng = np.random.default_rng(9)
    inputs = rng.normal(size=(rows, 3))
    told = np.where(np.arange(rows) % 8 == 0, inputs[:, 0] + rng.normal(size=rows), np.nan)
    frame = pd.DataFrame(inputs, columns=list("xyz")).assign(a=inputs[:, 1], b=told)
    frame["part"] = np.where(np.arange(rows) < 2000, "test", np.where(np.arange(rows) < 2200, "val", "train"))
    frame.to_csv(tmp_path / "large.csv", index=False)
    suite = [
        "suite=table",
        f"suite.path={tmp_path / 'large.csv'}",
        "suite.targets={a:a,b:b}",
        "suite.split=part",
    ]
    study(tmp_path / "store", "blocks", *suite)
    found = {row["task"]: row["n_examples"] for row in page(tmp_path / "store", "blocks")["rows"]}
    assert found == {"a": 2000, "b": 250}


def test_scores_do_not_depend_on_what_is_trained_beside_them(tmp_path):
    """Tables of one shape train together, though their rows are in other groups."""
    for name in ("one", "two"):
        groups = np.random.default_rng(len(name)).permutation(np.arange(N) // 5) + (name == "two")
        table(tmp_path, name, a=A, b=B, g=np.roll(groups, 7 if name == "two" else 0))
    paths = ",".join(str(tmp_path / f"{name}.csv") for name in ("one", "two"))
    more = [o for o in tiny(tmp_path / "store") if not o.startswith("study=")]
    suite = ["suite=table", f"suite.path={paths}", "suite.targets={a:a,b:b}", "suite.group=g"]
    result = mtlrun("sweep", *more, *suite, "study=both")
    assert result.code == 0, result.err
    rows = page(tmp_path / "store", "both")["rows"]
    assert [(row["over"], row["n_examples"]) for row in rows] == [("examples", 12)] * 4


@pytest.mark.parametrize(
    "overrides",
    [("budget.select=joint",), ("budget.select=last",), ("budget.patience=1",)],
)
def test_every_way_to_select_has_scores(tmp_path, overrides):
    suite = table(tmp_path, a=A, b=np.where(B > 0, "p", "q"))
    study(tmp_path / "store", "selected", *suite, "budget.evaluations=5", *overrides)
    assert {row["over"] for row in page(tmp_path / "store", "selected")["rows"]} == {"examples"}


def test_a_metric_that_is_exact_for_the_population_speaks_about_seeds(tmp_path):
    told = study(tmp_path, "exact", "suite=linear_teachers", "model=linear").out.replace("\n", " ")
    assert "over seeds; excess_risk is exact for the population." in told
    assert {row["over"] for row in page(tmp_path, "exact")["rows"]} == {"seeds"}


def test_a_fixed_test_that_was_repeated_with_more_seeds_says_so(tmp_path):
    suite, store = table(tmp_path, a=A, b=B), tmp_path / "store"
    warning = "These rows were judged before, with {} seeds, by a test made for one look"
    study(store, "looks", *suite, "seeds=1")  # which is no test
    assert "judged before" not in study(store, "looks", *suite, "seeds=2").out
    assert "judged before" not in study(store, "looks", *suite, "seeds=2").out
    told = study(store, "looks", *suite, "seeds=4").out.replace("\n", " ")
    assert warning.format(2) in told
    assert "stop.until=conclusive" in told
    assert any(warning.format(2) in sentence for sentence in page(store, "looks")["sentences"])
    assert list(page(store, "looks")["looks"].values()) == [[1, 2, 4]]
    back = study(store, "looks", *suite, "seeds=2").out.replace("\n", " ")
    assert warning.format(4) in back
    more = study(store, "looks", *suite, "seeds=4", "mitigation=none,dwa").out.replace("\n", " ")
    assert "2 rows were judged before" in more  # of the tasks without mitigation


def test_stopping_when_conclusive_may_look_as_often_as_it_likes(tmp_path):
    suite, store = table(tmp_path, a=A, b=B), tmp_path / "store"
    stop = ("stop.until=conclusive", "stop.batch=2")
    study(store, "stop", *suite, *stop, "seeds=2", "stop.max=4")
    told = study(store, "stop", *suite, *stop, "seeds=2", "stop.max=6").out
    assert "judged before" not in told
    assert "anytime-valid" in told


def test_controls_are_named_by_what_they_compare_and_add_up(tmp_path):
    suite = table(tmp_path, a=A, b=B)
    told = study(tmp_path / "store", "controls", *suite, "controls=[capacity,exposure,shuffled]").out
    for word in ("partner", "shuffled", "cost of"):  # headers are wrapped between words
        assert word in told
    assert "interference" not in told
    parts = pd.DataFrame(page(tmp_path / "store", "controls")["attribution"])
    for _, one in parts.groupby("task"):
        d = one.set_index("part")["diff"]
        steps = ["capacity", "exposure", "partner with shuffled labels", "true against shuffled labels"]
        assert d[steps].sum() == pytest.approx(d["gain"])
        assert d["cost of sharing"] == pytest.approx(d["capacity"] + d["partner with shuffled labels"])
        assert set(one["over"]) == {"examples"}


def test_a_study_of_which_a_part_is_stored_is_reported(plain, tmp_path):
    """Of an interrupted study some segments are there: seeds without both sides are left out and told of."""
    store = tmp_path / "store"
    store.mkdir()
    parts = sorted(plain.glob("*.parquet"))
    for path in plain.rglob("*"):
        if path.is_file() and path != parts[0]:
            target = store / path.relative_to(plain)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    assert len(parts) > 1
    for kind in ("terminal", "md", "latex", "html", "json"):
        for level in ("rows", "variance", "suites"):
            result = mtlrun("report", str(store), "--format", kind, "--level", level)
            assert result.code == 0, (kind, level, result.err)
    assert "not trained yet" in mtlrun("report", str(store)).out


def test_one_seed_has_no_scope_and_no_picture_of_its_variance(tmp_path):
    store = tmp_path / "store"
    assert "One seed gives no verdict." in study(store, "one", *table(tmp_path, a=A, b=B), "seeds=1").out
    shown = mtlrun("report", str(store), "--study", "one", "--level", "variance")
    assert "would decide" in shown.out
    drawn = mtlrun("report", str(store), "--study", "one", "--level", "variance", "--format", "svg")
    is_refused(drawn, "no gain rests on two seeds yet")
