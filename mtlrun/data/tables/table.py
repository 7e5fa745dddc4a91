"""Suite `table`: a file with a row for each example, all tasks on the same inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtlrun.data.tables.faults import table_faults
from mtlrun.data.tables.first_look.look import Look, look
from mtlrun.data.tables.first_look.notes import notes
from mtlrun.data.tables.predict_inputs import fresh_inputs, fresh_notes
from mtlrun.data.tables.settings import TableSettings
from mtlrun.errors import Fault


@dataclass
class Table(TableSettings):
    """Tasks on the columns of one table.

    Numbers, dates and true or false are standardised, categories are a number for each or an embedding, gaps in
    inputs are the mean of the column with a number more that tells them; all by the training rows. Targets may be
    missing in any row, which then trains the other tasks. Regression is standardised for training and measured in its
    own unit. Run ids depend on what the columns hold, not on where the file lies or how it is written.

    Attributes:
        path: The file: .csv, .tsv, .txt, .parquet, .feather, .arrow, .xlsx.
        targets: By task name the column that it predicts, or columns that are labels or amounts of one task.
        inputs: Columns; None takes all that are no target, group, split, ignored, or text of too many kinds.
        ignored: Columns that are no inputs.
        types: By column what it holds where that is not to be inferred: number, category, boolean, date, or the form
            of its dates as %d.%m.%Y.
        kinds: By task name its kind, where it should not be inferred.
        metrics: By task name or kind its primary metric, or several of which the first is primary.
        categories: `onehot`, or `embedded` for an embedding of each, learned in the first layer.
        embedding: Numbers of an embedding, at most; half of the classes, rounded up, where these are fewer.
        most_categories: Columns of text with more are no inputs, unless they are named.
        group: Column of groups, of which each is in one part of the split.
        split: Column that says each row's part: train, val or test.
        val: Rows of the validation part: a number, or a fraction of the rows that are divided.
        test: The same of the test part.
        stratify: Column by which rows are spread evenly, or several, whose combinations are; None takes that of the
            first target.
        delimiter: Between values of a text file; as `semicolon` or ;. None finds out.
        decimal: The sign before decimals in a text file.
        encoding: Of a text file.
        missing: Words that count as missing, in addition to those of `missing.DEFAULT`; a list with one of these, or
            [], has all that count besides the empty cell.
        sheet: Of a workbook; None takes the first.
        content: What tells the data; found when it is None, checked otherwise.
        rare: What is done with classes of few rows, of targets with more than two: `keep`, `join` into one class, or
            `drop`, which leaves their rows without a label of this task.
        rare_below: Rows of the table under which a class is rare.
        duplicates: `together` keeps rows with equal inputs in one part of the split.
    """

    def faults(self) -> Iterator[Fault]:
        """Yield everything that is wrong with the settings, or with the table."""
        before = list(table_faults(self))
        yield from before
        if not before:
            yield from super().faults()

    def notes(self) -> Iterator[str]:
        """Yield columns left out, rows that are in two parts, and inputs that tell a target alone."""
        return notes(self)

    def looks(self) -> list[Look]:
        """Return a first look at the table."""
        return [look(self)]

    def examples_of(self, paths: Sequence[Path], seed: int) -> list[np.ndarray]:
        """Return the inputs of other tables, one a source, prepared as those of this seed's run were."""
        (source,) = self.info().sources
        train = self.rows_of(source.rows["train"], self.split_seed(seed))["train"]
        return [fresh_inputs(self, replace(self.file(), path=str(path)), train) for path in paths]

    def fresh_notes(self, paths: Sequence[Path]) -> Iterator[str]:
        """Yield the categories of other tables that this one does not have."""
        for path in paths:
            yield from fresh_notes(self, replace(self.file(), path=str(path)))
