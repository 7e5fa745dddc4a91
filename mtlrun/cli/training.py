"""Commands that train, or say what they would train: `run`, `sweep`, `plan`, `check`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from mtlrun.cli.models import trust_of
from mtlrun.cli.output import say, tell, write_file, write_out
from mtlrun.cli.reading import picture_hint, print_report
from mtlrun.cli.signals import postponed
from mtlrun.errors import ConfigError
from mtlrun.text.pluralize import pluralize
from mtlrun.text.printable import plain_json


def run(arguments: argparse.Namespace) -> int:
    """Train what a command asks for, then print the transfer table."""
    with postponed():
        from mtlrun.study import train_study
    from mtlrun.progress import Progress

    progress = Progress(sys.stderr)
    trained = train_study(arguments.overrides, arguments.config_dir, progress)
    results = trained.results()
    print_report(results)
    if trained.is_replaced():
        told = f"another command has replaced study `{trained.study}` while this one trained; its runs are stored"
        tell(f"mtlrun: {told}: repeat it with study=NAME to keep it")
        return 1
    if progress.has_trained:
        tell(picture_hint(str(trained.store.path), trained.study))
    trained.track(progress)
    counts = results.counts
    if counts["failed"] or counts["diverged"] or counts["missing"]:
        failed = pluralize(counts["failed"], "run")
        missing = f", {counts['missing']:,} not stored" if counts["missing"] else ""
        tell(f"mtlrun: {failed} failed, {counts['diverged']:,} diverged{missing}")
        for error in results.errors():
            tell(f"  {error}")
        return 1
    return 0


def plan(arguments: argparse.Namespace) -> int:
    """Print what a command would train and reuse; train nothing."""
    with postponed():
        from mtlrun.study import plan_study

    planned = plan_study(arguments.overrides, arguments.config_dir)
    for note in planned.notes:
        tell(note)
    if arguments.format == "json":
        write_out(plain_json(json.dumps(planned.plan, indent=1)))
    else:
        say(str(planned.plan))
    planned.check_memory()  # after the plan, which shows how large it is
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Test stored results against a lock file, or those of training it again."""
    from mtlrun.gate.check import check as check_lock
    from mtlrun.gate.formats import check_format, render
    from mtlrun.gate.lockfile import read_lock
    from mtlrun.results import Results
    from mtlrun.store.store import Store

    chosen = check_format(arguments.format, arguments.output)
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if arguments.github_summary and not step_summary:
        raise ConfigError(["`--github-summary` needs GITHUB_STEP_SUMMARY, which GitHub Actions sets"])
    locked = read_lock(arguments.file)
    if arguments.rerun:
        result = _rerun(locked, arguments)
    else:
        if arguments.overrides or arguments.seeds is not None or arguments.add_seeds:
            raise ConfigError(
                [
                    "overrides, `--seeds` and `--add-seeds` go with `--rerun` only; a store is named by `--store`"
                ]
            )
        found = Results.read(Store(arguments.store), arguments.study or locked["study"])
        result = check_lock(locked, found.manifest, found.summary, arguments.margin, stored=found.configs)
    if arguments.output:
        write_file(arguments.output, render(result, chosen))
    write_out(render(result, "terminal" if arguments.output else chosen, sys.stdout), end="")
    if arguments.github_summary and step_summary:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(render(result, "md"))
    return result.exit_code


def _rerun(locked: dict[str, Any], arguments: argparse.Namespace) -> Any:
    """Train what the lock holds, on this machine, and check it."""
    with postponed():
        from mtlrun.execution.rerun import machine_faults, rerun
    from mtlrun.compose import jobs_of, override_text
    from mtlrun.execution.new_runs import telling_stored
    from mtlrun.prepare.checks import job_faults
    from mtlrun.progress import Progress
    from mtlrun.store.store import Store

    faults = machine_faults(arguments.overrides)
    if faults:
        raise ConfigError(faults)
    overrides = [*arguments.overrides, override_text("store", arguments.store)]
    settings = {"study": arguments.study, "margin": arguments.margin}
    settings |= {"seeds": arguments.seeds, "add_seeds": arguments.add_seeds, "trust": trust_of(arguments)}
    with telling_stored({arguments.store: Store(arguments.store)}):
        return rerun(locked, jobs_of(overrides, job_faults=job_faults), Progress(sys.stderr), **settings)
