"""Ready suites, on small data sets of the schemas that they have on the Hub."""

import datasets
import numpy as np
import pytest
from support.hub import even_labels, one_label, pictures, saved

from mtlrun.catalog import load_option
from mtlrun.config import build, to_node
from mtlrun.data.hub.celeba import ATTRIBUTES
from mtlrun.planning.runs import config_id

DIGITS = [str(d) for d in range(10)]
CLOTHES = [
    *("T - shirt / top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
]
OBJECTS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def ready(name, path, **settings):
    suite = build({**load_option("suite", name), "path": str(path), **settings})
    assert not [str(fault) for fault in suite.faults()]
    return suite


@pytest.mark.parametrize(
    ("name", "image", "classes", "side", "colours", "tasks", "members"),
    [
        ("mnist", "image", DIGITS, 28, 1, ["digit", "odd"], [1, 3, 5, 7, 9]),
        ("fashion_mnist", "image", CLOTHES, 28, 1, ["article", "footwear"], [5, 7, 9]),
        ("cifar10", "img", OBJECTS, 32, 3, ["object", "animal"], [2, 3, 4, 5, 6, 7]),
    ],
)
def test_one_label_and_what_it_says(tmp_path, name, image, classes, side, colours, tasks, members):
    suite = ready(name, one_label(tmp_path / "set", classes, image, side, colours))
    info = suite.info()
    assert [t.name for t in info.tasks] == tasks
    assert [(t.kind, t.outputs) for t in info.tasks] == [("multiclass", 10), ("binary", 1)]
    assert info.sources[0].input_shape == (colours, side, side)
    assert info.sources[0].rows == {"train": 54, "val": 6, "test": 30}
    targets = suite.load(0).sources[0].targets
    np.testing.assert_array_equal(targets[tasks[1]][:, 0] == 1, np.isin(targets[tasks[0]], members))


def cifar100(folder, fine=10, rows=60):
    """Superclass k has the classes k and k + 5."""
    parts = {}
    for part, count in (("train", rows), ("test", rows // 2)):
        labels = even_labels(count, fine)
        parts[part] = {"img": pictures(labels, 32, 3), "fine_label": labels, "coarse_label": labels % 5}
    superclasses = ["aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables"]
    features = {
        "img": datasets.Image(),
        "fine_label": datasets.ClassLabel(names=[f"c{k}" for k in range(fine)]),
        "coarse_label": datasets.ClassLabel(names=superclasses),
    }
    return saved(folder, parts, features)


def test_cifar100_has_two_levels_of_classes(tmp_path):
    suite = ready("cifar100", cifar100(tmp_path / "set"))
    assert [(t.name, t.outputs, t.source) for t in suite.info().tasks] == [("fine", 10, 0), ("coarse", 5, 0)]
    targets = suite.load(0).sources[0].targets
    np.testing.assert_array_equal(targets["fine"] % 5, targets["coarse"])


@pytest.mark.parametrize("resplit", [False, True])
def test_each_superclass_of_cifar100_is_a_task_with_its_own_images(tmp_path, resplit):
    path = cifar100(tmp_path / "set")
    suite = ready("cifar100", path, tasks=["flowers", "fish"], val=2, resplit=resplit)
    info, data = suite.info(), suite.load(3)
    assert [(t.name, t.outputs) for t in info.tasks] == [("flowers", 2), ("fish", 2)]
    whole = ready("cifar100", path).load(0).sources[0]
    for task in data.tasks:
        source = data.sources[task.source]
        assert source.name == task.name
        assert info.sources[task.source].rows == {"train": 10, "val": 2, "test": 6}
        assert {role: len(rows) for role, rows in source.splits.items()} == {"train": 10, "val": 2, "test": 6}
        superclass = {"fish": 1, "flowers": 2}[task.name]
        mine = whole.targets["coarse"] == superclass
        np.testing.assert_array_equal(source.inputs, whole.inputs[mine])
        np.testing.assert_array_equal(source.targets[task.name], whole.targets["fine"][mine] // 5)
        rows = np.concatenate(list(source.splits.values()))
        np.testing.assert_array_equal(np.sort(rows), np.arange(18))
        np.testing.assert_array_equal(np.bincount(source.targets[task.name][source.splits["train"]]), [5, 5])


def test_tasks_on_all_images_and_on_some_do_not_mix(tmp_path):
    suite = build(
        {**load_option("suite", "cifar100"), "path": cifar100(tmp_path / "set"), "tasks": ["fine", "fish"]}
    )
    (fault,) = suite.faults()
    assert fault.key == "tasks" and "what one tests on, another trains on" in fault.rule


def test_multi_mnist_is_made_of_two_digits_of_one_part(tmp_path):
    path = one_label(tmp_path / "set", DIGITS)
    suite, digits = ready("multi_mnist", path), ready("mnist", path).load(0).sources[0]
    source = suite.load(0).sources[0]
    assert suite.info().sources[0].input_shape == (1, 36, 36) == source.inputs.shape[1:]
    assert source.inputs.dtype == np.uint8
    np.testing.assert_array_equal(source.targets["left"], digits.targets["digit"])
    np.testing.assert_array_equal(source.inputs[:, :, :8, :28], digits.inputs[:, :, :8])
    for part in ("train", "val", "test"):
        rows = source.splits[part]
        corners = digits.inputs[rows][:, :, -8:, -8:].reshape(len(rows), -1)
        found = source.inputs[rows][:, :, -8:, -8:].reshape(len(rows), -1)
        partner = (found[:, None] == corners[None]).all(2)  # noise tells images apart
        assert (partner.sum(0) == 1).all() and (partner.sum(1) == 1).all() and not partner.diagonal().any()
        np.testing.assert_array_equal(
            source.targets["right"][rows], digits.targets["digit"][rows][partner.argmax(1)]
        )
        both = np.maximum(
            digits.inputs[rows][:, :, 8:, 8:], digits.inputs[rows[partner.argmax(1)]][:, :, :20, :20]
        )
        np.testing.assert_array_equal(source.inputs[rows][:, :, 8:28, 8:28], both)
    assert suite.load(1).sources[0].inputs is source.inputs
    drawn = ready("multi_mnist", path, resplit=True)
    assert (drawn.load(0).sources[0].targets["right"] != drawn.load(1).sources[0].targets["right"]).any()


def test_celeba_has_forty_attributes_and_trains_any_of_them(tmp_path):
    rng = np.random.default_rng(0)
    columns = {"image": [rng.integers(0, 255, (218, 178, 3)).astype(np.uint8) for _ in range(12)]}
    columns["celeb_id"] = np.arange(12)
    columns |= {name: np.roll(np.arange(12) % 3 == 0, k) for k, name in enumerate(ATTRIBUTES)}
    features = {"image": datasets.Image(), "celeb_id": datasets.Value("int64")}
    features |= {name: datasets.Value("bool") for name in ATTRIBUTES}
    path = saved(tmp_path / "set", dict.fromkeys(("train", "valid", "test"), columns), features)
    suite = ready("celeba", path)
    assert len(ATTRIBUTES) == len(set(ATTRIBUTES)) == len(suite.info().tasks) == 40
    suite = ready("celeba", path, tasks=["Smiling", "Young"])
    assert [(t.name, t.kind) for t in suite.info().tasks] == [("Smiling", "binary"), ("Young", "binary")]
    assert suite.info().sources[0].input_shape == (3, 64, 64)
    source = suite.load(0).sources[0]
    assert {part: sorted(rows // 12)[0] for part, rows in source.splits.items()} == {
        "train": 0,
        "val": 1,
        "test": 2,
    }
    np.testing.assert_array_equal(source.targets["Smiling"][:12, 0], columns["Smiling"])


def folders(root, domains, between=""):
    from PIL import Image

    for d, domain in enumerate(domains):
        for c, label in enumerate(["bike", "mug", "pen"][: 3 - d % 2]):  # every second domain has no pens
            place = root / domain / between / label
            place.mkdir(parents=True)
            for k in range(10):
                Image.new("RGB", (20 + k, 18), (10 * d, 20 * c, k)).save(place / f"frame_{k:04}.png")
    return root


@pytest.mark.parametrize(
    ("name", "domains", "between"),
    [
        ("image_folders", ["a", "b"], ""),
        ("office31", ["amazon", "dslr", "webcam"], "images"),
        ("office_home", ["Art", "Clipart", "Product", "Real World"], ""),
    ],
)
def test_each_domain_is_a_task(tmp_path, name, domains, between):
    suite = ready(name, folders(tmp_path / "pics", domains, between), size=8)
    assert [t.name for t in suite.info().tasks] == domains
    assert [t.outputs for t in suite.info().tasks] == [3 - d % 2 for d in range(len(domains))]
    for d, source in enumerate(suite.load(0).sources):
        assert source.inputs.shape == (30 - 10 * (d % 2), 3, 8, 8)
        np.testing.assert_array_equal(source.inputs[:, 0], 10 * d)
        np.testing.assert_array_equal(source.inputs[:, 1, 0, 0], 20 * source.targets[domains[d]])


def run_id(suite, tasks):
    return config_id({"suite": to_node(suite.narrowed(tasks))})


def test_a_domain_alone_is_the_same_run_whatever_the_others(tmp_path):
    path = folders(tmp_path / "pics", ["a", "b", "c"])
    pair, all_three = ready("image_folders", path, domains=["a", "b"]), ready("image_folders", path)
    assert run_id(pair, ["a"]) == run_id(all_three, ["a"])
    assert run_id(all_three, ["a"]) != run_id(all_three, ["b"])
    alone = all_three.narrowed(["b"]).load(0).sources[0]
    other = all_three.load(0).sources[1]
    np.testing.assert_array_equal(alone.inputs, other.inputs)
    np.testing.assert_array_equal(alone.splits["train"], other.splits["train"])


@pytest.mark.parametrize("path", ["/no/where", ""])
def test_absent_image_folders_are_told(path):
    (fault,) = build({**load_option("suite", "office31"), "path": path}).faults()
    assert str(fault).startswith("`path` must be a folder with a folder for each domain")
