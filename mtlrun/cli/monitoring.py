"""Commands about commands that train, also of another terminal or machine: `status`, `cancel`."""

from __future__ import annotations

import argparse
import json
import time

from mtlrun.cli.output import say, tell, write_out
from mtlrun.cli.reading import store_of
from mtlrun.errors import ConfigError, Fault
from mtlrun.text.printable import plain_json

WAIT_S = 60.0
"""How long `cancel` waits for commands to end; they store nothing more, and what had finished is stored already."""


def status(arguments: argparse.Namespace) -> int:
    """Say what trains into a store, or what a study has and lacks."""
    from mtlrun.execution.coordination.status import status_facts, status_text
    from mtlrun.store.launchers import Launchers

    store = store_of(arguments)
    facts = status_facts(store, arguments.study)
    for fault in Launchers(store.path).read()[1]:
        tell(f"mtlrun: {fault}")
    if arguments.format == "json":
        write_out(plain_json(json.dumps(facts, indent=1)))
    else:
        say(status_text(facts))
    return 0


def cancel(arguments: argparse.Namespace) -> int:
    """Ask the commands that train a study to end, and wait until they have."""
    from mtlrun.store.launchers import Launchers

    store = store_of(arguments)
    launchers = Launchers(store.path)
    running = [one for one in launchers.running() if arguments.study in (None, one.facts["study"])]
    if not running:
        if arguments.study is not None or not store.path.is_dir():
            store.read_study(arguments.study)  # says so where there is none
        which = f"of study {arguments.study} " if arguments.study else ""
        tell(f"nothing {which}trains in store {store.path}")
        return 0
    studies = sorted({one.facts["study"] for one in running})
    if len(studies) > 1:
        raise ConfigError([Fault("--study", "must say which one to cancel", choices=studies)])
    for one in running:
        launchers.ask_to_end(one.key)
    left = {one.key for one in running}
    begun = time.monotonic()
    while left and time.monotonic() - begun < WAIT_S:
        time.sleep(0.1)
        left &= {one.key for one in launchers.running()}
    for one in running:
        where = f"study {studies[0]} on {one.facts['host']}, process {one.facts['pid']}"
        told = f"asked {where} to end; it has not yet" if one.key in left else f"cancelled {where}"
        tell(told)
    return 0
