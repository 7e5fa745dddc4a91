"""Suite `arrays`: an .npz file with inputs and the targets of tasks, all tasks on the same inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mtlrun.data.arrays.array_file_faults import file_faults
from mtlrun.data.arrays.array_settings import ArraySettings
from mtlrun.data.arrays.first_look import look
from mtlrun.data.arrays.notes import notes
from mtlrun.data.tables.first_look.look import Look


@dataclass
class ArrayFile(ArraySettings):
    """Tasks on the arrays of one file, as `numpy.savez("my.npz", inputs=x, left=y1, right=y2)` writes it.

    The file holds `inputs`, numbers (N, D) or images (N, colours, height, width), and a target for each task, (N,) or
    (N, K), under the task's name. It may hold `groups` (N,), whose rows stay in one part of the split, and `split`
    (N,), which says train, val or test. NaN and empty text mark missing targets. Inputs are standardised by the
    training rows, images for each colour. Regression targets are standardised for training and measured in their own
    unit. Kinds of tasks are inferred as for `suite=table`. Run ids depend on the values in the arrays, not on where
    the file lies or on its floating-point type.

    Attributes:
        path: The file, .npz.
        name: What reports call the suite.
        kinds: By task name its kind, where it should not be inferred.
        metrics: By task name or kind its primary metric, or several of which the first is primary.
        val: Rows of the validation part: a number, or a fraction of the rows that are divided.
        test: The same of the test part.
        stratify: Task by which rows are spread evenly, or several, whose combinations are; None takes the first, ""
            none.
        standardise: Inputs, by mean and deviation of the training part; where false, images of bytes go from 0 to 1.
        flip: Mirror images of training batches at random.
        crop: Move images of training batches at random, by at most so many pixels.
        content: What tells the data; found when it is None, checked otherwise.
    """

    def faults(self) -> Iterator[Any]:
        """Yield everything that is wrong with the settings, or with the file."""
        before = list(file_faults(self))
        yield from before
        if not before:
            yield from super().faults()

    def looks(self) -> list[Look]:
        """Return a first look at the arrays."""
        return [look(self)]

    def notes(self) -> Iterator[str]:
        """Yield what may be meant otherwise, and rows that are left out."""
        return notes(self)
