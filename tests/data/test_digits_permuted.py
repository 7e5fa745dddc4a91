import numpy as np

from mtlrun.data.digits import digits
from mtlrun.data.digits_permuted import DigitsPermuted, permuted_digits


def test_one_permutation_for_all_images():
    flat, permuted = digits()[0].reshape(-1, 64), permuted_digits().reshape(-1, 64)
    columns = {column.tobytes(): place for place, column in enumerate(flat.T)}
    distinct = [column for column in permuted.T if column.any()]
    places = [columns[column.tobytes()] for column in distinct]
    assert len(set(places)) == len(places) > 55
    assert places != sorted(places)
    np.testing.assert_array_equal(np.sort(permuted, axis=1), np.sort(flat, axis=1))


def test_both_sources_have_the_same_rows_and_classes():
    data = DigitsPermuted(resplit=True).load(2)
    upright, permuted = data.sources
    assert [(task.name, task.source) for task in data.tasks] == [("upright", 0), ("permuted", 1)]
    assert (upright.name, permuted.name) == ("upright", "permuted")
    np.testing.assert_equal(upright.splits, permuted.splits)
    np.testing.assert_array_equal(upright.targets["upright"], permuted.targets["permuted"])
    assert not np.array_equal(upright.inputs, permuted.inputs)


def test_the_permuted_task_alone_reads_its_own_source():
    data = DigitsPermuted(tasks=["permuted"]).load(0)
    assert data.tasks[0].source == 0
    assert [source.name for source in data.sources] == ["permuted"]
    assert data.sources[0].inputs is permuted_digits()


def test_noise_of_the_two_tasks_differs():
    upright, permuted = DigitsPermuted(label_noise=0.5).load(0).sources
    assert not np.array_equal(upright.targets["upright"], permuted.targets["permuted"])
