import json
import re
import shutil
import sys
from dataclasses import replace

import datasets
import numpy as np
import pytest
from support.commands import mtlrun
from support.hub import pictures, saved

from mtlrun.config import to_node
from mtlrun.data.checks.every_split import every_split_faults
from mtlrun.data.hub.huggingface import HuggingFace
from mtlrun.data.task import Augment
from mtlrun.errors import ConfigError
from mtlrun.planning.runs import config_id

NAMES = {"fine": "fine_label", "coarse": "coarse_label"}


def two_labels(folder, rows=40, shift=0):
    fine = np.arange(rows) % 4
    columns = {
        "img": pictures(fine + shift, 6, 3),
        "fine_label": fine,
        "coarse_label": fine // 2,
        "age": np.arange(rows) * 1.5,
    }
    features = {
        "img": datasets.Image(),
        "fine_label": datasets.ClassLabel(names=list("abcd")),
        "coarse_label": datasets.ClassLabel(names=["x", "y"]),
        "age": datasets.Value("float64"),
    }
    return saved(folder, {"train": columns, "test": columns}, features)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return two_labels(tmp_path_factory.mktemp("data") / "set")


def suite_of(data, **settings):
    return HuggingFace(**{"path": data, "inputs": "img", "targets": dict(NAMES), **settings})


def found_faults(suite):
    return "\n".join(str(fault) for fault in suite.faults())


def test_tasks_and_parts_are_those_of_the_data(folder):
    info = suite_of(folder).info()
    assert [(t.name, t.kind, t.outputs) for t in info.tasks] == [
        ("fine", "multiclass", 4),
        ("coarse", "binary", 1),
    ]
    (source,) = info.sources
    assert source.input_shape == (3, 6, 6) and source.pixels
    assert source.rows == {"train": 36, "val": 4, "test": 40}  # a tenth of the training split validates


def test_images_are_bytes_in_the_order_of_the_splits(folder):
    source = suite_of(folder).load(0).sources[0]
    again = pictures(np.arange(40) % 4, 6, 3)
    assert source.inputs.dtype == np.uint8
    np.testing.assert_array_equal(source.inputs[:40], np.stack(again).transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(source.splits["test"], np.arange(40, 80))
    both = np.sort(np.concatenate([source.splits["train"], source.splits["val"]]))
    np.testing.assert_array_equal(both, np.arange(40))
    np.testing.assert_array_equal(np.bincount(source.targets["fine"][source.splits["train"]]), [9] * 4)


def test_images_are_standardised_by_the_training_part(folder):
    source = suite_of(folder).load(0).sources[0]
    mean, std = source.scaling
    seen = source.inputs[source.splits["train"]].astype(np.float64)
    np.testing.assert_allclose(mean, seen.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std, seen.std((0, 2, 3)), rtol=1e-6)


def test_seeds_share_their_arrays(folder):
    one, two = (suite_of(folder).load(seed).sources[0] for seed in (0, 1))
    assert one.inputs is two.inputs and one.targets["fine"] is two.targets["fine"]
    drawn = [suite_of(folder, resplit=True).load(seed).sources[0] for seed in (0, 1)]
    assert set(drawn[0].splits["test"]) != set(drawn[1].splits["test"])
    everything = np.concatenate(list(drawn[0].splits.values()))
    np.testing.assert_array_equal(np.sort(everything), np.arange(80))


def test_a_number_of_random_splits_is_part_of_ids_and_names_of_splits_are_not(folder):
    plain, named = suite_of(folder), suite_of(folder, splits={"test": "test"})
    assert (named.splits, named.split_names) == (None, {"test": "test"})
    assert suite_of(folder, split_names={"test": "test"}) == named
    ids = [config_id({"suite": to_node(suite)}) for suite in (plain, named)]
    assert ids[0] == ids[1]
    drawn = [suite_of(folder, splits=count) for count in (2, 3)]
    assert len({*ids, *(config_id({"suite": to_node(suite)}) for suite in drawn)}) == 3
    tests = [drawn[0].load(seed).sources[0].splits["test"] for seed in range(3)]
    np.testing.assert_array_equal(tests[0], tests[2])
    assert set(tests[0]) != set(tests[1])


def test_every_split_of_the_hub_must_have_all_classes(tmp_path):
    rare = np.isin(np.arange(200), (3, 50, 90, 120, 199)).astype(int)
    columns = {"x": [[float(i % 7), 1.0 * (i % 3)] for i in range(200)], "a": np.arange(200) % 2, "b": rare}
    whole = datasets.Value("int64")
    features = {"x": datasets.Sequence(datasets.Value("float32")), "a": whole, "b": whole}
    saved(tmp_path / "set", {"train": columns}, features)
    suite = HuggingFace(path=str(tmp_path / "set"), inputs="x", targets={"a": "a", "b": "b"}, splits=6)
    assert not list(suite.faults())
    (fault,) = every_split_faults(suite, range(6))
    assert fault.key == "splits"
    assert "part without class 1 of task b, which 5 of 200 rows have" in fault.rule
    assert "suite.stratify=b, with suite.val and suite.test of 80 rows or more each" in fault.rule
    helped = replace(suite, stratify="b", val=80, test=80)
    assert not list(every_split_faults(helped, range(6)))


def test_amounts_are_standardised_and_keep_their_units(folder):
    source = suite_of(folder, targets={"age": "age"}).load(0).sources[0]
    mean, std = source.units["age"]
    np.testing.assert_allclose(source.targets["age"][:40, 0] * std + mean, np.arange(40) * 1.5, atol=1e-4)
    np.testing.assert_allclose(source.targets["age"][source.splits["train"]].std(), 1, rtol=1e-5)


def test_several_columns_are_labels_of_one_task_and_groups_are_tasks(tmp_path):
    flags = {"a": [True, False] * 8, "b": [False] * 8 + [True] * 8}
    columns = {"x": [[float(i), 0.0, 1.0] for i in range(16)], "label": ["u", "v", "w", "u"] * 4, **flags}
    features = {
        "x": datasets.List(datasets.Value("float32")),
        "label": datasets.Value("string"),
        "a": datasets.Value("bool"),
        "b": datasets.Value("bool"),
    }
    path = saved(tmp_path / "set", {"train": columns}, features)
    suite = suite_of(
        path, inputs="x", targets={"both": ["a", "b"], "label": "label"}, stratify="label", val=4, test=4
    )
    suite.groups = {"u": ["u"]}
    info = suite.info()
    kinds = [(t.name, t.kind, t.outputs) for t in info.tasks]
    assert kinds == [("both", "multilabel", 2), ("label", "multiclass", 3), ("u", "binary", 1)]
    source = suite.load(0).sources[0]
    assert source.inputs.shape == (16, 3) and source.inputs.dtype == np.float32
    np.testing.assert_array_equal(source.targets["both"], np.array([flags["a"], flags["b"]]).T)
    np.testing.assert_array_equal(source.targets["u"][:4, 0], [1, 0, 0, 1])
    assert info.sources[0].rows == {"train": 8, "val": 4, "test": 4}


def test_missing_labels_make_a_task_partial(tmp_path):
    columns = {"x": np.arange(20.0), "label": [0, 1, -1, 2] * 5, "age": [1.0, None, 2.5, 4.0] * 5}
    features = {
        "x": datasets.Value("float32"),
        "label": datasets.ClassLabel(names=list("abc")),
        "age": datasets.Value("float64"),
    }
    path = saved(tmp_path / "set", {"train": columns}, features)
    suite = suite_of(path, inputs=["x"], targets={"label": "label", "age": "age"})
    assert [t.partial for t in suite.info().tasks] == [True, True]
    targets = suite.load(0).sources[0].targets
    np.testing.assert_array_equal(targets["label"][:4], [0, 1, -1, 2])
    np.testing.assert_array_equal(np.isnan(targets["age"][:4, 0]), [False, True, False, False])


def run_id(suite):
    return config_id({"suite": to_node(suite.narrowed(suite.selected()))})


def test_run_ids_tell_content_not_place(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    other = two_labels(tmp_path / "other", shift=1)
    assert run_id(suite_of(folder)) == run_id(suite_of(str(copy)))
    assert run_id(suite_of(folder)) != run_id(suite_of(other))
    parquet = tmp_path / "parquet"
    parquet.mkdir()
    for name, part in datasets.load_from_disk(folder).items():
        part.to_parquet(str(parquet / f"{name}-00000-of-00001.parquet"))
    assert run_id(suite_of(folder)) == run_id(suite_of(str(parquet)))


def test_a_baseline_is_the_same_whatever_the_other_tasks(folder):
    pair, alone = (
        suite_of(folder),
        suite_of(folder, targets={"coarse": "coarse_label"}, stratify="fine_label"),
    )
    assert run_id(pair.narrowed(["coarse"])) == run_id(alone)
    np.testing.assert_array_equal(
        pair.load(0).sources[0].splits["train"], alone.load(0).sources[0].splits["train"]
    )


def test_changed_data_are_told(folder, tmp_path):
    planned = suite_of(folder).narrowed(["fine", "coarse"])
    planned.path = two_labels(tmp_path / "other", shift=1)
    assert "has changed since this run was trained" in found_faults(planned)


def test_csv_and_image_folders_are_read(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("x,y,label\n" + "".join(f"{i},{i / 2},{'ab'[i % 2]}\n" for i in range(30)))
    suite = suite_of(str(table), inputs=["x", "y"], targets={"label": "label"})
    assert suite.load(0).sources[0].inputs.shape == (30, 2)
    from PIL import Image

    for place, label in enumerate(np.arange(20) % 2):
        (tmp_path / "pics" / "ab"[label]).mkdir(parents=True, exist_ok=True)
        Image.new("L", (5 + label, 5), 10 * place).save(tmp_path / "pics" / "ab"[label] / f"{place}.png")
    suite = suite_of(str(tmp_path / "pics"), inputs="image", targets={"label": "label"})
    with pytest.raises(ConfigError, match=r"5x5 pixels.*suite.size; row 10 differs, found '6x5'"):
        suite.load(0)
    suite.size = 4
    source = suite.load(0).sources[0]
    assert source.inputs.shape == (20, 1, 4, 4)
    assert {int(v) for v in source.inputs[:, 0, 0, 0]} == {10 * i for i in range(20)}


def test_decoded_images_are_kept_beside_the_cache(folder, own_cache, tmp_path):
    first = suite_of(folder, size=4).load(0).sources[0].inputs
    (kept,) = list((datasets.config.HF_DATASETS_CACHE / "mtlrun").iterdir())
    np.testing.assert_array_equal(np.load(kept), first)
    copy = str(shutil.copytree(folder, tmp_path / "copy"))
    np.testing.assert_array_equal(suite_of(copy, size=4).load(0).sources[0].inputs, first)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"path": "/no/where"}, r"`path` must be a file or folder that is there"),
        ({"path": ""}, r"`path` must be given"),
        ({"path": "owner/absent"}, r"`path` cannot be read: .*"),
        ({"inputs": "image"}, r"`inputs` must name columns of the data, found 'image'; did you mean img"),
        ({"targets": {"a": "fine_labl"}}, r"`targets` must name columns.*did you mean fine_label"),
        ({"targets": {}}, r"`targets` must name at least one task"),
        ({"targets": {"a": "img"}}, r"must name columns of classes"),
        ({"kinds": {"fine": "regression"}}, r"`kinds` cannot make classes of column fine_label into amounts"),
        ({"splits": {"val": "valid"}}, r"`splits.val` must name a split of the data.*train, test"),
        ({"groups": {"g": ["q"]}}, r"`groups` must list classes of column fine_label, found 'q'"),
        ({"val": 40}, r"leaves none of the 40 rows"),
        ({"val": 1.5}, r"`val` must be a number of rows"),
        ({"colours": 2}, r"`colours` must be 1 or 3"),
        ({"inputs": "age", "flip": True}, r"`flip` is for images"),
        ({"train_size": 37}, r"`train_size` must be from 1 to 36 rows"),
    ],
)
def test_faults_are_told(folder, changes, said):

    told = found_faults(suite_of(folder, **changes))
    assert re.search(said, told), told


def test_without_the_library_it_says_how_to_get_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    told = found_faults(suite_of(folder, config="other than in any test before"))
    assert told.startswith("`path` needs the library `datasets`: pip install 'mtlrun[hf]'")


def test_a_study_is_trained_from_the_command_line_and_reused_for_a_copy(folder, tmp_path):
    wanted = [
        "suite=huggingface",
        "suite.inputs=img",
        "suite.targets={fine: fine_label, coarse: coarse_label}",
    ]
    wanted += [
        "suite.flip=true",
        "model=convnet",
        "seeds=2",
        "budget.epochs=1",
        "budget.min_steps=1",
        "budget.batch_size=12",
        "device=cpu",
    ]
    done = mtlrun("run", *wanted, f"suite.path={folder}", f"store={tmp_path / 'runs'}")
    assert done.code == 0, done.err
    copy = shutil.copytree(folder, tmp_path / "copy")
    again = mtlrun("plan", *wanted, f"suite.path={copy}", f"store={tmp_path / 'runs'}", "--format", "json")
    plan = json.loads(again.out)
    assert (plan["runs_new"], plan["runs_reused"]) == (0, 6)


def test_augmentation_is_part_of_what_cohorts_agree_in(folder):
    suite = suite_of(folder, flip=True, crop=1)
    assert suite.info().sources[0].augment == Augment(True, 1) == suite.load(0).sources[0].augment
