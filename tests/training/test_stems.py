"""What sources ask of a network below its body."""

import pytest
from torch import nn

from mtlrun.data.task import SourceInfo, SuiteInfo, Task
from mtlrun.errors import ConfigError
from mtlrun.training.stems import body_inputs, stems_of

ROWS = {"train": 2, "val": 1, "test": 1}
WIDE = SourceInfo("wide", (5,), ROWS, stem=3, embedded=((2, 1),))
NARROW = SourceInfo("narrow", (2,), ROWS, stem=3)
PLAIN = SourceInfo("plain", (5,), ROWS)


class Make:
    """Builds modules and remembers their names."""

    def __init__(self):
        self.names = []

    def module(self, name, factory):
        self.names.append(name)
        return factory()


def test_a_body_takes_what_stems_give_or_inputs_as_they_are():
    assert body_inputs([WIDE, NARROW]) == ((3,), ())
    assert body_inputs([PLAIN]) == ((5,), ())
    embedded = SourceInfo("one", (5,), ROWS, embedded=((2, 1),))
    assert body_inputs([embedded]) == ((5,), ((2, 1),))


@pytest.mark.parametrize(
    "sources",
    (
        (PLAIN, SourceInfo("other", (4,), ROWS)),
        (PLAIN, WIDE),
        (SourceInfo("three", (3,), ROWS), WIDE),  # of the width of the stem, but without one
        (WIDE, SourceInfo("four", (5,), ROWS, stem=4)),
        (PLAIN, SourceInfo("embedded", (5,), ROWS, embedded=((2, 1),))),
    ),
)
def test_sources_that_differ_are_refused(sources):
    with pytest.raises(ConfigError, match="must have inputs of one shape"):
        body_inputs(sources)


def test_a_stem_is_owned_by_the_task_that_alone_reads_its_source():
    tasks = tuple(
        Task(str(place), "regression", 1, source, ("mse",)) for place, source in enumerate((1, 0, 1))
    )
    make = Make()
    stems, readers = stems_of(SuiteInfo(tasks, (WIDE, NARROW)), make)
    assert make.names == ["stem/wide", "stem/narrow"]
    assert readers == [1, None]
    assert [stem[-1].out_features for stem in stems] == [3, 3]
    assert [stem[-1].in_features for stem in stems] == [
        4,
        2,
    ]  # three numbers and an embedding of one; two numbers
    assert isinstance(stems[1], nn.Sequential)
    assert stems_of(SuiteInfo(tasks[:1], (PLAIN,)), make) == ([], [])
