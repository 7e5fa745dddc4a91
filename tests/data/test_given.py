"""Suites given as objects: which of them any process can build again."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from support.own_suites import Files

from mtlrun.config import build
from mtlrun.data.arrays.memory import ArraySuite
from mtlrun.data.digits_parity import DigitsParity
from mtlrun.data.given import suite_node
from mtlrun.errors import ConfigError


@dataclass
class Held(Files):
    """A suite with a field that is no plain data."""

    rows: object = None
    pair: tuple = field(default=(1, 2))


def refused(suite, **more):
    with pytest.raises(ConfigError) as found:
        suite_node(suite, "unused", **more)
    return [str(fault) for fault in found.value.faults]


def test_suites_of_ours_and_of_a_module_become_nodes(tmp_path):
    node = suite_node(DigitsParity(tasks=["digit"], train_size=100), tmp_path)
    assert build(node) == DigitsParity(tasks=["digit"], train_size=100)
    own = suite_node(Files(folder="here"), tmp_path)
    assert own["_target_"] == "support.own_suites.Files" and build(own) == Files(folder="here")
    assert suite_node(Held(), tmp_path)["pair"] == [1, 2]
    assert not list(tmp_path.iterdir())


def test_arrays_are_written(tmp_path):
    node = suite_node(ArraySuite(np.eye(9), {"a": np.arange(9)}), tmp_path)
    assert Path(node["path"]).is_file() and Path(node["path"]).parent == tmp_path


def test_what_is_no_suite_is_refused():
    for thing, kind in ((Files, "Files, a class"), ({"a": 1}, "dict"), (None, "NoneType")):
        (told,) = refused(thing)
        assert (
            "must be a name, an ArraySuite, or an object of a dataclass derived from" in told and kind in told
        )


def test_values_that_are_no_plain_data_are_refused():
    (told,) = refused(Held(rows=np.ones(3)))
    assert (
        told.startswith("`suite.rows` must be plain data")
        and "use ArraySuite" in told
        and "'ndarray'" in told
    )


def test_a_class_inside_a_function_is_refused():
    @dataclass
    class Inner(Files):
        pass

    (told,) = refused(Inner(), workers=False)
    assert "must be of a class at the top level of a module" in told and "<locals>" in told


SCRIPT = """
from dataclasses import dataclass
from support.own_suites import Files
from mtlrun.config import build
from mtlrun.data.given import suite_node
from mtlrun.errors import ConfigError
from mtlrun.planning.runs import source_digests

@dataclass
class Mine(Files):
    pass

node = suite_node(Mine(folder="here"), "unused", workers=False)
assert build(node) == Mine(folder="here")
print(len(source_digests([node])))
try:
    suite_node(Mine(), "unused")
except ConfigError as error:
    print(error)
"""


@pytest.mark.parametrize(("in_file", "digests"), [(True, 1), (False, 0)], ids=["script", "no file"])
def test_a_class_of_the_script_serves_this_process_alone(tmp_path, in_file, digests):
    (tmp_path / "script.py").write_text(SCRIPT)
    arguments = [str(tmp_path / "script.py")] if in_file else ["-"]
    done = subprocess.run(
        [sys.executable, *arguments],
        input=None if in_file else SCRIPT,
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found, told = done.stdout.splitlines()
    assert int(found) == digests
    assert "worker processes can import" in told and "launch.processes=1" in told and "'Mine'" in told
