"""Commands that say what there is: `list`, `show`, `completion`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mtlrun.cli.output import say, write_out
from mtlrun.cli.trackers import TRACKER, TRACKER_OPTIONS, list_trackers, show_tracker
from mtlrun.errors import ConfigError, Fault


def list_options(arguments: argparse.Namespace) -> int:
    """Print the groups, or the options of one."""
    from mtlrun.catalog import describe, no_group, options_of, settings_named

    known = options_of([Path(folder) for folder in arguments.config_dir])
    if arguments.group is None:
        for group, options in known.items():
            say(f"{group:16} {', '.join(options)}")
        say(f"{TRACKER:16} {', '.join(settings_named(TRACKER_OPTIONS))}")
        return 0
    if arguments.group == TRACKER:
        list_trackers()
        return 0
    if arguments.group not in known:
        raise ConfigError([no_group(arguments.group, known | {TRACKER: {}})])
    for option, root in known[arguments.group].items():
        say(f"{option:20} {describe(arguments.group, option, root).summary}")
    return 0


def show_option(arguments: argparse.Namespace) -> int:
    """Print what an option means: formula, source, settings and their defaults."""
    from mtlrun.catalog import OPTION_RULE, describe, no_group, options_of

    group, equals, option = arguments.option.partition("=")
    if equals and arguments.overrides:
        return _first_look(arguments)
    if group == TRACKER:
        show_tracker(option)
        return 0
    known = options_of([Path(folder) for folder in arguments.config_dir])
    if group not in known:
        raise ConfigError([no_group(group, known | {TRACKER: {}})])
    if not equals:
        options = list(known[group])
        raise ConfigError([Fault(group, f"must name an option, as {group}={options[0]}", None, options)])
    if option not in known[group]:
        raise ConfigError([Fault(group, OPTION_RULE, option, list(known[group]))])
    page = describe(group, option, known[group][option])
    say(f"{group}={option}" + (f"  ({page.target})" if page.target else ""))
    say("\n" + (page.docstring or page.comment).strip() + "\n")
    if page.docstring:
        say(page.comment + "\n")
    for setting in page.settings:
        say(
            f"  {group}.{setting.key}={json.dumps(setting.value)}"
            + (f"  # {setting.comment}" if setting.comment else "")
        )
    for other, choice in page.sets.items():
        say(f"  sets {other}={choice}")
    return 0


def _first_look(arguments: argparse.Namespace) -> int:
    """Print what the tables of a suite hold; refuse what cannot be trained, after it is printed."""
    from mtlrun.compose import jobs_of
    from mtlrun.prepare.checks import job_faults
    from mtlrun.prepare.first_look import first_look

    jobs = jobs_of([arguments.option, *arguments.overrides], arguments.config_dir, job_faults)
    text, faults = first_look(jobs[0], sys.stdout)
    write_out(text, end="")
    if faults:
        raise ConfigError(faults)
    return 0


def completion(arguments: argparse.Namespace) -> int:
    """Print what makes a shell complete our command lines."""
    from mtlrun.cli.completion import SCRIPTS

    say(SCRIPTS[arguments.shell].strip())
    return 0


def complete(arguments: argparse.Namespace) -> int:
    """Print what a shell's line may go on with; the scripts of `completion` ask for it."""
    from mtlrun.cli.completion import completions

    say("\n".join(completions(arguments.line)))
    return 0
