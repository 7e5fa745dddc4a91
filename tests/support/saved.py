"""Runs whose weights are kept, for tests of what is done with them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from mtlrun.store.store import Store
from mtlrun.store.weights import Weights
from mtlrun.trained.saved_run import SavedRun, saved_run
from mtlrun.trust import Trust
from support.commands import mtlrun, tiny

OWN = Trust(["support", "mine"])


def trained(store: Path, *overrides: str) -> SavedRun:
    """Return the multi-task run of a tiny study."""
    overrides = ("save=best", "seeds=1", "budget.steps=12", "budget.evaluations=6", *overrides)
    result = mtlrun("run", *tiny(store, *overrides))
    assert result.code == 0, result.err
    runs = (saved_run(Store(store), run_id, trust=OWN) for run_id in Weights(store).names())
    return next(run for run in runs if len(run.info.tasks) > 1)


def loaded(folder: Path) -> nn.Module:
    """Return the model that `mtlrun export` wrote to a folder."""
    spec = importlib.util.spec_from_file_location("exported", folder / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def houses(path: Path, rows: int = 120) -> pd.DataFrame:
    """Write a table with a category, amounts far from 0, and classes with names; return it."""
    rng = np.random.default_rng(3)
    size, kind = rng.normal(100, 20, rows).round(3), rng.choice(["flat", "house", "hut"], rows)
    price = 3000 * size + 50_000 * (kind == "house") + rng.normal(0, 100, rows)
    cold = rng.choice(["no", "yes"], rows)
    table = pd.DataFrame({"size": size, "kind": kind, "price": price.round(2), "cold": cold})
    table["sky"] = rng.choice(["blue", "grey", "red"], rows)
    table.to_csv(path, index=False)
    return table
