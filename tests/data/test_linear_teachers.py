import numpy as np
import pytest

from mtlrun.data.linear_teachers import LinearTeachers


def part(source, name):
    """Return inputs and targets of one part in float64, shapes (n, d) and (n,)."""
    rows = source.splits[name]
    return source.inputs[rows].astype(float), source.targets[source.name][rows, 0].astype(float)


@pytest.mark.parametrize("cosine", [-1.0, -0.9, 0.0, 0.3, 0.5, 1.0])
def test_vectors_have_the_exact_cosine_and_norms(cosine):
    for seed in range(5):
        a, b = LinearTeachers(cosine=cosine, norm=[2.0, 3.0]).true_vectors(seed)
        assert np.linalg.norm(a) == pytest.approx(2.0, rel=1e-12)
        assert np.linalg.norm(b) == pytest.approx(3.0, rel=1e-12)
        assert a @ b / 6.0 == pytest.approx(cosine, abs=1e-12)


def test_vectors_follow_the_selected_tasks():
    a, b = LinearTeachers().true_vectors(1)
    np.testing.assert_array_equal(LinearTeachers(tasks=["b", "a"]).true_vectors(1), [b, a])
    np.testing.assert_array_equal(LinearTeachers(tasks=["b"]).true_vectors(1), [b])


def test_a_does_not_depend_on_the_cosine_and_b_does():
    low, high = LinearTeachers(cosine=0.0).load(3), LinearTeachers(cosine=0.9).load(3)
    np.testing.assert_array_equal(low.sources[0].targets["a"], high.sources[0].targets["a"])
    np.testing.assert_array_equal(low.sources[1].inputs, high.sources[1].inputs)
    assert not np.array_equal(low.sources[1].targets["b"], high.sources[1].targets["b"])


def test_tasks_have_inputs_of_their_own_and_seeds_differ():
    first, second = LinearTeachers().load(0), LinearTeachers().load(1)
    assert not np.array_equal(first.sources[0].inputs, first.sources[1].inputs)
    assert not np.array_equal(first.sources[0].inputs, second.sources[0].inputs)


def test_the_orthonormal_design_is_orthonormal():
    suite = LinearTeachers(design="orthonormal", samples={"a": 20, "b": 57})
    for source, n in zip(suite.load(0).sources, (20, 57), strict=True):
        inputs, _ = part(source, "train")
        np.testing.assert_allclose(inputs.T @ inputs, n * np.eye(20), atol=2e-6 * n)


@pytest.mark.parametrize("design", ["gaussian", "orthonormal"])
def test_the_test_error_of_any_predictor_is_its_excess_risk(design):
    rng = np.random.default_rng(0)
    suite = LinearTeachers(dim=7, design=design, noise=2.0)
    for theta, source in zip(suite.true_vectors(2), suite.load(2).sources, strict=True):
        inputs, targets = part(source, "test")
        assert inputs.shape == (28, 7)
        for _ in range(5):
            guess, bias = rng.standard_normal(7), rng.standard_normal()
            mse = np.mean((inputs @ guess + bias - targets) ** 2)
            assert mse == pytest.approx(np.sum((guess - theta) ** 2) + bias**2, rel=1e-5)


def test_noise_has_the_stated_size_in_train_and_val_and_none_in_test():
    suite = LinearTeachers(samples=4000, noise=[0.5, 3.0], norm=1.0)
    for theta, source, noise in zip(suite.true_vectors(0), suite.load(0).sources, (0.5, 3.0), strict=True):
        for name, expected in (("train", noise), ("val", noise)):
            inputs, targets = part(source, name)
            assert (targets - inputs @ theta).std() == pytest.approx(expected, rel=0.05)
        inputs, targets = part(source, "test")
        np.testing.assert_allclose(targets, inputs @ theta, atol=1e-5)


def test_least_squares_has_the_risk_of_theory():
    suite = LinearTeachers(dim=10, samples=50, noise=1.5, design="orthonormal", tasks=["a"])
    risks = []
    for seed in range(200):
        inputs, targets = part(suite.load(seed).sources[0], "train")
        estimate = np.linalg.lstsq(inputs, targets, rcond=None)[0]
        risks.append(np.sum((estimate - suite.true_vectors(seed)[0]) ** 2))
    expected = 1.5**2 * 10 / 50
    assert np.mean(risks) == pytest.approx(expected, abs=3 * np.std(risks) / np.sqrt(200))


def test_label_noise_adds_to_the_training_noise_only():
    clean, noisy = LinearTeachers(samples=4000), LinearTeachers(samples=4000, label_noise={"b": 0.5})
    before, after = clean.load(0), noisy.load(0)
    np.testing.assert_array_equal(before.sources[0].targets["a"], after.sources[0].targets["a"])
    added = after.sources[1].targets["b"] - before.sources[1].targets["b"]
    train = before.sources[1].splits["train"]
    spread = before.sources[1].targets["b"][train].std()
    assert added[train].std() == pytest.approx(0.5 * spread, rel=0.05)
    assert not added[len(train) :].any()


def test_sizes_per_task():
    suite = LinearTeachers(samples=[30, 200], dim=5)
    assert [source.rows for source in suite.info().sources] == [
        {"train": 30, "val": 50, "test": 20},
        {"train": 200, "val": 200, "test": 20},
    ]
    assert LinearTeachers(samples=[30], tasks=["b"]).info().sources[0].rows["train"] == 30


def test_the_primary_metric_is_the_excess_risk():
    assert {task.metrics for task in LinearTeachers().info().tasks} == {("excess_risk", "mse")}


def test_a_alone_forgets_the_cosine_and_per_task_numbers_become_one():
    suite = LinearTeachers(cosine=0.9, samples=[30, 40], noise={"b": 2.0})
    assert suite.narrowed(["a"]) == LinearTeachers(tasks=["a"], samples=30, noise=1.0)
    assert suite.narrowed(["b"]) == LinearTeachers(tasks=["b"], samples=40, noise=2.0, cosine=0.9)
    for name in ("a", "b"):
        narrow = suite.narrowed([name]).load(0).sources[0]
        full = suite.load(0).sources["ab".index(name)]
        np.testing.assert_array_equal(narrow.inputs, full.inputs)
        np.testing.assert_array_equal(narrow.targets[name], full.targets[name])


def test_all_faults_come_together():
    suite = LinearTeachers(
        dim=1,
        cosine=1.5,
        samples=[0, 5],
        noise={"a": -1.0, "c": 1.0},
        norm=0.0,
        resplit=True,
        label_noise=3.0,
    )
    keys = [fault.key for fault in suite.faults()]
    assert keys == ["label_noise", "dim", "cosine", "resplit", "samples[0]", "noise", "noise.a", "norm"]


def test_an_orthonormal_design_needs_enough_rows_and_all_of_them():
    few = LinearTeachers(design="orthonormal", samples=19)
    assert [(fault.key, fault.found) for fault in few.faults()] == [("samples", 19)]
    cut = LinearTeachers(design="orthonormal", train_size=0.5)
    assert [fault.key for fault in cut.faults()] == ["train_size"]
    assert list(LinearTeachers(design="gaussian", samples=19, train_size=10).faults()) == []


def test_more_rows_than_memory_holds_are_refused():
    (fault,) = LinearTeachers(samples=10**11).faults()
    assert (fault.key, fault.found) == ("samples", 10**11)
    assert "as many rows as free memory holds" in fault.rule
