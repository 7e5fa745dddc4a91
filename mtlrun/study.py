"""Studies: what a call or a command trains, and what it returns. The command line is one of the users.

Settings are overrides as on the command line, or the same keys with Python values.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from mtlrun.catalog import options_of
from mtlrun.compose import jobs_of, multirun, override_text
from mtlrun.compose.preset_notes import preset_notes
from mtlrun.config import build, to_node
from mtlrun.errors import ConfigError, Fault
from mtlrun.execution.batch import Batch, Watcher, objectives, plan_batch, plan_trials, train_batch
from mtlrun.execution.new_runs import telling_stored
from mtlrun.execution.plan_facts import plan_facts, plan_text
from mtlrun.planning.manifest import asks_the_same
from mtlrun.prepare.checks import job_faults, prepare
from mtlrun.prepare.suite_notes import suite_notes
from mtlrun.prepare.too_large import check_memory
from mtlrun.progress import Progress
from mtlrun.store.store import ARRAYS, Store
from mtlrun.trackers.process import write_trackers

if TYPE_CHECKING:
    from mtlrun.results import Results

DEFAULT_STORE = "runs"

WHOLE = ("seeds", "controls", "tune", "tracker")
"""Keys for which a list is one value, and no sweep; also those below them, as `tune.optimizer.lr`."""

CLUSTERS = ("slurm", "ray")
"""Launchers that never train in this process."""


class Plan(dict[str, Any]):
    """What would be trained, as `mtlrun plan --format json` prints it; `str(plan)` says it in words."""

    def __str__(self) -> str:
        return plan_text(self)


def run(
    *overrides: str,
    config_dirs: Sequence[str | os.PathLike[str]] = (),
    progress: bool = True,
    **settings: Any,
) -> Results:
    """Train what the store lacks of a study, single-task baselines included, and return its results.

    Example:
        ```python
        results = mtlrun.run("suite=digits_two", mitigation=["none", "pcgrad"], seeds=10)
        results.rows[["task", "mitigation", "gain_pct", "verdict"]]
        ```

    Args:
        overrides: as on the command line: `"optimizer.lr=0.01,0.1"`.
        config_dirs: folders with options of your own.
        progress: whether progress is shown on standard error.
        settings: the same keys with Python values. A list sweeps, but for `seeds`, `controls`, `tracker` and what
            is below `tune`; a tuple is one list. A mapping sets keys of a group: `budget={"epochs": 5}`. A suite may
            be an `ArraySuite`, or an object of a dataclass derived from `mtlrun.data.suite.Suite`.

    Raises:
        ConfigError: every fault of the settings; nothing was trained.
        StoreError: the store cannot be read or written.
        WorkerError: no worker process can be started; what was stored stays, and the same call goes on from there.
        KeyboardInterrupt: `mtlrun cancel` has ended it; likewise.
    """
    with _written(overrides, settings, config_dirs, keep=True) as asked:
        watcher = Progress(sys.stderr) if progress else Watcher()
        trained = train_study(asked.overrides, asked.folders, watcher)
    results = trained.results()
    trained.track(watcher)
    return results


def plan(*overrides: str, config_dirs: Sequence[str | os.PathLike[str]] = (), **settings: Any) -> Plan:
    """Return what `run` with the same arguments would train and reuse; train nothing.

    Raises:
        ConfigError: every fault of the settings.
        StoreError: the store cannot be read.
    """
    with _written(overrides, settings, config_dirs, keep=False) as asked:
        return plan_study(asked.overrides, asked.folders).plan


def load(store: str | os.PathLike[str] = DEFAULT_STORE, study: str | None = None) -> Results:
    """Return the results of a stored study.

    No code that the store names is imported or run, so there is nothing to trust as with `mtlrun predict --trust`;
    models are run by `mtlrun export` and `mtlrun predict` alone.

    Args:
        store: its folder.
        study: its name; None for the one written last.

    Raises:
        StoreError: there is no such study, or it cannot be read.
    """
    from mtlrun.results import Results

    return Results.read(Store(store), study)


class Trained(NamedTuple):
    """A study after training.

    Attributes:
        store: where its runs are.
        study: its name.
        manifest: what was asked for, all batches together.
        trackers: node of each tracker that gets it, by name.
    """

    store: Store
    study: str
    manifest: Mapping[str, Any]
    trackers: Mapping[str, Mapping[str, Any]]

    def results(self) -> Results:
        """Return what was asked for, also where another command has replaced the study meanwhile."""
        from mtlrun.results import Results  # with all of a report, which planning spares

        return Results.read(self.store, self.study, manifest=self.manifest)

    def is_replaced(self) -> bool:
        """Return whether another command that asks for something else has replaced the study in the store."""
        return not asks_the_same(self.store.read_study(self.study), self.manifest)

    def track(self, watcher: Watcher) -> None:
        """Write the study to its trackers; what goes wrong is noted, and no error."""
        if self.trackers and self.is_replaced():
            watcher.note(f"another command has replaced study `{self.study}`, so no tracker gets it")
        elif self.trackers:
            write_trackers(self.trackers, self.store.path, self.study, watcher.note)


def train_study(overrides: Sequence[str], folders: Sequence[str], watcher: Watcher) -> Trained:
    """Train what overrides ask for, all at once, or in the batches that a sweeper chooses.

    Raises:
        As of `run`.
    """
    batches = _Batches(overrides, folders, watcher)
    with telling_stored(batches.stores):
        multirun(overrides, batches.train, folders, job_faults)
    assert batches.trained is not None  # a command without jobs is refused
    return batches.trained


class Planned(NamedTuple):
    """A study that is not trained.

    Attributes:
        plan: what training it would mean.
        notes: what a user should know of it.
        batches: what would be trained.
    """

    plan: Plan
    notes: list[str]
    batches: list[Batch]

    def check_memory(self) -> None:
        """Raise ConfigError unless memory holds a run of each program."""
        for batch in self.batches:
            check_memory(batch.programs, batch.there_mib)


def plan_study(overrides: Sequence[str], folders: Sequence[str]) -> Planned:
    """Return what training would mean, however large; train nothing.

    Raises:
        ConfigError: every fault of the settings.
        StoreError: the store cannot be read.
    """
    jobs = jobs_of(overrides, folders, job_faults)
    known = options_of([Path(folder) for folder in folders])
    spec = prepare(jobs, known)
    batch = plan_batch(spec)
    trials = None if spec.tuning is None else plan_trials(spec, spec.tuning, batch.store)
    notes = [*preset_notes(overrides, known), *suite_notes(spec)]
    return Planned(Plan(plan_facts(batch, trials)), notes, [batch] if trials is None else [batch, trials])


class _Batches:
    """Trains the batches of one command into one store."""

    def __init__(self, overrides: Sequence[str], folders: Sequence[str], watcher: Watcher) -> None:
        self.overrides, self.watcher = overrides, watcher
        self.known = options_of([Path(folder) for folder in folders])
        self.stores: dict[str, Store] = {}
        self.trained: Trained | None = None

    def train(self, jobs: Sequence[dict[str, Any]]) -> list[float]:
        """Train a batch, and return each job's mean oriented validation metric."""
        for note in [] if self.trained else preset_notes(self.overrides, self.known):
            self.watcher.note(note)
        spec = prepare(jobs, self.known)
        for note in suite_notes(spec):
            self.watcher.note(note)
        store = self.stores.setdefault(spec.store, Store(spec.store))
        batch = train_batch(spec, self.overrides, self.watcher, store)
        self.trained = Trained(store, spec.name, store.written[spec.name], spec.trackers)
        return objectives(batch)


class _Asked(NamedTuple):
    """What is asked for, as the command line would have it."""

    overrides: list[str]
    folders: list[str]


@contextmanager
def _written(
    overrides: Sequence[str],
    settings: Mapping[str, Any],
    folders: Sequence[str | os.PathLike[str]],
    keep: bool,
) -> Iterator[_Asked]:
    """Write settings as overrides; objects become options in a folder that is there as long as needed.

    Arrays are kept in the store where runs will be trained on them.
    """
    with tempfile.TemporaryDirectory(prefix="mtlrun-") as own:
        texts = [*overrides]
        for key, value in _given(settings, overrides, folders, Path(own), keep).items():
            texts += _override_texts(key, value)
        yield _Asked(
            texts, [*(os.fspath(f) for f in folders), *([own] if Path(own, "suite").is_dir() else [])]
        )


def _given(
    settings: Mapping[str, Any],
    overrides: Sequence[str],
    folders: Sequence[str | os.PathLike[str]],
    own: Path,
    keep: bool,
) -> dict[str, Any]:
    """Return settings with each suite that is an object as the name of an option in the folder `own`."""
    found = dict(settings)
    value = settings.get("suite")
    several = value if isinstance(value, list) else [value]
    objects = [one for one in several if not isinstance(one, str | Mapping | None)]
    if not objects:
        return found
    from mtlrun.data.given import MAIN, suite_node  # with pandas, which a suite by name spares

    local = any(type(one).__module__ == MAIN for one in objects)
    key = "launch.processes"
    asked = {*settings, *(f"launch.{name}" for name in settings.get("launch") or ())}
    elsewhere = _launch_name(settings, overrides) in CLUSTERS
    if local and not elsewhere and not {*asked, *(text.partition("=")[0] for text in overrides)} & {key}:
        found[key] = 1  # other processes do not know the classes of a script or a notebook
    store = Store(_store_name(settings, overrides))
    if keep:
        store.check_writable()
    folder = store.path / ARRAYS if keep else own / ARRAYS
    known = options_of([Path(folder) for folder in folders])["suite"]
    named: list[Any] = []
    for one in several:
        if any(one is given for given in objects):
            node = suite_node(one, folder, workers=found.get(key) != 1)
            node = to_node(build(node))  # with every setting, so that overrides may change it
            name = _free_name(one, {*known, *named})
            (own / "suite").mkdir(exist_ok=True)
            (own / "suite" / f"{name}.yaml").write_text(yaml.safe_dump(node), encoding="utf-8")
            named.append(name)
        else:
            named.append(one)
    found["suite"] = named if isinstance(value, list) else named[0]
    return found


def _launch_name(settings: Mapping[str, Any], overrides: Sequence[str]) -> Any:
    """Return the launcher that is asked for, by name; None for the default."""
    named = [text.removeprefix("launch=") for text in overrides if text.startswith("launch=")]
    return settings.get("launch", named[-1] if named else None)


def _store_name(settings: Mapping[str, Any], overrides: Sequence[str]) -> str:
    """Return the folder of the store that is asked for."""
    for text in reversed(overrides):
        if text.startswith("store="):
            return text.removeprefix("store=")
    return str(settings.get("store", DEFAULT_STORE))


def _free_name(suite: Any, taken: Collection[str]) -> str:
    """Return the option of a suite: its `name`, else its class, with a number where another option is called so."""
    wanted = re.sub(r"\W+", "_", str(getattr(suite, "name", None) or type(suite).__name__), flags=re.ASCII)
    names = (wanted if number == 1 else f"{wanted}_{number}" for number in count(1))
    return next(name for name in names if name not in taken)


def _override_texts(key: str, value: Any) -> list[str]:
    """Return the overrides of one setting."""
    if isinstance(value, Mapping) and "." not in key:
        return [text for name, part in value.items() for text in _override_texts(f"{key}.{name}", part)]
    if not isinstance(value, list) or key.partition(".")[0] in WHOLE:
        return [override_text(key, value)]
    if not value:
        raise ConfigError([Fault(key, "must have a value: an empty list sweeps over nothing", value)])
    return [f"{key}={','.join(override_text(key, one).partition('=')[2] for one in value)}"]
