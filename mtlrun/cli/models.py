"""Commands that use the weights of a run: `export` and `predict`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mtlrun.cli.output import tell, write_file, write_out
from mtlrun.errors import ConfigError, Fault
from mtlrun.text.pluralize import pluralize


def export(arguments: argparse.Namespace) -> int:
    """Write a run's model, which plain PyTorch loads."""
    from mtlrun.trained.export import export as write_model

    run = _saved_run(arguments)
    write_model(run, Path(arguments.output))
    tell(f"wrote run {run.run_id} to {arguments.output}: model.py, weights.safetensors, about.json")
    return 0


def predict(arguments: argparse.Namespace) -> int:
    """Write what a run predicts for new inputs."""
    from mtlrun.trained.predict import predict as predictions
    from mtlrun.trained.prediction_files import form_of, written

    form = form_of(arguments.output)
    run, paths = _saved_run(arguments), [Path(path) for path in arguments.data]
    table = predictions(run, paths)
    for note in run.suite.fresh_notes(paths):
        tell(note)
    content = written(table, form)
    if arguments.output is None:
        write_out(content.decode(), end="")
    else:
        write_file(arguments.output, content)
        tell(f"wrote {pluralize(len(table), 'prediction')} to {arguments.output}")
    return 0


def trust_of(arguments: argparse.Namespace) -> Any:
    """Return whose code may run where a lock file or a store names it."""
    from mtlrun.catalog import options_of
    from mtlrun.trust import Trust

    return Trust(arguments.trust, options_of([Path(folder) for folder in arguments.config_dir]))


def _saved_run(arguments: argparse.Namespace) -> Any:
    from mtlrun.store.store import Store
    from mtlrun.trained.saved_run import saved_run

    store = Store(arguments.store)
    run = saved_run(store, arguments.run, arguments.checkpoint, trust_of(arguments))
    if arguments.study is not None:
        from mtlrun.planning.manifest import study_runs

        if run.run_id not in study_runs(store.read_study(arguments.study)["cells"]):
            rule = f"must be a study that has run {run.run_id}"
            raise ConfigError([Fault("study", rule, arguments.study)])
    return run
