"""What holds for every suite."""

from dataclasses import fields
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import yaml

from mtlrun.config import build, check_node
from mtlrun.data.digits_attributes import DigitsAttributes
from mtlrun.data.digits_parity import DigitsParity
from mtlrun.data.digits_permuted import DigitsPermuted
from mtlrun.data.digits_two import DigitsTwo
from mtlrun.data.linear_teachers import LinearTeachers
from mtlrun.data.task import METRICS
from mtlrun.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf" / "suite"
DIGITS = [DigitsParity, DigitsAttributes, DigitsTwo, DigitsPermuted]
SUITES = [*DIGITS, LinearTeachers]
TARGETS = {"multiclass": (np.int64, 1), "binary": (np.float32, 2), "multilabel": (np.float32, 2)}
TARGETS["regression"] = (np.float32, 2)


def everything(cls, **settings):
    """Return a suite with all that it offers selected."""
    return cls(tasks=list(cls().available()), **settings)


def task_data(data, name):
    """Return the inputs, targets and split that one task of a suite's data sees."""
    task = next(task for task in data.tasks if task.name == name)
    source = data.sources[task.source]
    return source.inputs, source.targets[name], source.splits


@pytest.mark.parametrize("cls", SUITES)
def test_data_have_the_shapes_and_types_that_info_promises(cls):
    suite = everything(cls, label_noise=0.1)
    info, data = suite.info(), suite.load(0)
    assert info.tasks == data.tasks
    assert [task.name for task in info.tasks] == list(suite.available())
    for source_info, source in zip(info.sources, data.sources, strict=True):
        assert source.name == source_info.name
        assert source.inputs.dtype == np.float32 and source.inputs.shape[1:] == source_info.input_shape
        assert {part: len(rows) for part, rows in source.splits.items()} == source_info.rows
        assert all(rows.dtype == np.int64 for rows in source.splits.values())
        together = np.concatenate(list(source.splits.values()))
        assert sorted(together) == list(range(len(source.inputs)))
    for task in data.tasks:
        inputs, targets, _ = task_data(data, task.name)
        dtype, ndim = TARGETS[task.kind]
        assert targets.dtype == dtype and targets.ndim == ndim and len(targets) == len(inputs)
        assert task.kind == "multiclass" or targets.shape[1] == task.outputs
        assert set(task.metrics) <= set(METRICS)


@pytest.mark.parametrize("cls", SUITES)
def test_a_task_sees_the_same_data_whatever_else_is_selected(cls):
    together = everything(cls, label_noise=0.3, train_size=0.5).load(4)
    for task in together.tasks:
        alone = cls(tasks=[task.name], label_noise=0.3, train_size=0.5).load(4)
        assert len(alone.sources) == 1 and alone.tasks[0].source == 0
        assert list(alone.sources[0].targets) == [task.name]
        for mine, theirs in zip(task_data(alone, task.name), task_data(together, task.name), strict=True):
            np.testing.assert_equal(mine, theirs)


@pytest.mark.parametrize("cls", [DigitsParity, DigitsPermuted, LinearTeachers])
def test_the_order_of_the_tasks_changes_only_the_order(cls):
    for names in permutations(cls().available()):
        data = cls(tasks=list(names), label_noise=0.2).load(1)
        assert tuple(task.name for task in data.tasks) == names
        reference = cls(label_noise=0.2).load(1)
        for name in names:
            np.testing.assert_equal(task_data(data, name), task_data(reference, name))


@pytest.mark.parametrize("cls", DIGITS)
def test_without_noise_all_seeds_share_the_very_same_arrays(cls):
    suite = everything(cls, train_size=100)
    for first, second in zip(suite.load(0).sources, suite.load(1).sources, strict=True):
        pairs = [(first.inputs, second.inputs)]
        pairs += [(first.targets[name], second.targets[name]) for name in first.targets]
        pairs += [(first.splits[part], second.splits[part]) for part in first.splits]
        for one, other in pairs:
            assert one is other
            assert not one.flags.writeable


@pytest.mark.parametrize("cls", DIGITS)
def test_noise_copies_targets_per_seed_but_not_inputs(cls):
    suite = everything(cls, label_noise=0.2)
    for first, second in zip(suite.load(0).sources, suite.load(1).sources, strict=True):
        assert first.inputs is second.inputs
        for name in first.targets:
            assert not np.array_equal(first.targets[name], second.targets[name])


@pytest.mark.parametrize("cls", DIGITS)
def test_resplit_draws_the_test_rows_per_seed(cls):
    fixed, resplit = cls(), cls(resplit=True)
    np.testing.assert_array_equal(
        fixed.load(1).sources[0].splits["test"], fixed.load(2).sources[0].splits["test"]
    )
    first, second = (set(resplit.load(seed).sources[0].splits["test"]) for seed in (1, 2))
    assert first != second
    again = set(resplit.load(1).sources[0].splits["test"])
    assert first == again


@pytest.mark.parametrize("cls", SUITES)
@pytest.mark.parametrize("seed", [0, 1])
def test_smaller_training_sets_are_nested_with_the_same_labels(cls, seed):
    small, large = (cls(train_size=size, label_noise=0.3).load(seed) for size in (20, 0.9))
    for task in small.tasks:
        inputs, targets, split = task_data(small, task.name)
        more_inputs, more_targets, more_split = task_data(large, task.name)
        rows, more = split["train"], more_split["train"]
        assert len(rows) == 20 < len(more)
        assert set(rows) < set(more)
        np.testing.assert_array_equal(inputs[rows], more_inputs[rows])
        np.testing.assert_array_equal(targets[rows], more_targets[rows])
        np.testing.assert_array_equal(split["test"], more_split["test"])


def test_noise_by_name_and_by_place_reach_the_right_task():
    for noise in ({"parity": 0.5}, [0.0, 0.5]):
        source = DigitsParity(label_noise=noise).load(0).sources[0]
        clean = DigitsParity().load(0).sources[0]
        assert source.targets["digit"] is clean.targets["digit"]
        train = clean.splits["train"]
        share = (source.targets["parity"] != clean.targets["parity"])[train].mean()
        assert share == pytest.approx(0.5, abs=0.07)


def test_pairs_without_tasks_draw_from_everything_on_offer():
    assert DigitsAttributes().selected() == ("digit", "attributes")
    assert DigitsAttributes(pairs="all").selected() == DigitsAttributes().available()
    assert DigitsAttributes(pairs="all", tasks=["even", "prime"]).selected() == ("even", "prime")


def test_narrowed_suites_are_equal_where_the_data_are():
    wide = DigitsParity(label_noise=[0.1, 0.2], primary="parity", pairs=None)
    assert wide.narrowed(["parity"]) == DigitsParity(tasks=["parity"], label_noise=0.2)
    assert wide.narrowed(["digit"]) == DigitsParity(label_noise={"digit": 0.1, "parity": 0.9}).narrowed(
        ["digit"]
    )
    assert DigitsParity(label_noise=[0.3, 0.3]).narrowed(["digit", "parity"]).label_noise == 0.3
    swapped = wide.narrowed(["parity", "digit"])
    assert swapped.label_noise == {"parity": 0.2, "digit": 0.1} and swapped.primary == "parity"
    pair = DigitsAttributes(pairs="all", label_noise={"even": 0.1}).narrowed(["digit", "even"])
    assert pair.tasks == ["digit", "even"] and pair.pairs is None
    assert pair.label_noise == {"digit": 0.0, "even": 0.1}
    assert pair.load(0).sources[0].targets["digit"] is DigitsParity().load(0).sources[0].targets["digit"]


def test_all_faults_come_together():
    suite = DigitsParity(
        tasks=["digit", "digit", "party"], pairs="all", primary="even", train_size=5000, label_noise=[2.0]
    )
    found = [(fault.key, fault.found) for fault in suite.faults()]
    assert found == [
        ("tasks", "digit"),
        ("tasks", "party"),
        ("primary", "even"),
        ("pairs", "all"),
        ("train_size", 5000),
        ("label_noise", [2.0]),
        ("label_noise[0]", 2.0),
    ]
    for use in (suite.info, lambda: suite.load(0)):
        with pytest.raises(ConfigError, match="7 faults") as error:
            use()
        assert "`suite.tasks` must name tasks of the suite, found 'party'; did you mean parity?" in str(
            error.value
        )


@pytest.mark.parametrize("size", [0, -3, 898, 0.0, 1.5, -0.5, float("nan")])
def test_a_training_size_out_of_range_is_a_fault(size):
    assert [fault.key for fault in DigitsParity(train_size=size).faults()] == ["train_size"]


@pytest.mark.parametrize("size", [1, 897, 1.0, 0.001])
def test_a_training_size_in_range_is_none(size):
    assert list(DigitsParity(train_size=size).faults()) == []


def test_no_task_and_a_pair_of_one_are_faults():
    assert [fault.key for fault in DigitsParity(tasks=[]).faults()] == ["tasks"]
    assert [fault.key for fault in DigitsParity(tasks=["digit"], pairs="all").faults()] == ["pairs"]


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_noise_rate_out_of_range_is_a_fault(rate):
    assert [fault.key for fault in DigitsParity(label_noise=rate).faults()] == ["label_noise"]
    assert [fault.key for fault in DigitsParity(label_noise={"digit": rate}).faults()] == [
        "label_noise.digit"
    ]


@pytest.mark.parametrize("cls", SUITES)
def test_the_yaml_holds_every_field_with_its_default(cls):
    name = cls.__module__.rpartition(".")[2]
    text = (CONF / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ") and f"# mtlrun run suite={name} " in text
    node = yaml.safe_load(text)
    assert check_node("suite", node) == []
    assert build(node) == cls()
    assert list(node) == ["_target_", *(field.name for field in fields(cls))]


def test_every_option_has_its_class_here():
    nodes = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in CONF.glob("*.yaml")}
    bundled = [
        name for name, node in nodes.items() if not {"path", "paths"} & set(node)
    ]  # others have their own tests
    assert sorted(bundled) == sorted(cls.__module__.rpartition(".")[2] for cls in SUITES)


def test_names_of_tasks_can_be_shown():
    class Hostile(LinearTeachers):
        def available(self):
            return ("\x1b[31mred", "b")

    faults = [str(fault) for fault in Hostile(tasks=["\x1b[31mred", "b"]).faults()]
    assert any("`tasks` must be text without control characters" in fault for fault in faults), faults
    assert "\x1b" not in "".join(faults)
