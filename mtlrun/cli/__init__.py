"""The command line: the only place that prints or exits.

Exit codes: 0 success; 1 the gate found a regression, or some runs failed or diverged; 2 bad input, nothing
trained; 3 the gate could not decide; 130 interrupted, with everything finished so far kept.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mtlrun.cli.arguments import DEFAULT_STORE, Handler, parse
from mtlrun.cli.interrupt import postponed
from mtlrun.cli.output import discard_output, write_out
from mtlrun.errors import ConfigError, Fault, MtlrunError
from mtlrun.pluralize import pluralize

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if sys.stdout is None:  # closed, as by >&-
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # no output fails for a sign that cannot be shown
    try:
        arguments = parse(argv, HANDLERS)
        _add_working_folder(arguments)
        return int(arguments.handler(arguments))
    except MtlrunError as error:
        print(f"mtlrun: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        print(f"mtlrun: interrupted{stop}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        discard_output()
        return 0


def _add_working_folder(arguments: argparse.Namespace) -> None:
    """Let commands that run a user's code import it from the working folder, where nothing else has the name."""
    words = getattr(arguments, "overrides", None) or getattr(arguments, "rerun", False)
    if (arguments.handler in RUN_USER_CODE or words) and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


def run(arguments: argparse.Namespace) -> int:
    """Train what a command asks for, then print the transfer table."""
    from mtlrun.catalog import options_of

    with postponed():
        from mtlrun.execution.batch import run_counts, run_errors, train_batch
    from mtlrun.execution.new_runs import telling_stored
    from mtlrun.launch.compose import multirun
    from mtlrun.prepare.preset_notes import preset_notes
    from mtlrun.prepare.suite_notes import suite_notes
    from mtlrun.progress import Progress
    from mtlrun.store.store import Store

    seen: dict[str, Any] = {}
    opened: dict[str, Store] = {}
    known = options_of([Path(folder) for folder in arguments.config_dir])

    def batch(jobs: Sequence[dict[str, Any]]) -> list[float]:
        progress = Progress(sys.stderr)
        notes = [] if seen else preset_notes(arguments.overrides, known)
        for note in [*notes, *suite_notes(jobs)]:
            progress.note(note)
        name = jobs[0].get("store") if jobs else None
        if isinstance(name, str) and name:  # another is told as a fault
            opened.setdefault(name, Store(name))
        values = train_batch(jobs, arguments.overrides, progress, known, opened.get(str(name)))
        seen.update(jobs[0])
        return values

    with telling_stored(opened):
        multirun(arguments.overrides, _Task(batch), arguments.config_dir)
    store = opened[seen["store"]]
    manifest = store.read_study(seen["study"])
    if manifest["invocation"] != seen["invocation"]:
        told = f"another command has replaced study `{seen['study']}` while this one trained; its runs are stored"
        print(f"mtlrun: {told}: repeat it with study=NAME for a report of its own", file=sys.stderr)
        return 1
    _print_report(store, seen["study"])
    counts = run_counts(store, manifest)
    if counts["failed"] or counts["diverged"]:
        failed = pluralize(counts["failed"], "run")
        print(f"mtlrun: {failed} failed, {counts['diverged']:,} diverged", file=sys.stderr)
        for error in run_errors(store, manifest):
            print(f"  {error}", file=sys.stderr)
        return 1
    return 0


def plan(arguments: argparse.Namespace) -> int:
    """Print what a command would train and reuse; train nothing."""
    from mtlrun.catalog import options_of

    with postponed():
        from mtlrun.execution.batch import plan_batch, plan_trials
    from mtlrun.execution.plan_facts import plan_facts, plan_text
    from mtlrun.launch.compose import multirun
    from mtlrun.prepare.preset_notes import preset_notes
    from mtlrun.prepare.suite_notes import suite_notes

    known = options_of([Path(folder) for folder in arguments.config_dir])

    def batch(jobs: Sequence[dict[str, Any]]) -> list[float]:
        planned = plan_batch(jobs, known)
        trials = plan_trials(jobs, known, planned.store)[1]
        facts = plan_facts(planned, trials)
        for note in [*preset_notes(arguments.overrides, known), *suite_notes(jobs)]:
            print(note, file=sys.stderr)
        write_out(json.dumps(facts, indent=1) if arguments.format == "json" else plan_text(facts))
        for part in (planned, trials):
            if part is not None:
                part.check_memory()  # after the plan, which shows how large it is
        return [0.0] * len(jobs)

    multirun([*arguments.overrides, "hydra/launcher=mtlrun_cohorts"], _Task(batch), arguments.config_dir)
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Print or write a study's results."""
    from mtlrun.report.formats.registry import report_format

    _print_report(
        _store_of(arguments),
        arguments.study,
        report_format(arguments.format, arguments.output),
        arguments.level,
        arguments.output,
        _filters(arguments.filter),
    )
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Write a run's model, which plain PyTorch loads."""
    from mtlrun.trained.export import export as write_model

    run = _saved_run(arguments)
    write_model(run, Path(arguments.output))
    print(
        f"wrote run {run.run_id} to {arguments.output}: model.py, weights.safetensors, about.json",
        file=sys.stderr,
    )
    return 0


def predict(arguments: argparse.Namespace) -> int:
    """Write what a run predicts for new inputs."""
    from mtlrun.trained.predict import predict as predictions
    from mtlrun.trained.prediction_files import form_of, written

    form = form_of(arguments.output)
    run, paths = _saved_run(arguments), [Path(path) for path in arguments.data]
    table = predictions(run, paths)
    for note in run.suite.fresh_notes(paths):
        print(note, file=sys.stderr)
    content = written(table, form)
    if arguments.output is None:
        write_out(content.decode(), end="")
    else:
        _write(arguments.output, content)
        print(f"wrote {pluralize(len(table), 'prediction')} to {arguments.output}", file=sys.stderr)
    return 0


def _saved_run(arguments: argparse.Namespace) -> Any:
    from mtlrun.store.store import Store
    from mtlrun.trained.saved_run import saved_run

    store = Store(arguments.store)
    run = saved_run(store, arguments.run, arguments.checkpoint, _trust(arguments))
    if arguments.study is not None:
        from mtlrun.planning.manifest import study_runs

        if run.run_id not in study_runs(store.read_study(arguments.study)["cells"]):
            rule = f"must be a study that has run {run.run_id}"
            raise ConfigError([Fault("study", rule, arguments.study)])
    return run


def _trust(arguments: argparse.Namespace) -> Any:
    """Return whose code may run where a lock file or a store names it."""
    from mtlrun.catalog import options_of
    from mtlrun.trust import Trust

    folders = [Path(folder) for folder in arguments.config_dir]
    return Trust(arguments.trust, options_of(folders))


def lock(arguments: argparse.Namespace) -> int:
    """Write a study's lock file."""
    from mtlrun.gate.lockfile import lock as make_lock
    from mtlrun.report.text.empty_studies import says_nothing

    manifest, summary, stored = _results(_store_of(arguments), arguments.study)
    page = make_lock(manifest, summary, stored, arguments.margin)
    _write(arguments.output, json.dumps(page, indent=1) + "\n")
    if not (summary.rows["n_seeds"] > 0).any():
        raise ConfigError(
            [f"study `{manifest['study']}` has no gain to lock: no seed has both sides trained yet"]
        )
    for note in says_nothing(summary.rows):
        print(note, file=sys.stderr)
    rows = pluralize(len(summary.rows), "row")
    print(f"locked {rows} of study {manifest['study']} in {arguments.output}", file=sys.stderr)
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Test stored results against a lock file, or those of training it again."""
    from mtlrun.gate.check import check as check_lock
    from mtlrun.gate.formats import check_format, render
    from mtlrun.gate.lockfile import read_lock
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
            raise ConfigError(["overrides, `--seeds` and `--add-seeds` go with `--rerun` only"])
        manifest, summary, stored = _results(Store(arguments.store), arguments.study or locked["study"])
        result = check_lock(locked, manifest, summary, arguments.margin, stored=stored)
    if arguments.output:
        _write(arguments.output, render(result, chosen))
    write_out(render(result, "terminal" if arguments.output else chosen, sys.stdout), end="")
    if arguments.github_summary and step_summary:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(render(result, "md"))
    return result.exit_code


def _rerun(locked: dict[str, Any], arguments: argparse.Namespace) -> Any:
    """Train what the lock holds, on this machine, and check it."""
    from mtlrun.execution.new_runs import telling_stored
    from mtlrun.execution.rerun import machine_faults, rerun
    from mtlrun.launch.compose import multirun
    from mtlrun.progress import Progress
    from mtlrun.store.store import Store

    faults = machine_faults(arguments.overrides)
    if faults:
        raise ConfigError(faults)
    found: list[Any] = []

    def batch(jobs: Sequence[dict[str, Any]]) -> list[float]:
        settings = {"study": arguments.study, "margin": arguments.margin}
        settings |= {"seeds": arguments.seeds, "add_seeds": arguments.add_seeds}
        found.append(rerun(locked, jobs, Progress(sys.stderr), trust=_trust(arguments), **settings))
        return [0.0] * len(jobs)

    with telling_stored({arguments.store: Store(arguments.store)}):
        multirun([*arguments.overrides, f"store={json.dumps(arguments.store)}"], _Task(batch))
    return found[0]


def compact(arguments: argparse.Namespace) -> int:
    """Merge the small segments of a store."""
    from mtlrun.store.compact import compact as merge

    store = _store_of(arguments)
    store.check_writable()
    before, after = merge(store.path)
    print(f"{pluralize(before, 'segment')} of store {store.path} merged into {after:,}", file=sys.stderr)
    return 0


def list_options(arguments: argparse.Namespace) -> int:
    """Print the groups, or the options of one."""
    from mtlrun.catalog import describe, no_group, options_of

    known = options_of([Path(folder) for folder in arguments.config_dir])
    if arguments.group is None:
        for group, options in known.items():
            write_out(f"{group:16} {', '.join(options)}")
        return 0
    if arguments.group not in known:
        raise ConfigError([no_group(arguments.group, known)])
    for option, root in known[arguments.group].items():
        write_out(f"{option:20} {describe(arguments.group, option, root).summary}")
    return 0


def show_option(arguments: argparse.Namespace) -> int:
    """Print what an option means: formula, source, settings and their defaults."""
    from mtlrun.catalog import OPTION_RULE, describe, no_group, options_of

    group, equals, option = arguments.option.partition("=")
    if equals and arguments.overrides:
        return _first_look(arguments)
    known = options_of([Path(folder) for folder in arguments.config_dir])
    if group not in known:
        raise ConfigError([no_group(group, known)])
    if not equals:
        options = list(known[group])
        raise ConfigError([Fault(group, f"must name an option, as {group}={options[0]}", None, options)])
    if option not in known[group]:
        raise ConfigError([Fault(group, OPTION_RULE, option, list(known[group]))])
    page = describe(group, option, known[group][option])
    write_out(f"{group}={option}" + (f"  ({page.target})" if page.target else ""))
    write_out("\n" + (page.docstring or page.comment).strip() + "\n")
    if page.docstring:
        write_out(page.comment + "\n")
    for setting in page.settings:
        write_out(
            f"  {group}.{setting.key}={json.dumps(setting.value)}"
            + (f"  # {setting.comment}" if setting.comment else "")
        )
    for other, choice in page.sets.items():
        write_out(f"  sets {other}={choice}")
    return 0


def _first_look(arguments: argparse.Namespace) -> int:
    """Print what the tables of a suite hold; refuse what cannot be trained, after it is printed."""
    from mtlrun.launch.compose import multirun
    from mtlrun.prepare.first_look import first_look

    def batch(jobs: Sequence[dict[str, Any]]) -> list[float]:
        text, faults = first_look(jobs[0], sys.stdout)
        write_out(text, end="")
        if faults:
            raise ConfigError(faults)
        return [0.0] * len(jobs)

    overrides = [arguments.option, *arguments.overrides, "hydra/launcher=mtlrun_cohorts"]
    multirun(overrides, _Task(batch), arguments.config_dir)
    return 0


def completion(arguments: argparse.Namespace) -> int:
    """Print what makes a shell complete our command lines."""
    from mtlrun.cli.completion import SCRIPTS

    write_out(SCRIPTS[arguments.shell].strip())
    return 0


def complete(arguments: argparse.Namespace) -> int:
    """Print what a shell's line may go on with; the scripts of `completion` ask for it."""
    from mtlrun.cli.completion import completions

    write_out("\n".join(completions(arguments.line)))
    return 0


class _Task:
    """What Hydra launches: a batch of jobs, or one job where another launcher than ours is chosen."""

    def __init__(self, batch: Callable[[Sequence[dict[str, Any]]], list[float]]) -> None:
        self.batch = batch

    def __call__(self, config: Any) -> float:
        from mtlrun.launch.composing import plain

        return self.batch([plain(config)])[0]


def _store_of(arguments: argparse.Namespace) -> Any:
    """Return the store STORE; refuse the name of a study in its place."""
    from mtlrun.store.store import Store

    store, usual = Store(arguments.store), Store(DEFAULT_STORE)
    if not store.studies() and arguments.store in usual.studies():
        raise ConfigError(
            [
                f"STORE must be a folder with studies, found {arguments.store!r}, which is a study of the store "
                f"`{DEFAULT_STORE}`: use `--study {arguments.store}`"
            ]
        )
    return store


def _results(
    store: Any, study: str | None, configs: bool = True
) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Return a study's manifest, its summary, and where asked for the configs of its stored runs by run id."""
    from mtlrun.planning.manifest import study_runs
    from mtlrun.report.analysis.summary import summarise
    from mtlrun.store.store import REPORT_COLUMNS, RUN_COLUMNS

    manifest = store.read_study(study)
    ids = study_runs(manifest["cells"])
    runs = store.runs(ids, RUN_COLUMNS if configs else REPORT_COLUMNS)
    stored = dict(zip(runs["run_id"], runs["config"], strict=True)) if configs else {}
    return manifest, summarise(manifest, runs, store.curves(ids), store.scores(ids)), stored


def _print_report(
    store: Any,
    study: str | None,
    format_name: str = "terminal",
    level: str = "rows",
    output: str | None = None,
    filters: dict[str, str] | None = None,
) -> None:
    from mtlrun.report.formats import registry as formats

    manifest, summary, _ = _results(store, study, configs=False)
    stream = sys.stdout if output is None else None
    content = formats.render(summary, format_name, level, filters, stream)
    if isinstance(content, str) and not content.endswith("\n"):
        content += "\n"
    if output is not None:
        _write(output, content)
        print(f"wrote study {manifest['study']} to {output} ({format_name})", file=sys.stderr)
    elif isinstance(content, bytes):
        if sys.stdout.isatty():
            raise ConfigError([f"`--format {format_name}` is not text: name a file with --output"])
        write_out(content)
    else:
        write_out(content, end="")


def _write(path: str, content: str | bytes) -> None:
    from mtlrun.store.files import write_whole

    data = content.encode() if isinstance(content, str) else content
    write_whole(Path(path), lambda file: file.write(data))


def _filters(pairs: Sequence[str]) -> dict[str, str]:
    bad = [p for p in pairs if "=" not in p]
    if bad:
        raise ConfigError([f"`--filter` takes COLUMN=VALUE, as task=digit, found {p!r}" for p in bad])
    return dict(p.split("=", 1) for p in pairs)


RUN_USER_CODE = (run, plan, export, predict)
"""Commands that always do; `check` does with `--rerun`, `show` where it looks at a suite's data."""

HANDLERS: dict[str, Handler] = {
    "run": run,
    "sweep": run,
    "plan": plan,
    "report": report,
    "export": export,
    "predict": predict,
    "lock": lock,
    "check": check,
    "compact": compact,
    "list": list_options,
    "show": show_option,
    "completion": completion,
    "_complete": complete,
}
