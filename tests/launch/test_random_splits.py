"""Random splits through the command line: what is planned, trained, kept and refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun, planned, tiny

from mtlrun.report.analysis.pairs.layout import lay_out
from mtlrun.store.store import Store


@pytest.fixture
def rare(tmp_path):
    """Write a table of 300 rows, 12 of them with a rare class; return overrides that name it."""
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("wxyz"))
    frame["a"] = np.where(frame["w"] > 0, "u", "v")
    frame["b"] = np.where(np.isin(np.arange(300), rng.choice(300, 12, replace=False)), "yes", "no")
    frame.to_csv(tmp_path / "rare.csv", index=False)
    return ("suite=table", f"suite.path={tmp_path / 'rare.csv'}", "suite.targets={a:a,b:b}")


def test_each_seed_asked_for_is_trained_on_every_split(tmp_path):
    overrides = [o for o in tiny(tmp_path, "suite.splits=3") if o != "seeds=3"]
    plan = planned(*overrides, "seeds=2")
    assert (plan["cells"], plan["runs_new"]) == (1, 6 * 3)
    assert mtlrun("run", *overrides, "seeds=2").code == 0
    store = Store(tmp_path)
    (cell,) = store.read_study("main")["cells"]
    assert cell["seeds"] == [0, 1, 2, 3, 4, 5]
    assert [len(ids) for ids in (cell["runs"], *cell["baselines"].values())] == [6, 6, 6]
    assert set(store.statuses().values()) == {"finished"}
    assert lay_out(store.read_study("main")).units["splits"].tolist() == [3, 3]
    more = planned(*overrides, "seeds=3")
    assert (more["runs_reused"], more["runs_new"]) == (18, 9)


def test_tuning_and_controls_have_the_seeds_of_every_split(tmp_path):
    extra = ("tune.optimizer.lr=[0.1,0.01]", "tune.seeds=1", "controls=[shuffled]", "seeds=1")
    overrides = [o for o in tiny(tmp_path, "suite.splits=2") if o != "seeds=3"]
    assert mtlrun("run", *overrides, *extra).code == 0
    (cell,) = Store(tmp_path).read_study("main")["cells"]
    assert cell["seeds"] == [0, 1]
    assert cell["tuned"]["seeds"] == 2
    assert {len(ids) for by_task in cell["controls"].values() for ids in by_task.values()} == {2}


def test_each_task_of_tables_has_the_sizes_of_its_own_source(tmp_path):
    rng = np.random.default_rng(0)
    for name, rows in (("a", 600), ("b", 150)):
        frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["x", "y", name])
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    suite = (
        "suite=tables",
        f"suite.paths={{a:{tmp_path / 'a.csv'},b:{tmp_path / 'b.csv'}}}",
        "suite.targets={a:a,b:b}",
        *("suite.val=20", "suite.test=60", "suite.resplit=true"),
    )
    assert mtlrun("run", *tiny(tmp_path / "store", *suite)).code == 0
    manifest = Store(tmp_path / "store").read_study("main")
    sizes = {"a": {"n_train": 520, "n_test": 60}, "b": {"n_train": 70, "n_test": 60}}
    assert manifest["cells"][0]["resplit"] == {"splits": None, "tasks": sizes}
    assert lay_out(manifest).units["ratio"].tolist() == [60 / 520, 60 / 70]


@pytest.mark.parametrize(
    ("override", "told"),
    (
        ("suite.resplit=true", ("`suite.resplit` gives seed ", " of 20 seeds have such parts")),
        ("suite.splits=8", ("`suite.splits` gives split ", " of 8 splits have such parts")),
    ),
)
def test_a_split_without_a_class_is_refused_before_training(rare, tmp_path, override, told):
    store = tmp_path / "store"
    found = mtlrun("run", *rare, override, "seeds=20", f"store={store}")
    assert (found.code, found.out) == (2, "")
    assert "Traceback" not in found.err
    assert found.err.count("without class yes of task b, which 12 of 300 rows have") == 1
    for text in (
        *told,
        " part without class",
        "suite.stratify=b, with suite.val and suite.test of 50 rows or more each",
    ):
        assert text in found.err
    assert not store.exists()
    helped = ("suite.stratify=b", "suite.val=50", "suite.test=60")
    assert mtlrun("plan", *rare, override, "seeds=20", f"store={store}", *helped).code == 0


def test_seeds_of_tuning_are_looked_at_too(rare, tmp_path):
    good = ("suite.resplit=true", "seeds=1", f"store={tmp_path / 'store'}")
    assert mtlrun("plan", *rare, *good).code == 0
    found = mtlrun("run", *rare, *good, "tune.optimizer.lr=[0.1,0.01]", "tune.seeds=20")
    assert found.code == 2
    assert "`suite.resplit` gives seed 10000" in found.err
