"""A table for each task: stems, what is shared, baselines, and schemes and methods that leave stems alone."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from support.commands import mtlrun, reported, values_by_run
from support.configs import run_config

from mtlrun.catalog import options
from mtlrun.config import build, identity, to_node
from mtlrun.data.tables.tables import Tables
from mtlrun.errors import ConfigError
from mtlrun.planning.runs import run_ids
from mtlrun.training.network import Parts, build_network

TARGETS = {"heating": "heating", "cooling": "cooling"}
STEM = 8


@pytest.fixture
def paths(path, frame):
    """Return two tables of different width and length."""
    frame[["size", "age", "cooling"]].iloc[:120].to_parquet(path.with_name("narrow.parquet"))
    frame.drop(columns="cooling").to_csv(path, index=False)
    return {"heating": str(path), "cooling": str(path.with_name("narrow.parquet"))}


def suite_of(paths, **settings):
    return Tables(paths=paths, targets=dict(TARGETS), **{"stem": STEM, **settings})


def network_of(suite, seed=0, **choices):
    return build_network(Parts.of(run_config(**choices)), suite.info(), seed)


def run_id(suite):
    return run_ids({"suite": identity(to_node(suite))}, [0])[0]


def written(value):
    return json.dumps(value).replace('"', "")


def test_each_task_has_a_source_of_its_own_width(paths):
    suite = suite_of(paths)
    assert [(s.name, s.input_shape, s.stem) for s in suite.info().sources] == [
        ("heating", (1 + 1 + 3 + 1 + 5 + 3,), STEM),  # size, age, town, garden, sold, level
        ("cooling", (2,), STEM),
    ]
    assert [task.source for task in suite.info().tasks] == [0, 1]
    data = suite.load(0)
    assert [len(source.inputs) for source in data.sources] == [200, 120]
    assert [list(source.targets) for source in data.sources] == [["heating"], ["cooling"]]
    assert suite_of(paths, train_size=50).info().sources[1].rows["train"] == 50


def test_stems_are_their_tasks_own_and_the_rest_is_shared_as_the_scheme_says(paths):
    suite = suite_of(paths)
    hard = network_of(suite)
    owners = hard.owners()
    assert {name: owner for name, owner in owners.items() if name.startswith("stems")} == {
        "stems.0.0.weight": 0,
        "stems.0.0.bias": 0,
        "stems.1.0.weight": 1,
        "stems.1.0.bias": 1,
    }
    assert all(owner is None for name, owner in owners.items() if name.startswith("body"))
    assert hard.body.trunk[0][1].in_features == STEM
    separate = network_of(suite, sharing="separate")
    assert None not in separate.owners().values()


def test_a_baseline_begins_with_the_weights_of_its_multi_task_run(paths):
    suite = suite_of(paths)
    both, alone = network_of(suite, seed=3), network_of(suite.narrowed(["cooling"]), seed=3)
    torch.testing.assert_close(both.stems[1][0].weight, alone.stems[0][0].weight, rtol=0, atol=0)
    torch.testing.assert_close(both.body.trunk[0][1].weight, alone.body.trunk[0][1].weight, rtol=0, atol=0)
    assert not torch.equal(network_of(suite, seed=4).stems[1][0].weight, both.stems[1][0].weight)


@pytest.mark.parametrize("sharing", options("sharing"))
def test_every_sharing_scheme_stands_on_stems(paths, sharing):
    suite = suite_of(paths, categories="embedded")
    network = network_of(suite, sharing=sharing)
    inputs = [torch.tensor(source.inputs[:5]) for source in suite.load(0).sources]
    outputs = network(inputs)
    assert [tuple(out.shape) for out in outputs] == [(5, 1), (5, 1)]
    moved = [inputs[0], inputs[1] + 1]
    assert torch.equal(network(moved)[0], outputs[0]) and not torch.equal(network(moved)[1], outputs[1])


def test_without_stems_tables_must_have_one_width(paths):
    same = suite_of(paths, stem=None, inputs=["size", "age"])
    assert not network_of(same).owners().keys() & {"stems.0.0.weight"}
    with pytest.raises(ConfigError, match="must have inputs of one shape"):
        network_of(suite_of(paths, stem=None))


def test_a_task_alone_is_the_same_run_whatever_the_others(paths, frame):
    first = run_id(suite_of(paths).narrowed(["cooling"]))
    other = Tables(
        paths={"cooling": paths["cooling"], "level": paths["heating"]},
        targets={"cooling": "cooling", "level": "level"},
        stem=STEM,
    )
    assert run_id(other.narrowed(["cooling"])) == first
    frame[["size", "age", "cooling"]].iloc[1:121].to_parquet(paths["cooling"])
    assert run_id(suite_of(paths).narrowed(["cooling"])) != first


def test_sources_stand_in_the_order_of_tasks_whatever_the_order_of_settings(paths):
    suite = suite_of(paths).narrowed(["heating", "cooling"])
    stored = build(json.loads(json.dumps(to_node(suite), sort_keys=True)))
    assert stored.available() == ("cooling", "heating")
    for found in (suite, stored):
        assert [source.name for source in found.info().sources] == ["heating", "cooling"]
        assert [task.name for task in found.info().tasks] == ["heating", "cooling"]


def test_two_tasks_of_one_file_do_not_see_each_others_target(path):
    suite = Tables(paths={"a": str(path), "b": str(path)}, targets={"a": "heating", "b": "cooling"})
    for task in ("a", "b"):
        assert not {"heating", "cooling"} & {*suite.table(task).input_columns()}


@pytest.mark.sample(2)
@pytest.mark.parametrize("settings", ((), ("suite.categories=embedded", "suite.resplit=true")))
def test_studies_are_trained_and_separate_encoders_gain_nothing(paths, tmp_path, settings):
    wanted = (
        *("suite=tables", f"suite.paths={written(paths)}", f"suite.targets={written(TARGETS)}", "model=mlp"),
        *("model.width=16", "budget=steps", "budget.steps=20", "budget.evaluations=2", "launch.processes=1"),
    )
    sweep = ("sharing=hard,separate", "weighting=equal,pcgrad,mgda", *settings)
    store = tmp_path / "runs"
    done = mtlrun("sweep", *wanted, *sweep, "seeds=3", f"store={store}")
    assert done.code == 0, done.err
    rows = reported(store)["rows"]
    gains = {(row["sharing"], row["weighting"], row["task"]): row["diff"] for row in rows}
    assert all(gain == 0 for (sharing, _, _), gain in gains.items() if sharing == "separate")
    assert all(gain != 0 for (sharing, _, _), gain in gains.items() if sharing == "hard")
    assert gains["hard", "equal", "heating"] != gains["hard", "pcgrad", "heating"]
    if not settings:  # lanes together and one alone
        alone = mtlrun("sweep", *wanted, *sweep, "seeds=[2]", f"store={tmp_path / 'alone'}")
        assert alone.code == 0, alone.err
        together, lone = values_by_run(store), values_by_run(tmp_path / "alone")
        assert lone.keys() <= together.keys()
        np.testing.assert_allclose([together[k] for k in lone], [*lone.values()], rtol=1e-4)


def test_the_first_look_tells_what_is_shared(paths):
    told = mtlrun(
        "show",
        "suite=tables",
        f"suite.paths={written(paths)}",
        f"suite.targets={written(TARGETS)}",
        "model=linear",
    )
    assert told.code == 0, told.err
    assert "200 rows, 7 columns" in told.out and "120 rows, 3 columns" in told.out
    assert "parameters that tasks share: 2,112 (body 2,112)" in told.out  # (32 + 1) * 64
    assert f"parameters of heating alone: {65 + 15 * 32} (heads 65, stems {15 * 32})" in told.out
    assert "parameters of cooling alone: 161 (heads 65, stems 96)" in told.out


def test_predictions_for_tables_of_different_length_leave_cells_empty(paths, tmp_path):
    wanted = (
        *("suite=tables", f"suite.paths={written(paths)}", f"suite.targets={written(TARGETS)}", "model=mlp"),
        *("seeds=1", "budget=steps", "budget.steps=20", "save=last", f"store={tmp_path / 'runs'}"),
    )
    assert mtlrun("run", *wanted).code == 0
    run = reported(tmp_path / "runs", "--level", "runs")["runs"][0]["run_id"]
    out = tmp_path / "out.csv"
    done = mtlrun("predict", run, *paths.values(), "--store", str(tmp_path / "runs"), "-o", str(out))
    assert done.code == 0, done.err
    found = pd.read_csv(out)
    assert found["heating"].notna().sum() == 200 and found["cooling"].notna().sum() == 120
    assert abs(found["cooling"].mean() - 4.3) < 3  # in its unit
    refused = mtlrun("predict", run, paths["heating"], "--store", str(tmp_path / "runs"))
    assert refused.code == 2 and "reads 2 inputs (heating, cooling), found 1 file" in refused.err
