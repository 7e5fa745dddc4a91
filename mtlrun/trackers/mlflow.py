"""MLflow: a study is a run, its runs are runs nested in it."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from mtlrun.errors import Fault
from mtlrun.trackers.base import Tell, Tracker, TrackerError, Written
from mtlrun.user_code import told

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from mtlrun.trackers.content import TrackedRun, TrackedStudy

ADDRESS = "MLFLOW_TRACKING_URI"

MOST_METRICS, MOST_PARAMS, FIRST_METRICS = 1000, 100, 900
"""Of one request, which may hold 1,000 items in all: MLflow's own limits."""

MOST_TEXT, MOST_KEY = 500, 250
"""Characters of a value and of a key that every MLflow takes; longer ones are cut."""

RUN, STUDY, STATUS, DIGEST = "mtlrun.run_id", "mtlrun.study", "mtlrun.status", "mtlrun.digest"
"""Tags by which runs are found again."""

_ENDED = {"finished": "FINISHED", "diverged": "FAILED", "failed": "FAILED"}
_NOT_ALLOWED = re.compile(r"[^\w\-. :/]")

Item = TypeVar("Item")


@dataclass
class MLflow(Tracker):
    """Writes to an MLflow server, or to a database as `sqlite:///mlflow.db`.

    Attributes:
        uri: address of the server; null: what the environment variable MLFLOW_TRACKING_URI says.
        experiment: the name of the MLflow experiment; it is made where there is none.
    """

    uri: str | None = None
    experiment: str = "mtlrun"

    module = "mlflow"
    extra = "mlflow"

    def faults(self) -> Iterator[Fault]:
        """Yield a server that nobody names, besides those of every tracker."""
        yield from super().faults()
        if not (self.uri or os.environ.get(ADDRESS)):
            rule = f"must be the address of a server, as http://127.0.0.1:5000, or {ADDRESS} must be set"
            yield Fault("uri", rule)
        if not self.experiment:
            yield Fault("experiment", "must be a name", self.experiment)

    def write(self, study: TrackedStudy, tell: Tell) -> Written:
        """Write what the experiment does not have of a study; see `Tracker.write`."""
        self._set_environment()
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        tell()
        uri = self.uri or os.environ[ADDRESS]
        try:
            return self._write(MlflowClient(tracking_uri=uri), uri, study, tell)
        except MlflowException as error:
            raise TrackerError(_told(error, uri)) from error

    def _write(self, client: MlflowClient, uri: str, study: TrackedStudy, tell: Tell) -> Written:
        experiment = self._experiment(client)
        tell()
        parent, has = _found(client, experiment, study.name, tell)
        parent = parent or client.create_run(
            experiment, tags={STUDY: study.name}, run_name=f"study {study.name}"
        )
        new = study.lacking({run_id: _status(run) for run_id, run in has.items()})
        for run_id in new:
            if run_id in has:
                client.delete_run(has[run_id].info.run_id)  # half written, or of a run that failed at first
        for run in study.read(new):
            _write_run(client, experiment, parent.info.run_id, study.name, run)
            tell()
        _write_report(client, parent, study, tell)
        return Written(len(new), len(study.statuses) - len(new), f"{uri}, experiment {self.experiment}")

    def _set_environment(self) -> None:
        """Let MLflow's own waiting end before ours, and send nothing elsewhere; the user's settings come first."""
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(max(1, int(self.timeout_s / 2))))
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

    def _experiment(self, client: MlflowClient) -> str:
        """Return the id of the experiment, which is made where there is none."""
        found = client.get_experiment_by_name(self.experiment)
        if found is None:
            return client.create_experiment(self.experiment)
        if found.lifecycle_stage != "active":
            raise TrackerError(f"experiment {self.experiment} is deleted: restore it, or choose another")
        return found.experiment_id


def _told(error: Exception, uri: str) -> str:
    """Return what went wrong: for a server that does not answer the kind of error alone, else what MLflow says."""
    below = error.__cause__ or error.__context__
    silent = (
        isinstance(below, OSError) and getattr(below, "response", None) is None
    )  # as requests' errors are
    return f"no answer from {uri}: {type(below).__name__}" if silent else told(error)


def _found(client: MlflowClient, experiment: str, study: str, tell: Tell) -> tuple[Any, dict[str, Any]]:
    """Return the run of a study, or None, and its runs by our id."""
    parent, has, token = None, {}, None
    while True:
        page = client.search_runs([experiment], f"tags.`{STUDY}` = '{study}'", page_token=token)
        tell()
        for run in page:
            run_id = run.data.tags.get(RUN)
            if run_id is None:
                parent = run
            else:
                has[run_id] = run
        token = page.token
        if not token:
            return parent, has


def _status(run: Any) -> str:
    """Return the status of a run that is there; "" for one that is half written."""
    return "" if run.info.status == "RUNNING" else run.data.tags.get(STATUS, "")


def _write_run(client: MlflowClient, experiment: str, parent: str, study: str, run: TrackedRun) -> None:
    """Write one run. It is ended last, so that what is half written is known as still running."""
    from mlflow.entities import Metric, Param

    now = time.time()
    began = int(1000 * (now - run.cost.get("wall_s", 0.0)))
    made = client.create_run(experiment, began, _cut(_tags(run, study, parent)), run.name).info.run_id
    points = [*run.points, *((0, f"cost/{key}", value) for key, value in run.cost.items())]
    names = _allowed_names(name for _, name, _ in points)
    metrics = [Metric(names[name], value, int(1000 * now), step) for step, name, value in points]
    params = [Param(key, value) for key, value in _cut({**run.settings, "seed": str(run.seed)}).items()]
    client.log_batch(made, metrics[:FIRST_METRICS], params[:MOST_PARAMS])
    for more_params in _parts(params[MOST_PARAMS:], MOST_PARAMS):
        client.log_batch(made, params=more_params)
    for more_metrics in _parts(metrics[FIRST_METRICS:], MOST_METRICS):
        client.log_batch(made, more_metrics)
    client.set_terminated(made, _ENDED[run.status])


def _tags(run: TrackedRun, study: str, parent: str) -> dict[str, str]:
    about = {**run.about.labels, **run.made_with, "role": run.about.role}
    about |= {"error": run.error} if run.error else {}
    own = {RUN: run.run_id, STUDY: study, STATUS: run.status, "mlflow.parentRunId": parent}
    return {**{f"mtlrun.{key}": value for key, value in about.items()}, **own}


def _write_report(client: MlflowClient, parent: Any, study: TrackedStudy, tell: Tell) -> None:
    """Write what a study found into its run, unless that is there already."""
    from mlflow.entities import Metric

    files, measures = study.files, study.measures()
    digest = hashlib.sha256(files["report.json"]).hexdigest()[:16]
    if parent.data.tags.get(DIGEST) == digest:
        return
    run_id, now = parent.info.run_id, int(1000 * time.time())
    names, step = _allowed_names(measures), len(study.statuses)
    metrics = [Metric(names[name], value, now, step) for name, value in measures.items()]
    for part in _parts(metrics, MOST_METRICS):
        client.log_batch(run_id, metrics=part)
        tell()
    with TemporaryDirectory(prefix="mtlrun-") as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.write_bytes(content)
            client.log_artifact(run_id, str(path))
            tell()
    client.set_tag(run_id, "mlflow.note.content", study.text())
    client.set_tag(run_id, DIGEST, digest)
    client.set_terminated(run_id, "FINISHED")


def _allowed_names(names: Iterable[str]) -> dict[str, str]:
    """Return names as MLflow takes them, by ours: no two are the same."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        allowed = _NOT_ALLOWED.sub("_", name)[:MOST_KEY]
        number = 2
        while allowed in found.values():
            ending = f"_{number}"
            allowed, number = _NOT_ALLOWED.sub("_", name)[: MOST_KEY - len(ending)] + ending, number + 1
        found[name] = allowed
    return found


def _cut(values: dict[str, Any]) -> dict[str, str]:
    """Return keys and values as MLflow takes them."""
    names = _allowed_names(values)
    return {names[key]: str(value)[:MOST_TEXT] for key, value in values.items()}


def _parts(items: Sequence[Item], most: int) -> Iterator[list[Item]]:
    for first in range(0, len(items), most):
        yield list(items[first : first + most])
