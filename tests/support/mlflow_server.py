"""A real MLflow server with SQLite on a free port of the loopback interface, in an environment of its own.

MLflow's server asks for another PyArrow than we do, so `make` installs it beside: `.venv/mlflow-server`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.tracked import free_port

PYTHON = Path(sys.prefix) / "mlflow-server" / "bin" / "python"

READY_S = 240.0
"""Seconds that a server may take to start; some, on an idle machine, and most of a minute on a busy one."""


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Start a server that keeps everything in `folder`; yield its address, and end it."""
    address = f"http://127.0.0.1:{free_port()}"
    command = [
        *(str(PYTHON), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]),
        *(
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination",
            f"{folder}/artifacts",
        ),
        *("--workers", "1"),
    ]
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    environment.pop("PYTHONPATH", None)
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(address, server)
            yield address
        finally:
            os.killpg(server.pid, 15)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, 9)
                server.wait()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the MLflow server did not start (code {server.poll()})")
