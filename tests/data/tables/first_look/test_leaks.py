"""Inputs that tell a target alone, by values or by gaps."""

import numpy as np
import pandas as pd
import pytest

from mtlrun.data.identity_key import IdentityKey
from mtlrun.data.tables.columns import Column
from mtlrun.data.tables.first_look.association import Association, strongest
from mtlrun.data.tables.first_look.leaks import determines, gaps_tell
from mtlrun.data.tables.table import Table

N = 200
RNG = np.random.default_rng(0)
STATE = np.where(np.arange(N) % 2, "alive", "dead")
THREE = np.array(["alive", "dead", "unknown"])[np.arange(N) % 3]
AMOUNT = RNG.normal(size=N).round(6)
INPUTS = {
    "number": RNG.normal(size=N),
    "date": pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.integers(0, 900, N), "D")),
    "category": np.array(["p", "q", "r"], dtype=object)[RNG.integers(0, 3, N)],
    "boolean": (RNG.random(N) < 0.5).astype(object),
}
TARGETS = {
    "two": (STATE, STATE == "alive", "is 'alive'"),
    "three": (THREE, THREE == "alive", "is 'alive'"),
    "above": (AMOUNT, AMOUNT > 0.5, "is from 0.5"),
    "zero": (np.where(np.arange(N) % 4, AMOUNT, 0), np.arange(N) % 4 == 0, "is 0,"),
}


@pytest.mark.parametrize("form", ("csv", "parquet"))
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", INPUTS)
def test_a_leak_by_gaps_is_told(tmp_path, kind, target, form):
    y, empty, what = TARGETS[target]
    gap = pd.Series(INPUTS[kind]).where(~empty)
    frame = pd.DataFrame({"y": y, "other": RNG.normal(size=N), "plain": RNG.normal(size=N), "gap": gap})
    frame["plain"] = frame["plain"].where(RNG.random(N) < 0.7)  # gaps that tell nothing
    path = tmp_path / f"a.{form}"
    frame.to_csv(path, index=False) if form == "csv" else frame.to_parquet(path)
    (told,) = [note for note in Table(path=str(path), targets={"y": "y"}).notes() if "suite.ignored" in note]
    assert told.startswith("column gap ") and "say suite.ignored=[gap]" in told
    assert what in told


def test_it_is_told_of_one_of_several_columns_of_a_target(tmp_path):
    frame = pd.DataFrame({"a": STATE, "b": np.roll(THREE == "alive", 1), "x": AMOUNT, "gap": AMOUNT[::-1]})
    frame["gap"] = frame["gap"].where(~frame["b"])
    frame.to_csv(tmp_path / "a.csv", index=False)
    suite = Table(path=str(tmp_path / "a.csv"), targets={"flags": ["a", "b"]})
    (told,) = [note for note in suite.notes() if "suite.ignored" in note]
    assert "in which b, the target of flags" in told


@pytest.mark.parametrize("count", (1, 2))
def test_a_gap_or_two_are_chance(count):
    values = np.array(AMOUNT)
    values[np.flatnonzero(STATE == "alive")[:count]] = np.nan
    column, codes = Column("a", "number", values), (STATE == "alive") * 1.0
    target = Column("y", "category", codes, ("dead", "alive"))
    assert not gaps_tell(column, target, IdentityKey(np.arange(N)), amounts=False)


# By value, thresholds and order: x tells y, unless it is shuffled.
X = np.sort(RNG.normal(size=N))
VALUES = {
    "linear": (X, 3 * X - 1, True),
    "order": (X, np.exp(X), True),
    "reversed": (X, -(X**3), True),
    "thresholds": (X, np.digitize(X, [-1, 0.3]) * 1.0, False),
    "few values": (np.arange(N) % 4 * 1.0, np.array([3.0, 1.0, 2.0, 2.0])[np.arange(N) % 4], True),
}


@pytest.mark.parametrize("gaps", (0, 7))
@pytest.mark.parametrize("case", VALUES)
def test_values_that_tell_a_target_are_found(case, gaps):
    x, y, amounts = (np.array(v) if isinstance(v, np.ndarray) else v for v in VALUES[case])
    x[:gaps], order = np.nan, RNG.permutation(N)
    column, rows = Column("x", "number", x[order]), IdentityKey(np.arange(N))
    target = Column("y", "number", y[order])
    assert determines(column, target, rows, amounts)
    assert not determines(Column("x", "number", np.array(x)), target, rows, amounts)


def test_gaps_count_in_associations():
    y = Column("y", "category", np.array([0, 0, 0, 1, 1, 1.0]), ("a", "b"))
    rows = np.arange(6)
    none = np.nan
    by_gaps = Column("g", "number", np.array([none, none, none, 1, 2, 5]))
    assert strongest(by_gaps, y, rows) == Association(pytest.approx(-1), by_gaps=True)
    by_value = Column("g", "number", np.array([1, 1, 1, 4, 4, none]))
    assert strongest(by_value, y, rows) == Association(pytest.approx(1))
    classes = Column("c", "category", np.array([0, 0, 0, none, none, none]), ("p",))
    assert strongest(classes, y, rows) == Association(pytest.approx(1))
    assert strongest(Column("c", "number", np.ones(6)), y, rows) is None
