"""Labels with which a task cannot be trained or judged."""

import datasets
import numpy as np
import pytest
from support.hub import saved

from mtlrun.data.hub.huggingface import HuggingFace

FEATURES = {"x": datasets.Value("float32"), "y": datasets.ClassLabel(names=list("abc"))}


def told(tmp_path, parts, features=FEATURES, **settings):
    columns = {part: {"x": np.arange(float(len(labels))), "y": labels} for part, labels in parts.items()}
    path = saved(tmp_path / "set", columns, features)
    suite = HuggingFace(**{"path": path, "inputs": "x", "targets": {"t": "y"}, "val": 3, **settings})
    return [str(fault) for fault in suite.faults()]


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        (
            [0, 1] * 10,
            [0, 1, 2],
            "has classes in the test part that training lacks, by number, found [2]",
        ),
        ([1] * 20, [1], "must have more than one class in the training part, found 1"),
        ([0, 1] * 10, [-1, -1], "has no label in the test part, found 't'"),
    ],
)
def test_labels_that_do_not_serve_are_told(tmp_path, train, test, said):
    assert told(tmp_path, {"train": train, "test": test}) == [f"`targets.t` {said}"]


def test_gaps_in_inputs_are_told(tmp_path):
    columns = {"x": [1.0, None, 2.0] * 5, "y": [0, 1, 2] * 5}
    path = saved(tmp_path / "set", {"train": columns}, FEATURES)
    (fault,) = HuggingFace(path=path, inputs="x", targets={"t": "y"}, val=3, test=3).faults()
    assert "must have finite numbers, and column x has none in row 1" in str(fault)


def test_text_is_no_input(tmp_path):
    features = {"x": datasets.Value("string"), "y": FEATURES["y"]}
    path = saved(tmp_path / "set", {"train": {"x": list("abcabc"), "y": [0, 1, 2] * 2}}, features)
    (fault,) = HuggingFace(path=path, inputs="x", targets={"t": "y"}).faults()
    assert "suite.text" in str(fault)


def test_a_broken_file_is_told(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    (fault,) = HuggingFace(path=str(tmp_path / "t.parquet"), targets={"t": "y"}).faults()
    assert str(fault).startswith("`path` cannot be read: ")
