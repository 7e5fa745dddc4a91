"""The gate's own training: the cells of a lock file again, at the lock's config, on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtlrun.config import build, check_node, to_node
from mtlrun.data.checks.fingerprints import Digests, data_digests
from mtlrun.errors import ConfigError, Fault, LockError
from mtlrun.execution.batch import Watcher, batch_of, train
from mtlrun.execution.coordination.heartbeat import Heartbeat
from mtlrun.gate.check import check
from mtlrun.gate.result import GateResult
from mtlrun.planning.cell import Cell, resplit_of
from mtlrun.planning.manifest import study_runs
from mtlrun.planning.run_spec import Config, RunSpec
from mtlrun.planning.runs import PARTS, config_id, source_digests
from mtlrun.planning.study import Study, add_runs
from mtlrun.planning.study_spec import StudySpec
from mtlrun.prepare.checks import prepare
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.schema import fields, whole
from mtlrun.store.store import Store
from mtlrun.trust import Trust

SHARES = (0.5, 0.25, 0.25)
"""Of the level, for each look where seeds may be added; together they are 1, so all looks keep it (Bonferroni)."""

FEWEST = 6
"""Seeds to begin with where seeds may be added: so many equal ones decide at the first look, as 2^-6 < 0.05 / 2."""

DTYPES = ("float32", "float64", "tf32", "bfloat16")


def _batch_size(value: Any, key: str) -> Iterator[Fault]:
    if value != "full":
        yield from whole(1)(value, key)


_BUDGET = fields({"steps": whole(1), "batch_size": _batch_size, "evaluations": whole(1)})

Numbers = dict[str, int]
"""How many of its locked seeds each cell has, by the lock's cell id."""


def machine_faults(overrides: Sequence[str]) -> list[Fault | str]:
    """Return a fault for each override of something else than this machine: the lock holds all the rest."""
    keys = [text.partition("=")[0] for text in overrides]
    keys_here = "`device`, `launch.KEY` and `checkpoint.KEY` say how to train"
    rule = f"cannot be set here: the lock holds the config; {keys_here}"
    return [Fault(key, rule) for key in keys if key.split(".")[0] not in ("device", "launch", "checkpoint")]


def rerun(
    locked: Mapping[str, Any],
    jobs: Sequence[Mapping[str, Any]],
    watcher: Watcher,
    *,
    study: str | None = None,
    margin: float | None = None,
    seeds: int | None = None,
    add_seeds: int = 0,
    trust: Trust | None = None,
) -> GateResult:
    """Train what the store lacks of a lock's cells, and check them; add seeds while a row is undecided, if allowed.

    Where seeds may be added it is looked at up to three times, each time with the share of the level that `SHARES`
    gives, and a row stays as the first look that decided it has it. The seeds are always the lock's own, so that all
    are paired: a seed that the lock does not have could only be compared with the others as a sample.

    Args:
        locked: what `read_lock` gave.
        jobs: one job, for its store, device and launcher.
        watcher: hears how it goes.
        study: the name under which the store keeps it; the lock's with `-rerun` where None.
        margin: as of `mtlrun.gate.check.check`.
        seeds: how many of the locked seeds of each cell to begin with; where splits vary and repeat, rounded up to as
            many of each split. Where None all, or those that `add_seeds` leaves, `FEWEST` at least.
        add_seeds: how many of them may be added to each cell while it is undecided.
        trust: whose code the lock may name; only what is always trusted where None.

    Raises:
        LockError: the lock holds no configs, or lacks some.
        ConfigError: faults in the job, or in configs that this version or this machine cannot train.
    """
    spec = _checked(jobs, seeds, add_seeds)
    _check_complete(locked)
    configs = [config for cell in locked["cells"] for config in _configs(cell)]
    (trust or Trust()).check("the lock file", configs)
    had = {cell["cell_id"]: len(cell["seeds"]) for cell in locked["cells"]}
    splits = {cell["cell_id"]: (cell.get("resplit") or {}).get("splits") or 1 for cell in locked["cells"]}
    first = {
        key: min(n, whole_splits(seeds or max(n - add_seeds, FEWEST), splits[key])) for key, n in had.items()
    }
    most = {key: min(n, whole_splits(first[key] + add_seeds, splits[key])) for key, n in had.items()}
    shares = SHARES if most != first else (1.0,)
    result, numbers = None, first
    for share, after in zip(shares, [*shares[1:], 1.0], strict=True):
        again = locked_study(locked, spec, study or f"{locked['study']}-rerun", numbers)
        manifest, summary = _trained(again, locked.get("command", []), watcher)
        stored = {run_id: run.plain for run_id, run in again.runs.items()}
        now = check(locked, manifest, summary, margin, stored=stored, share=share, planned=after)
        result = now if result is None else now.after(result)
        more = {
            key: min(whole_splits(n, splits[key]), most[key])
            for key, n in _more(result, numbers, most).items()
        }
        if result.exit_code != 3 or more == numbers:
            break
        numbers = more
    assert result is not None
    return result


def _checked(jobs: Sequence[Mapping[str, Any]], seeds: int | None, add_seeds: int) -> StudySpec:
    """Return what one job asks for; raise ConfigError unless it and the numbers of seeds are good."""
    faults: list[Fault | str] = (
        [Fault("--seeds", "must be at least 1", seeds)] if seeds is not None and seeds < 1 else []
    )
    faults += [Fault("--add-seeds", "must not be negative", add_seeds)] if add_seeds < 0 else []
    try:
        spec = prepare(jobs[:1])
    except ConfigError as error:
        faults += error.faults
    faults += ["`--rerun` trains once, and takes no sweep"] if len(jobs) > 1 else []
    if faults:
        raise ConfigError(faults)
    return spec


def locked_study(locked: Mapping[str, Any], spec: StudySpec, name: str, numbers: Numbers) -> Study:
    """Return the study of a lock's cells, each with its first `numbers` seeds, as this version trains it.

    Args:
        locked: what `read_lock` gave.
        spec: store, device and launcher.
        name: under which the store keeps it.
        numbers: of seeds.

    Raises:
        ConfigError: a config has settings or classes that are not known here.
    """
    faults = {str(f): f for cell in locked["cells"] for c in _configs(cell) for f in _config_faults(c)}
    if faults:
        raise ConfigError(list(faults.values()))
    runs: dict[str, RunSpec] = {}
    cells, memo = [], spec.memo
    for kept in locked["cells"]:
        seeds = kept["seeds"][: numbers[kept["cell_id"]]]
        data = memo(data_digests, to_node(build(kept["config"]["suite"])), seeds[0])
        config = _current(kept["config"], data)
        about = {key: value for key, value in kept.items() if key in Cell.__dataclass_fields__}
        own = {"config": config, "cell_id": config_id(config), "seeds": seeds}
        own["resplit"] = resplit_of(build(config["suite"]))  # older locks have one ratio for all tasks
        own["runs"] = add_runs(config, seeds, runs, memo)
        own["baselines"] = {
            t: add_runs(_current(c, {t: data[t]} if data else {}), seeds, runs, memo)
            for t, c in kept["baselines"].items()
        }
        cells.append(Cell(**{**about, **own}))
    jobs = [[cell.cell_id] for cell in cells]
    own_spec = replace(spec, name=name, statistics=dict(locked["statistics"]), stop={})
    return Study(own_spec, cells, runs, jobs)


def _trained(study: Study, command: Sequence[str], watcher: Watcher) -> tuple[dict[str, Any], Summary]:
    """Train what is missing; return the manifest and the results."""
    store = Store(study.spec.store)
    batch = batch_of(study, store, trains=True)
    manifest = study.manifest(command)
    store.write_study(manifest)
    with Heartbeat(store, study.spec.name, []) as heartbeat:
        train(batch, watcher, heartbeat)
    ids = study_runs(manifest["cells"])
    return manifest, summarise(manifest, store.runs(ids), store.curves(ids), store.scores(ids))


def _more(result: GateResult, numbers: Numbers, most: Numbers) -> Numbers:
    """Return the numbers of seeds for the next look: of undecided cells as many as needed, where allowed."""
    more = dict(numbers)
    for row in result.rows:
        cell_id = row.locked["cell_id"]
        if row.outcome == "underpowered":
            needed = row.seeds_needed or most[cell_id]
            more[cell_id] = max(more[cell_id], min(max(needed, numbers[cell_id] + 1), most[cell_id]))
    return more


def whole_splits(number: int, splits: int) -> int:
    """Return a number of seeds, rounded up so that each split has equally many."""
    return -(-number // splits) * splits


def _check_complete(locked: Mapping[str, Any]) -> None:
    cells = {cell["cell_id"]: cell for cell in locked.get("cells", ())}
    if not cells:
        raise LockError(
            "this lock file holds no configs (schema version 1), so it cannot be trained anew: repeat the study's "
            "command and check its results, or lock it again"
        )
    for row in locked["rows"]:
        if row["task"] not in cells.get(row["cell_id"], {"baselines": {}})["baselines"]:
            raise LockError(
                f"the lock file holds no baseline of task `{row['task']}` in cell {row['cell_id']}, as none was "
                "trained: finish the study and lock it again"
            )


def _configs(cell: Mapping[str, Any]) -> list[Config]:
    return [cell["config"], *cell["baselines"].values()]


def _config_faults(config: Config) -> Iterator[Fault]:
    for key in ("budget", "dtype"):
        if key not in config:
            yield Fault(key, "must be in every config of the lock file")
            return
    yield from _BUDGET(config["budget"], "budget")
    if config["dtype"] not in DTYPES:
        yield Fault("dtype", "must be a precision", config["dtype"], DTYPES)
    for group in PARTS:
        yield from check_node(group, config.get(group, {}))


def _current(config: Config, data: Digests) -> Config:
    """Return a locked config as this version has it: with new settings, and the digests of own code and data."""
    parts = {group: to_node(build(config[group])) for group in PARTS}
    digests = source_digests(parts.values())
    rest = {key: value for key, value in config.items() if key not in (*PARTS, "sources", "data")}
    own = ({"sources": digests} if digests else {}) | ({"data": data} if data else {})
    return {**parts, **rest, **own}
