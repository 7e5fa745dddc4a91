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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mtlrun import __version__
from mtlrun.counted import counted
from mtlrun.errors import ConfigError, Fault, MtlrunError
from mtlrun.interrupt import postponed

INTERRUPTED = 130
DEFAULT_STORE = "runs"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parse(argv)
    sys.path.insert(0, os.getcwd())  # a user's own strategies stand in the folder they work in
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # no output fails for a sign that cannot be shown
    try:
        exit_code = int(arguments.handler(arguments))
        sys.stdout.flush()  # here it is noticed that the reader has gone
        return exit_code
    except MtlrunError as error:
        print(f"mtlrun: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "mtlrun: interrupted; what had finished is stored, the same command goes on from there",
            file=sys.stderr,
        )
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def run(arguments: argparse.Namespace) -> int:
    """Train what a command asks for, then print the transfer table."""
    from mtlrun.catalog import options_of

    with postponed():
        from mtlrun.launch.batch import run_counts, run_errors, train_batch
    from mtlrun.launch.compose import multirun
    from mtlrun.launch.progress import Progress
    from mtlrun.launch.suite_notes import suite_notes
    from mtlrun.store.store import Store

    seen: dict[str, Any] = {}
    known = options_of([Path(folder) for folder in arguments.config_dir])

    def batch(jobs: Sequence[dict[str, Any]]) -> list[float]:
        progress = Progress(sys.stderr)
        for note in suite_notes(jobs):
            progress.note(note)
        values = train_batch(jobs, arguments.overrides, progress, known)
        seen.update(jobs[0])
        return values

    multirun(arguments.overrides, _Task(batch), arguments.config_dir)
    store = Store(seen["store"])
    manifest = store.read_study(seen["study"])
    if manifest["invocation"] != seen["invocation"]:
        told = f"another command has replaced study `{seen['study']}` while this one trained; its runs are stored"
        print(f"mtlrun: {told}: repeat it with study=NAME for a report of its own", file=sys.stderr)
        return 1
    _print_report(store, seen["study"])
    counts = run_counts(store, manifest)
    if counts["failed"] or counts["diverged"]:
        failed = counted(counts["failed"], "run")
        print(f"mtlrun: {failed} failed, {counts['diverged']:,} diverged", file=sys.stderr)
        for error in run_errors(store, manifest):
            print(f"  {error}", file=sys.stderr)
        return 1
    return 0


def plan(arguments: argparse.Namespace) -> int:
    """Print what a command would train and reuse; train nothing."""
    from mtlrun.catalog import options_of

    with postponed():
        from mtlrun.launch.batch import plan_batch, plan_trials
    from mtlrun.launch.compose import multirun
    from mtlrun.launch.plan_view import plan_facts, plan_text

    known = options_of([Path(folder) for folder in arguments.config_dir])

    def batch(jobs: Sequence[dict[str, Any]]) -> list[float]:
        facts = plan_facts(plan_batch(jobs, known), plan_trials(jobs, known)[1])
        print(json.dumps(facts, indent=1) if arguments.format == "json" else plan_text(facts))
        return [0.0] * len(jobs)

    multirun([*arguments.overrides, "hydra/launcher=mtlrun_cohorts"], _Task(batch), arguments.config_dir)
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Print or write a study's results."""
    from mtlrun.report.formats import report_format

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
    from mtlrun.launch.export import export as write_model

    run = _saved_run(arguments)
    write_model(run, Path(arguments.output))
    print(
        f"wrote run {run.run_id} to {arguments.output}: model.py, weights.safetensors, about.json",
        file=sys.stderr,
    )
    return 0


def predict(arguments: argparse.Namespace) -> int:
    """Write what a run predicts for new inputs."""
    from mtlrun.launch.predict import predict as predictions

    run, paths = _saved_run(arguments), [Path(path) for path in arguments.data]
    table = predictions(run, paths)
    for note in run.suite.fresh_notes(paths):
        print(note, file=sys.stderr)
    content = table.to_csv(index=False)
    if arguments.output is None:
        print(content, end="")
    else:
        _write(arguments.output, content)
        print(f"wrote {counted(len(table), 'prediction')} to {arguments.output}", file=sys.stderr)
    return 0


def _saved_run(arguments: argparse.Namespace) -> Any:
    from mtlrun.launch.saved import saved_run
    from mtlrun.store.store import Store

    return saved_run(Store(arguments.store), arguments.run, arguments.checkpoint)


def lock(arguments: argparse.Namespace) -> int:
    """Write a study's lock file."""
    from mtlrun.lockfile import lock as make_lock

    manifest, summary, stored = _results(_store_of(arguments), arguments.study)
    page = make_lock(manifest, summary, stored, arguments.margin)
    _write(arguments.output, json.dumps(page, indent=1) + "\n")
    rows = counted(len(summary.rows), "row")
    print(f"locked {rows} of study {manifest['study']} in {arguments.output}", file=sys.stderr)
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Test stored results against a lock file, or those of training it again."""
    from mtlrun.gate.check import check as check_lock
    from mtlrun.gate.formats import check_format, render
    from mtlrun.lockfile import read_lock
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
    print(render(result, "terminal" if arguments.output else chosen, sys.stdout), end="")
    if arguments.github_summary and step_summary:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(render(result, "md"))
    return result.exit_code


def _rerun(locked: dict[str, Any], arguments: argparse.Namespace) -> Any:
    """Train what the lock holds, on this machine, and check it."""
    from mtlrun.launch.compose import multirun
    from mtlrun.launch.progress import Progress
    from mtlrun.launch.rerun import machine_faults, rerun

    faults = machine_faults(arguments.overrides)
    if faults:
        raise ConfigError(faults)
    found: list[Any] = []

    def batch(jobs: Sequence[dict[str, Any]]) -> list[float]:
        settings = {"study": arguments.study, "margin": arguments.margin}
        settings |= {"seeds": arguments.seeds, "add_seeds": arguments.add_seeds}
        found.append(rerun(locked, jobs, Progress(sys.stderr), **settings))
        return [0.0] * len(jobs)

    multirun([*arguments.overrides, f"store={json.dumps(arguments.store)}"], _Task(batch))
    return found[0]


def list_options(arguments: argparse.Namespace) -> int:
    """Print the groups, or the options of one."""
    from mtlrun.catalog import describe, options_of

    known = options_of([Path(folder) for folder in arguments.config_dir])
    if arguments.group is None:
        for group, options in known.items():
            print(f"{group:16} {', '.join(options)}")
        return 0
    if arguments.group not in known:
        raise ConfigError([Fault("group", "must be a config group", arguments.group, list(known))])
    for option, root in known[arguments.group].items():
        print(f"{option:20} {describe(arguments.group, option, root).summary}")
    return 0


def show_option(arguments: argparse.Namespace) -> int:
    """Print what an option means: formula, source, settings and their defaults."""
    from mtlrun.catalog import OPTION_RULE, describe, options_of

    group, equals, option = arguments.option.partition("=")
    if equals and arguments.overrides:
        return _first_look(arguments)
    known = options_of([Path(folder) for folder in arguments.config_dir])
    if group not in known:
        raise ConfigError([Fault("group", "must be a config group", group, list(known))])
    if not equals:
        options = list(known[group])
        raise ConfigError([Fault(group, f"must name an option, as {group}={options[0]}", None, options)])
    if option not in known[group]:
        raise ConfigError([Fault(group, OPTION_RULE, option, list(known[group]))])
    page = describe(group, option, known[group][option])
    print(f"{group}={option}" + (f"  ({page.target})" if page.target else ""))
    print("\n" + (page.docstring or page.comment).strip() + "\n")
    if page.docstring:
        print(page.comment + "\n")
    for setting in page.settings:
        print(
            f"  {group}.{setting.key}={json.dumps(setting.value)}"
            + (f"  # {setting.comment}" if setting.comment else "")
        )
    for other, choice in page.sets.items():
        print(f"  sets {other}={choice}")
    return 0


def _first_look(arguments: argparse.Namespace) -> int:
    """Print what the tables of a suite hold; refuse what cannot be trained, after it is printed."""
    from mtlrun.launch.compose import multirun
    from mtlrun.launch.first_look import first_look

    def batch(jobs: Sequence[dict[str, Any]]) -> list[float]:
        text, faults = first_look(jobs[0], sys.stdout)
        print(text, end="", flush=True)
        if faults:
            raise ConfigError(faults)
        return [0.0] * len(jobs)

    overrides = [arguments.option, *arguments.overrides, "hydra/launcher=mtlrun_cohorts"]
    multirun(overrides, _Task(batch), arguments.config_dir)
    return 0


def completion(arguments: argparse.Namespace) -> int:
    """Print what makes a shell complete our command lines."""
    from mtlrun.completion import SCRIPTS

    print(SCRIPTS[arguments.shell].strip())
    return 0


def complete(arguments: argparse.Namespace) -> int:
    """Print what a shell's line may go on with; the scripts of `completion` ask for it."""
    from mtlrun.completion import completions

    print(*completions(arguments.line), sep="\n")
    return 0


class _Task:
    """What Hydra launches: a batch of jobs, or one job where another launcher than ours is chosen."""

    def __init__(self, batch: Callable[[Sequence[dict[str, Any]]], list[float]]) -> None:
        self.batch = batch

    def __call__(self, config: Any) -> float:
        from mtlrun.launch.compose import plain

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


def _results(store: Any, study: str | None) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Return a study's manifest, its summary, and the configs of its stored runs by run id."""
    from mtlrun.plan.study import study_runs
    from mtlrun.report.summary import summarise

    manifest = store.read_study(study)
    ids = study_runs(manifest["cells"])
    runs = store.runs(ids)
    stored = dict(zip(runs["run_id"], runs["config"], strict=True))
    return manifest, summarise(manifest, runs, store.curves(ids)), stored


def _print_report(
    store: Any,
    study: str | None,
    format_name: str = "terminal",
    level: str = "rows",
    output: str | None = None,
    filters: dict[str, str] | None = None,
) -> None:
    from mtlrun.report import formats

    manifest, summary, _ = _results(store, study)
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
        sys.stdout.buffer.write(content)
    else:
        print(content, end="")


def _write(path: str, content: str | bytes) -> None:
    from mtlrun.store.files import write_whole

    data = content.encode() if isinstance(content, str) else content
    write_whole(Path(path), lambda file: file.write(data))


def _filters(pairs: Sequence[str]) -> dict[str, str]:
    bad = [p for p in pairs if "=" not in p]
    if bad:
        raise ConfigError([f"`--filter` takes COLUMN=VALUE, as task=digit, found {p!r}" for p in bad])
    return dict(p.split("=", 1) for p in pairs)


class _Parser(argparse.ArgumentParser):
    """Argument errors read as our other errors do.

    Attributes:
        commands: by name, also the hidden ones, whose names begin with _.
    """

    commands: Mapping[str, argparse.ArgumentParser] = MappingProxyType({})

    def error(self, message: str) -> Any:
        print(f"mtlrun: {message}; see `{self.prog} --help`", file=sys.stderr)
        raise SystemExit(2)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments; overrides may stand before, between and after the options."""
    parser = _parser()
    words = sys.argv[1:] if argv is None else argv
    if words and not words[0].startswith("-") and words[0] not in parser.commands:
        listed = [name for name in parser.commands if not name.startswith("_")]
        parser.error(str(Fault("COMMAND", "must be a command", words[0], listed)))
    arguments, rest = parser.parse_known_args(words)
    if not hasattr(arguments, "handler"):
        parser.print_help()
        parser.exit()
    if rest and (not hasattr(arguments, "overrides") or any(text.startswith("-") for text in rest)):
        settings = "; settings have no dashes, as seeds=3" if hasattr(arguments, "overrides") else ""
        parser.error(f"unrecognized arguments: {' '.join(rest)}{settings}")
    if rest:
        arguments.overrides += rest
    return arguments


def _parser() -> _Parser:
    parser = _Parser(prog="mtlrun", description="Negative-transfer studies in multi-task learning.")
    parser.add_argument("--version", action="version", version=f"mtlrun {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, handler: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(handler=handler)
        return added

    _add_training(command)
    _add_results(command)
    _add_explanations(command)
    hidden = commands.add_parser("_complete")  # without help, so it is not listed
    hidden.add_argument("line")
    hidden.set_defaults(handler=complete)
    parser.commands = commands.choices
    return parser


def _add_training(command: Callable[[str, Any, str], argparse.ArgumentParser]) -> None:
    """Add the commands that take overrides."""
    for name, handler, text in (
        ("run", run, "train one cell or several, with baselines, over their seeds; print the transfer table"),
        ("sweep", run, "train many cells (KEY=A,B or globs) as one study; print the table"),
        ("plan", plan, "show what would be trained and reused; train nothing"),
    ):
        added = command(name, handler, text)
        added.add_argument(
            "overrides", nargs="*", metavar="OVERRIDE", help="as suite=digits_two or optimizer.lr=0.01"
        )
        added.add_argument(
            "-m", "--multirun", action="store_true", help="as `mtlrun sweep`; commas in overrides do it too"
        )
        _add_own_folders(added)
        if name == "plan":
            added.add_argument("--format", choices=("text", "json"), default="text")


def _add_results(command: Callable[[str, Any, str], argparse.ArgumentParser]) -> None:
    """Add the commands that read a store."""
    added = command("report", report, "print or write a study's results")
    added.add_argument("store", nargs="?", default=DEFAULT_STORE, metavar="STORE")
    added.add_argument("--study", help="default: the one written last")
    added.add_argument(
        "--format",
        help="terminal, json, csv, parquet, md, svg, png, latex or html; default: by the ending of --output",
    )
    added.add_argument(
        "--level",
        default="rows",
        help="rows, runs, curves, contrasts, suites, aggregates, attribution, frontier, front_gains, cost, "
        "theory or phases",
    )
    added.add_argument("--output", "-o", help="a file; default: standard output")
    added.add_argument(
        "--filter", action="append", default=[], metavar="COLUMN=VALUE", help="show only such rows"
    )
    _add_models(command)
    added = command("lock", lock, "write a lock file of a study's results")
    added.add_argument("store", nargs="?", default=DEFAULT_STORE, metavar="STORE")
    added.add_argument("--output", "-o", required=True, metavar="FILE")
    added.add_argument("--study", help="default: the one written last")
    added.add_argument(
        "--margin", type=float, help="percent that may be lost; default: the study's check.margin"
    )
    _add_check(command("check", check, "test results against a lock file"))


def _add_models(command: Callable[[str, Any, str], argparse.ArgumentParser]) -> None:
    """Add the commands that use the weights of a run."""
    for name, handler, text in (
        ("export", export, "write a run's trained model as files that plain PyTorch loads"),
        ("predict", predict, "write what a trained run predicts for new inputs"),
    ):
        added = command(name, handler, text)
        added.add_argument("run", metavar="RUN", help="a run's id, or its beginning")
        if name == "predict":
            added.add_argument(
                "data",
                nargs="+",
                metavar="FILE",
                help="one a source: a table (CSV, Parquet, ...) where the suite reads tables, else CSV or NPY",
            )
        what = "folder" if name == "export" else "CSV file; default: standard output"
        added.add_argument("--output", "-o", required=name == "export", help=what)
        added.add_argument("--store", default=DEFAULT_STORE)
        added.add_argument("--checkpoint", help="which one, of a run that has several")


def _add_check(added: argparse.ArgumentParser) -> None:
    added.add_argument("file", metavar="FILE")
    added.add_argument("--store", default=DEFAULT_STORE)
    added.add_argument("--study", help="default: the lock's own")
    added.add_argument("--margin", type=float, help="percent of |single-task mean| that may be lost")
    added.add_argument("--format", help="terminal, md, junit or json; default: by the ending of --output")
    added.add_argument("--output", "-o", metavar="FILE", help="write it there, and the table to the terminal")
    added.add_argument(
        "--github-summary", action="store_true", help="append Markdown to the file $GITHUB_STEP_SUMMARY"
    )
    added.add_argument(
        "--rerun", action="store_true", help="train what is missing, with the configs that the lock holds"
    )
    added.add_argument(
        "--seeds", type=int, metavar="N", help="with --rerun: begin with the first N locked seeds"
    )
    added.add_argument(
        "--add-seeds",
        type=int,
        default=0,
        metavar="N",
        help="with --rerun: keep N of the locked seeds for rows that are undecided without",
    )
    added.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="with --rerun: device=... and launch.KEY=..."
    )


def _add_explanations(command: Callable[[str, Any, str], argparse.ArgumentParser]) -> None:
    """Add the commands that say what there is."""
    added = command("list", list_options, "list config groups, or the options of one")
    added.add_argument("group", nargs="?", metavar="GROUP")
    _add_own_folders(added)
    added = command("show", show_option, "explain an option: meaning, formula, settings, source")
    added.add_argument("option", metavar="GROUP=OPTION")
    added.add_argument(
        "overrides",
        nargs="*",
        metavar="OVERRIDE",
        help="of suite=table, as suite.path=my.csv: a first look at it",
    )
    _add_own_folders(added)
    added = command("completion", completion, "print a script that makes a shell complete command lines")
    added.add_argument("shell", choices=("bash", "zsh", "fish"))


def _add_own_folders(added: argparse.ArgumentParser) -> None:
    text = "a folder with config groups of your own"
    added.add_argument("--config-dir", action="append", default=[], help=text)


if __name__ == "__main__":
    sys.exit(main())
