"""Forked workers: they do tasks, and their end is seen."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(code: str) -> list[str]:
    """Run code in a process of its own, which has no other thread."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


CODE = """
    import json, sys
    from mtlrun.execution import worker
    from mtlrun.execution.fork_worker import Forked, may_fork
    print(may_fork())
    def perform(task, tell):
        print("not for the launcher")
        if "exit" in task:
            raise ValueError("for stderr")
        return {"counts": task}
    worker.perform = perform
    forked = Forked()
    print(json.dumps({"ok": 1}), file=forked.stdin, flush=True)
    print(json.loads(forked.stdout.readline())["counts"]["ok"])
"""


def test_a_forked_worker_does_tasks_and_ends_with_its_input():
    end = "forked.stdin.close(); print(forked.wait()); forked.kill()"
    assert run(textwrap.dedent(CODE) + end)[1:] == ["1", "0"]


def test_a_forked_worker_that_fails_ends_with_a_code_and_never_returns_to_the_launcher():
    fail = "print(json.dumps({'exit': 1}), file=forked.stdin, flush=True); print(forked.wait(), 'once')"
    assert run(textwrap.dedent(CODE) + fail)[1:] == ["1", "1", "once"]


def test_a_forked_worker_can_be_killed():
    assert run(textwrap.dedent(CODE) + "forked.kill(); print(forked.wait())")[1:] == ["1", "-9"]


def test_a_process_with_threads_is_not_forked():
    code = """
        import threading, time
        from mtlrun.execution.fork_worker import may_fork
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        print(may_fork())
    """
    assert run(code) == ["False"]
