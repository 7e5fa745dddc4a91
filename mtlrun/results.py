"""What a study found, for notebooks and scripts: tidy tables, sentences, files and pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtlrun.errors import ConfigError, Fault
from mtlrun.planning.manifest import study_runs
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.analysis.training.diagnostics import COSINES
from mtlrun.report.formats.pictures import show_in_notebook
from mtlrun.report.formats.registry import render, report_format
from mtlrun.report.levels import LEVELS, load
from mtlrun.report.printable_summary import printable_summary
from mtlrun.report.tables import filtered, table
from mtlrun.report.text.sentences import sentences
from mtlrun.store.files import write_whole
from mtlrun.store.store import Store

if TYPE_CHECKING:
    import pandas as pd


class Results:
    """A stored study, as `mtlrun.run` and `mtlrun.load` return it.

    Reading results runs no code that a store names, so nothing has to be trusted as with `mtlrun predict --trust`:
    configs are data here, whoever wrote the store, and nothing in them is imported or built (SECURITY.md).

    Tables are DataFrames with the columns of the report (docs/statistics.md); the settings that vary within the
    study, as `suite.train_size`, are columns of their own in place of `hyper`. `str(results)` is the report of the
    command line, and a notebook shows it.

    Args:
        manifest: what the study asked for.
        summary: what it found.
        configs: canonical config of every stored run, by run id.
        failures: errors of failed runs, in full.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        summary: Summary,
        configs: Mapping[str, Mapping[str, Any]],
        failures: Sequence[str] = (),
    ) -> None:
        self.manifest, self.summary, self.configs, self._failures = manifest, summary, configs, failures

    @classmethod
    def read(
        cls,
        store: Store,
        study: str | None = None,
        configs: bool = True,
        manifest: Mapping[str, Any] | None = None,
    ) -> Results:
        """Return the results of a stored study, whole or interrupted.

        Args:
            store: where it is kept.
            study: its name; None for the one written last.
            configs: whether everything is read at once. Without, as for one report: no configs and errors of runs,
                and whole curves only once a table or picture shows them, from the store as it is then.
            manifest: of the study, where it is known: another command may have replaced the stored one.

        Raises:
            StoreError: there is no such study, or it cannot be read.
        """
        if manifest is None:
            manifest = store.read_study(study)
        ids = study_runs(manifest["cells"])
        if not configs:
            metrics = {task["metric"] for cell in manifest["cells"] for task in cell["tasks"]}
            return cls(manifest, summarise(manifest, *store.judged(ids, metrics)), {})
        runs = store.runs(ids)
        known = dict(zip(runs["run_id"], runs["config"], strict=True))
        summary = summarise(manifest, runs, store.curves(ids), store.scores(ids))
        return cls(manifest, summary, known, runs["error"][runs["status"] == "failed"].tolist())

    @property
    def study(self) -> str:
        """The name of the study."""
        return self.summary.study

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are `finished`, `diverged`, `failed` or `missing`."""
        return dict(self.summary.counts)

    def errors(self) -> list[str]:
        """Return the first lines of the errors of failed runs, each once; the store has them in full."""
        return list(dict.fromkeys(error.partition("\n")[0] for error in self._failures))

    @property
    def rows(self) -> pd.DataFrame:
        """One task under one cell each: gain, interval, p, verdict."""
        return self.table("rows")

    @property
    def runs(self) -> pd.DataFrame:
        """One seed of a row each: both values, their difference, run ids."""
        return self.table("runs")

    @property
    def curves(self) -> pd.DataFrame:
        """One metric value each, over training, of the multi-task run and of its baseline (`side`)."""
        return self.table("curves")

    @property
    def contrasts(self) -> pd.DataFrame:
        """Each mitigation against `none` on one task."""
        return self.table("contrasts")

    @property
    def suites(self) -> pd.DataFrame:
        """One suite under one cell each: delta-m, tasks hurt and helped."""
        return self.table("suites")

    @property
    def cost(self) -> pd.DataFrame:
        """What each cell cost: operations, seconds, memory, parameters."""
        return self.table("cost")

    @property
    def diagnostics(self) -> pd.DataFrame:
        """One value of a seed each: gradient cosines and task weights over training, and overfitting gaps."""
        return self.table("diagnostics")

    def table(self, level: str) -> pd.DataFrame:
        """Return any table of the report, by the name that `mtlrun report --level` has for it.

        Raises:
            ConfigError: there is no such table.
        """
        with _python_names():
            return _tidy(table(self.summary, level))

    def where(self, **filters: Any) -> Results:
        """Return the results with only what has these values, by column, as `task="left"`.

        Statistics stay as they are: a filter never shrinks the family that p values were adjusted in.

        Raises:
            ConfigError: an unknown column, or a value that no row has.
        """
        texts = {name: str(value) for name, value in filters.items()}
        with _python_names():
            return Results(self.manifest, filtered(self.summary, texts), self.configs, self._failures)

    def plot_gains(self, ax: Any = None, **look: Any) -> Any:
        """Draw every gain with its interval: a forest plot.

        Args:
            ax: axes of matplotlib to draw into, one for each panel; None makes a figure.
            look: `size` (`one-column`, `two-column`, `wide`) and `style` (a file or name of a matplotlib style).

        Returns:
            The axes, a list where there are several panels. A notebook shows a figure that was made.

        Raises:
            ConfigError: there is nothing to draw, or there are too few axes.
        """
        return self._plot("rows", ax, look)

    def plot_gain_over(self, setting: str | None = None, ax: Any = None, **look: Any) -> Any:
        """Draw gains with their intervals against a numeric setting that varies, as `suite.train_size`.

        Args, returns and errors are as of `plot_gains`; `setting` may be left out where only one varies.
        """
        return self._plot("gain_over", ax, look, over=setting)

    def plot_curves(self, ax: Any = None, **look: Any) -> Any:
        """Draw learning curves of multi-task runs and of their baselines; all is as of `plot_gains`."""
        return self._plot("curves", ax, look)

    def plot_diagnostics(
        self, quantity: str | None = None, ax: Any = None, layer: str | None = None, **look: Any
    ) -> Any:
        """Draw a recorded quantity over training, as `gradient_cosines` or `weights`; all is as of `plot_gains`.

        With `layer`, as `layer 1`, the cosines of that layer's gradients; `all` draws a panel for each layer.

        Raises:
            ConfigError: also where a layer goes with another quantity than cosines.
        """
        if layer is None:
            return self._plot("diagnostics", ax, look, quantity=quantity)
        if quantity not in (None, COSINES):
            raise ConfigError([Fault("quantity", "must be recorded by layer", quantity, [COSINES])])
        return self._plot("layers", ax, look, layer=layer)

    def plot_matrix(self, ax: Any = None, **look: Any) -> Any:
        """Draw who helps whom, for a study of pairs of tasks; all is as of `plot_gains`."""
        return self._plot("matrix", ax, look)

    def _plot(self, level: str, ax: Any, look: Mapping[str, Any], **choices: Any) -> Any:
        given = {name: value for name, value in choices.items() if value is not None}
        with _python_names():
            drawn = load(LEVELS[level].picture)(printable_summary(self.summary), ax, **look, **given)
        if ax is not None:
            return drawn
        show_in_notebook(drawn)
        return drawn.axes[0] if len(drawn.axes) == 1 else drawn.axes

    def sentences(self) -> list[str]:
        """Return what the study found in words, and what its verdicts are about."""
        return sentences(self.summary)

    def write(self, path: str | os.PathLike[str], level: str = "rows", format: str | None = None) -> None:
        """Write a report in a format of `mtlrun report --format`; None for the one that the file's ending says.

        Raises:
            ConfigError: no format has this ending, or it lacks the table `level`.
            OSError: the file cannot be written.
        """
        with _python_names():
            content = render(self.summary, report_format(format, os.fspath(path)), level)
        data = content.encode() if isinstance(content, str) else content
        write_whole(Path(path), lambda file: file.write(data))

    def __str__(self) -> str:
        text = render(self.summary)
        assert isinstance(text, str)
        return text

    def __repr__(self) -> str:
        return f"<mtlrun.Results of study {self.study!r}: {len(self.summary.rows)} rows>"

    def _repr_html_(self) -> str:
        return f'<pre style="line-height: 1.2; white-space: pre">{escape(str(self))}</pre>'


_ARGUMENTS = {"filter": "where", "output": "path", "over": "setting"}
"""Options of the command line that are called otherwise in Python."""


@contextmanager
def _python_names() -> Iterator[None]:
    """Let errors name arguments where they would name options of the command line."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError([_python_named(fault) for fault in error.faults]) from None


def _python_named(fault: Fault | str) -> Fault | str:
    if isinstance(fault, Fault):
        return fault._replace(key=str(_python_named(fault.key)), rule=str(_python_named(fault.rule)))
    return re.sub(r"--([a-z]+)", lambda option: _ARGUMENTS.get(option[1], option[1]), fault)


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a column for each setting in `hyper`."""
    if "hyper" not in frame:
        return frame.reset_index(drop=True)
    keys = dict.fromkeys(key for hyper in frame["hyper"] for key in hyper)
    place = list(frame.columns).index("hyper")
    found = frame.drop(columns="hyper").reset_index(drop=True)
    for number, key in enumerate(keys):
        found.insert(place + number, key, [hyper.get(key) for hyper in frame["hyper"]])
    return found
