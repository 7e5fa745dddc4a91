"""NumPy, pandas, torch, lists and data sets hold the same data: one form, one digest, one split, the same values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from mtlrun.config import build
from mtlrun.data.arrays.containers import array_of, input_matrix
from mtlrun.data.arrays.memory import ArraySuite
from mtlrun.data.tables.table import Table
from mtlrun.errors import ConfigError

ROWS = 120


def numbers():
    """Return inputs (N, 4) and an amount, classes of numbers and of text, and labels, with missing ones."""
    rng = np.random.default_rng(3)
    inputs = rng.normal(3, 2, (ROWS, 4))
    amount = inputs @ [1.0, 2.0, 0.0, 1.0] + rng.normal(size=ROWS)
    amount[::7] = np.nan
    grade = np.digitize(inputs[:, 0], [2, 4])
    labels = (inputs[:, 1:3] > 3).astype(int)
    return inputs, {"amount": amount, "grade": grade, "labels": labels}


class Examples(Dataset):
    """The same as a map-style data set."""

    def __init__(self, inputs, targets, tensors):
        self.inputs, self.targets, self.tensors = inputs, targets, tensors

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, row):
        made = torch.tensor if self.tensors else (lambda value: value)
        return made(self.inputs[row]), {name: made(values[row]) for name, values in self.targets.items()}


class Convertible:
    """Whatever NumPy can make an array of, as arrays of other libraries."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


CONTAINERS = {
    "numpy": lambda x, y: ArraySuite(x, y),
    "torch": lambda x, y: ArraySuite(torch.tensor(x), {n: torch.tensor(v) for n, v in y.items()}),
    "lists": lambda x, y: ArraySuite(x.tolist(), {n: v.tolist() for n, v in y.items()}),
    "pandas": lambda x, y: ArraySuite(
        pd.DataFrame(x),
        {n: pd.Series(v, index=range(5, ROWS + 5)) if v.ndim == 1 else pd.DataFrame(v) for n, v in y.items()},
    ),
    "nullable": lambda x, y: ArraySuite(
        pd.DataFrame(x).convert_dtypes(),
        {n: (pd.Series(v) if v.ndim == 1 else pd.DataFrame(v)).convert_dtypes() for n, v in y.items()},
    ),
    "objects": lambda x, y: ArraySuite(x, {n: v.astype(object) for n, v in y.items()}),
    "data set": lambda x, y: ArraySuite(dataset=Examples(x, y, tensors=False)),
    "data set of tensors": lambda x, y: ArraySuite(dataset=Examples(x, y, tensors=True)),
    "masked": lambda x, y: ArraySuite(
        np.ma.array(x, mask=False), {n: np.ma.masked_invalid(v) for n, v in y.items()}
    ),
    "can become an array": lambda x, y: ArraySuite(Convertible(x), {n: Convertible(v) for n, v in y.items()}),
    "not contiguous": lambda x, y: ArraySuite(np.asfortranarray(x), {n: v[::-1][::-1] for n, v in y.items()}),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_container_changes_neither_content_nor_split_nor_values(tmp_path, container):
    suite = CONTAINERS[container](*numbers())
    first = CONTAINERS["numpy"](*numbers())
    assert suite.content.digest == first.content.digest
    assert suite.save(tmp_path) == first.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    found, wanted = (build(one.save(tmp_path / name)).load(3) for name, one in (("a", suite), ("b", first)))
    assert found.tasks == wanted.tasks
    (mine,), (theirs,) = found.sources, wanted.sources
    np.testing.assert_array_equal(mine.inputs, theirs.inputs)
    for name in theirs.targets:
        np.testing.assert_array_equal(mine.targets[name], theirs.targets[name])
    for part in theirs.splits:
        np.testing.assert_array_equal(mine.splits[part], theirs.splits[part])


def test_split_kinds_and_values_are_those_of_a_table(tmp_path):
    inputs, targets = numbers()
    targets.pop("labels")
    targets["word"] = np.where(inputs[:, 1] > 3, "high", "low")
    targets["yes"] = inputs[:, 2] > 3
    group = np.arange(ROWS) // 4
    frame = pd.DataFrame(inputs, columns=list("pqrs")).assign(group=group, **targets)
    frame["town"] = np.array(["Ulm", "Bonn", None])[np.arange(ROWS) * 7 % 3]
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = Table(path=str(tmp_path / "t.csv"), targets={n: n for n in targets}, group="group")
    arrays = build(ArraySuite(frame[[*"pqrs", "town"]], frame[[*targets]], groups=group).save(tmp_path))
    assert [(t.kind, t.outputs, t.metrics, t.partial) for t in arrays.offered()] == [
        (t.kind, t.outputs, t.metrics, t.partial) for t in table.offered()
    ]
    assert [arrays.class_names(name) for name in targets] == [table.class_names(name) for name in targets]
    for seed, changes in ((0, {}), (5, {"resplit": True})):
        (mine,) = replace(arrays, **changes).load(seed).sources
        (theirs,) = replace(table, **changes).load(seed).sources
        np.testing.assert_array_equal(mine.inputs, theirs.inputs)
        for part in theirs.splits:
            np.testing.assert_array_equal(mine.splits[part], theirs.splits[part])
        for name in targets:
            np.testing.assert_array_equal(mine.targets[name], theirs.targets[name])
        np.testing.assert_array_equal(mine.groups, theirs.groups)
        np.testing.assert_array_equal(mine.units["amount"], theirs.units["amount"])


def test_precision_and_signs_of_zero_do_not_change_content():
    whole = np.arange(12, dtype=np.float64).reshape(6, 2)
    first = ArraySuite(whole, {"a": np.arange(6.0)}).content
    assert first.inputs.dtype == np.float32
    for made in (np.float32, np.float16, np.int8, np.uint8, np.int64):
        assert ArraySuite(whole.astype(made), {"a": np.arange(6)}).content.digest == first.digest
    assert ArraySuite(torch.tensor(whole).bfloat16(), {"a": torch.arange(6)}).content.digest == first.digest
    signed = whole.copy()
    signed[0, 0] = -0.0
    assert ArraySuite(signed, {"a": np.arange(6)}).content.digest == first.digest
    fine = ArraySuite(whole + 1e-9, {"a": np.arange(6)}).content
    assert fine.inputs.dtype == np.float64 and fine.digest != first.digest


def test_missing_targets_are_nan_none_and_empty_text():
    nothing = float("nan")
    text = ["a", None, "b", "", nothing, "a"]
    flag = [True, None, False, True, None, False]
    number = [1, None, 2.5, nothing, 3, np.int64(4)]
    found = ArraySuite(np.ones((6, 1)), {"text": text, "flag": flag, "number": number}).content.targets
    np.testing.assert_array_equal(found["text"][0].values, [0, np.nan, 1, np.nan, np.nan, 0])
    assert found["text"][0].classes == ("a", "b")
    np.testing.assert_array_equal(found["flag"][0].values, [1, np.nan, 0, 1, np.nan, 0])
    assert found["flag"][0].classes == ("false", "true")
    np.testing.assert_array_equal(found["number"][0].values, [1, np.nan, 2.5, np.nan, 3, 4])
    frame = pd.DataFrame({"text": pd.Categorical([*text[:3], None, None, "a"]), "number": number})
    frame["flag"] = pd.array(flag, dtype="boolean")
    again = ArraySuite(np.ones((6, 1)), frame[["text", "flag", "number"]]).content.targets
    assert [c[0].digest for c in again.values()] == [c[0].digest for c in found.values()]


def test_columns_of_text_become_a_number_for_each_category_and_one_for_gaps():
    frame = pd.DataFrame({"town": ["Ulm", None, "Bonn"], "size": [1, 2, 3], "new": [True, False, True]})
    matrix, one_hot = input_matrix("inputs", frame)
    np.testing.assert_array_equal(matrix, [[1, 1, 0, 1, 0], [2, 0, 0, 0, 1], [3, 1, 1, 0, 0]])
    assert one_hot.tolist() == [2, 3, 4]  # Bonn, Ulm, none


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.array([1 + 1j]), "complex128 (1,)"),
        (np.array(["2020-01-01"], "datetime64[D]"), "datetime64[D] (1,)"),
        (pd.Series([pd.Timestamp("2020-01-01")]), "Timestamp"),
        ([1, "a"], "int, str"),
        ([[1, 2], [3]], "list"),
        (pd.DataFrame({"a": [1], "b": ["x"]}), "columns of one kind"),
        ({"a": 1}, "dict"),
        (object(), "object"),
        (np.array(None), "object ()"),
        (np.array([[[None]]]), "object (1, 1, 1)"),
        (np.ndarray, "type"),
    ],
)
def test_what_is_neither_numbers_nor_text_is_refused(value, told):
    with pytest.raises(ConfigError, match=r"`it[^`]*` must") as refused:
        array_of("it", value)
    assert told in str(refused.value)


def test_every_column_that_cannot_be_an_input_is_named():
    frame = pd.DataFrame(
        {
            "day": pd.Timestamp("2020-01-01"),
            "gap": [1.0, *[None] * (ROWS - 1)],
            "id": [f"no {k}" for k in range(ROWS)],
            "good": range(ROWS),
        }
    )
    with pytest.raises(ConfigError) as refused:
        ArraySuite(frame, {"a": frame["good"]})
    found = {fault.key: fault.rule for fault in refused.value.faults}
    assert list(found) == ["inputs[day]", "inputs[gap]", "inputs[id]"]
    assert "has none in 119, as 1" in found["inputs[gap]"]
    assert "more than 100 kinds of text" in found["inputs[id]"]


class Wrong(Dataset):
    """Three examples, of which `what` is wrong."""

    def __init__(self, what):
        self.what = what

    def __len__(self):
        return 0 if self.what == "empty" else 3

    def __getitem__(self, row):
        targets = {"a": [1, 2] if self.what == "target shape" and row == 2 else [1]}
        if self.what == "raises":
            return {}[row]
        if self.what == "pair":
            return torch.ones(2), row
        if self.what == "input":
            return "an image", targets
        return torch.ones(3 if self.what == "shape" and row == 2 else 2), targets


class Endless(IterableDataset):
    def __iter__(self):
        yield torch.ones(2), {"a": 1}


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        (Wrong("empty"), "must have examples, found 0"),
        (Wrong("raises"), r"fails in .*Wrong: KeyError: 0 \(test_array_containers.py, line \d+, in __getitem__\)"),
        (Wrong("pair"), r"must yield pairs \(input, {task: target}\).*found 'tuple of Tensor, int'"),
        (Wrong("input"), "must yield arrays or tensors as inputs, and does not for number 0.*found 'str'"),
        (Wrong("shape"), r"inputs of one shape, \(2,\) as the first has; number 2 differs, found \(3,\)"),
        (Wrong("target shape"), "targets of one shape for task a"),
        (Endless(), "must be map-style"),
        (DataLoader(Wrong("")), "must be map-style.*of a DataLoader, give its `dataset`"),
    ],
    ids=["empty", "raises", "pair", "input", "shape", "target shape", "iterable", "loader"],
)  # fmt: skip
def test_a_data_set_that_yields_something_else_is_refused(dataset, told):
    with pytest.raises(ConfigError, match=f"`dataset.*{told}"):
        ArraySuite(dataset=dataset)


def test_examples_of_a_data_set_may_lack_tasks():
    rows = [(np.float32([k]), {"a": k} if k % 2 else {"a": None, "b": [k, 0.5]}) for k in range(6)]
    found = ArraySuite(dataset=rows).content
    np.testing.assert_array_equal(found.inputs[:, 0], range(6))
    np.testing.assert_array_equal(found.targets["a"][0].values, [np.nan, 1, np.nan, 3, np.nan, 5])
    np.testing.assert_array_equal(found.targets["b"][0].values, [0, np.nan, 2, np.nan, 4, np.nan])
    np.testing.assert_array_equal(found.targets["b"][1].values, [0.5, np.nan] * 3)
