"""Weights that cannot be used are refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mtlrun.errors import StoreError
from mtlrun.planning.settings.saving import Rule
from mtlrun.store.weights import Weights


def _file(folder: Path, metadata: dict[str, str] | None) -> Path:
    (folder / "weights").mkdir(exist_ok=True)
    path = folder / "weights" / "r.last.safetensors"
    save_file({"3/w": np.ones(2)}, path, metadata)
    return path


def test_written_weights_come_back(tmp_path: Path) -> None:
    rule = Rule("last", 0, 0)
    Weights(tmp_path).write("r", rule, {"a": 3}, {3: {"w": np.arange(2.0)}})
    found = Weights(tmp_path).read("r", str(rule))
    assert found.steps == {"a": 3} and found.tensors[3]["w"].tolist() == [0, 1]


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"steps": "{"},
        {"steps": "[]"},
        {"steps": json.dumps({"a": "3"})},
        {"steps": json.dumps({"a": 4})},
        {"steps": json.dumps({"a": [3]})},
    ],
)
def test_metadata_that_do_not_fit_are_told(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = _file(tmp_path, metadata)
    with pytest.raises(StoreError, match="cannot be read") as caught:
        Weights(tmp_path).read("r", "last")
    assert f"`{path}`" in str(caught.value)


def test_cut_file_is_told(tmp_path: Path) -> None:
    path = _file(tmp_path, {"steps": '{"a": 3}'})
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(StoreError, match="cannot be read"):
        Weights(tmp_path).read("r", "last")
