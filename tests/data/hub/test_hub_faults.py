"""Labels with which a task cannot be trained or judged."""

import io

import datasets
import numpy as np
import pytest
from PIL import Image
from support.commands import mtlrun
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
            "has classes in the test part that training lacks (leave out rare classes, or join them), found ['c']",
        ),
        ([1] * 20, [1], "must have more than one class in the training part, and has one, found 'b'"),
        ([0, 1] * 10, [-1, -1], "has no value in the test part, in any of its 2 rows"),
    ],
)
def test_labels_that_do_not_serve_are_told(tmp_path, train, test, said):
    assert told(tmp_path, {"train": train, "test": test}) == [f"`tasks` names t, which {said}"]


def test_a_task_that_is_not_there_is_told(tmp_path):
    (fault,) = told(tmp_path, {"train": [0, 1] * 10, "test": [0, 1]}, tasks=["t", "u"])
    assert fault.startswith("`tasks` must name tasks of the suite, found 'u'")


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


def test_a_target_is_no_input(tmp_path):
    assert told(tmp_path, {"train": [0, 1, 2] * 5}, inputs=["x", "y"]) == [
        "`inputs` must not name the column of task t, found 'y'"
    ]


def cut_picture():
    """Return a PNG of 6x6 pixels whose head is whole."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (6, 6, 3)).astype(np.uint8)).save(file, "PNG")
    return {"bytes": file.getvalue()[:80], "path": None}


def pictures_told(tmp_path, change):
    """Return what is told of 300 images, changed by a function of their list."""
    images = [np.full((6, 6, 3), k % 200, np.uint8) for k in range(300)]
    change(images)
    columns = {"image": images, "y": [0, 1, 2] * 100}
    path = saved(tmp_path / "set", {"train": columns}, {"image": datasets.Image(), "y": FEATURES["y"]})
    return [str(fault) for fault in HuggingFace(path=path, targets={"t": "y"}).faults()]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (None, "must have an image in every row, and has none in row 290"),
        (np.zeros((6, 5, 3), np.uint8), "must have images of 6x6 pixels as the first has"),
        (np.zeros((6, 6), np.uint8), "must have images of 3 channels as the first"),
        ({"bytes": b"none", "path": None}, "has in row 290 an image that cannot be read: cannot identify"),
        (cut_picture(), "has in row 290 an image that cannot be read"),
    ],
    ids=("missing", "size", "channels", "bytes", "cut"),
)
def test_an_image_that_does_not_serve_is_told_before_training(tmp_path, image, said):
    (fault,) = pictures_told(tmp_path, lambda images: images.__setitem__(290, image))
    assert fault.startswith(f"`inputs` {said}")


def test_a_damaged_file_of_an_image_folder_is_told(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "pics" / "domain" / name).mkdir(parents=True)
        for k in range(9):
            image = Image.fromarray(np.random.default_rng(k).integers(0, 255, (9, 9, 3)).astype(np.uint8))
            image.save(tmp_path / "pics" / "domain" / name / f"{k}.jpg")
    damaged = tmp_path / "pics" / "domain" / "b" / "4.jpg"
    for kept in (200, 450):  # within the head, within the picture
        damaged.write_bytes((tmp_path / "pics" / "domain" / "b" / "5.jpg").read_bytes()[:kept])
        refused = mtlrun(
            "plan", "suite=image_folders", f"suite.path={tmp_path / 'pics'}", "model=mlp", "suite.val=2"
        )
        assert refused.code == 2 and "an image that cannot be read" in refused.err
        assert "pics/domain/b/4.jpg'" in refused.err
