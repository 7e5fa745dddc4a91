"""How many steps a budget is."""

import pytest

from mtlrun.data.task import SourceInfo
from mtlrun.errors import ConfigError
from mtlrun.planning.budget import Budget


def source(rows, name="digits"):
    return SourceInfo(name, (64,), {"train": rows, "val": 10, "test": 10})


def test_epochs_are_passes_over_the_largest_source():
    # 897 / 32 = 28.03 batches a pass: 561 steps hold 20 passes
    assert Budget(epochs=20, min_steps=1).steps_for([source(897)]) == 561
    assert Budget(epochs=20, min_steps=1).steps_for([source(100), source(897)]) == 561
    assert Budget(epochs=1, batch_size=25, min_steps=1).steps_for([source(100)]) == 4
    assert Budget(epochs=0.5, batch_size=25, min_steps=1).steps_for([source(100)]) == 2
    # 0.07 * 100 is 7.000000000000001
    assert Budget(epochs=0.07, batch_size=1, min_steps=1).steps_for([source(100)]) == 7
    assert Budget(epochs=0.001, min_steps=1).steps_for([source(100)]) == 1


def test_a_full_batch_is_a_pass():
    assert Budget(epochs=20, batch_size="full", min_steps=1).steps_for([source(897), source(10)]) == 20


def test_epochs_of_small_data_are_raised_to_the_fewest_steps():
    assert Budget(epochs=20).steps_for([source(73)]) == 1000
    assert Budget(epochs=20, batch_size="full").steps_for([source(5000)]) == 1000
    assert Budget(epochs=20).steps_for([source(5000)]) == 3125  # a floor, no ceiling
    assert Budget(epochs=20, min_steps=46).steps_for([source(73)]) == 46
    assert Budget(epochs=20, min_steps=45).steps_for([source(73)]) == 46  # 20 * 73 / 32 = 45.6


def test_a_plan_can_tell_what_the_epochs_alone_would_be():
    assert Budget(epochs=20).raised_from([source(73)]) == 46
    assert Budget(epochs=20, min_steps=46).raised_from([source(73)]) is None
    assert Budget(epochs=20).raised_from([source(5000)]) is None
    assert Budget(epochs=20, steps=7).raised_from([source(73)]) is None


def test_steps_are_steps():
    assert Budget(steps=500).steps_for([source(897)]) == 500  # exactly: under the fewest steps of epochs
    assert Budget(steps=500, batch_size="full").steps_for([source(897)]) == 500


@pytest.mark.parametrize("length", ({"steps": 5}, {"epochs": 5}))
def test_a_batch_must_fit_into_every_source(length):
    sources = [source(897), source(30, "small")]
    with pytest.raises(
        ConfigError, match=r"`budget\.batch_size` must be at most the 30 training rows of source `small`"
    ):
        Budget(batch_size=31, **length).steps_for(sources)
    assert Budget(batch_size=30, **length).steps_for(sources) >= 5


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({}, ["epochs"]),
        ({"epochs": 1.0, "steps": 1}, []),  # steps win
        ({"epochs": 0.0}, ["epochs"]),
        ({"epochs": 1.0, "min_steps": 0}, ["min_steps"]),
        ({"steps": 0}, ["steps"]),
        ({"steps": 1, "batch_size": 0, "evaluations": 0}, ["batch_size", "evaluations"]),
        ({"epochs": 1.0, "batch_size": "full", "select": "last"}, []),
    ],
)
def test_faults(given, keys):
    assert [fault.key for fault in Budget(**given).faults()] == keys


def test_steps_win_over_epochs():
    assert Budget(epochs=20.0, steps=7).steps_for([]) == 7


def test_patience_is_a_number_of_evaluations():
    assert [f.key for f in Budget(steps=5, patience=0).faults()] == ["patience"]
    assert not list(Budget(steps=5, patience=1).faults())
