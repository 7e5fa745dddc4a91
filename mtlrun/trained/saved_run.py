"""A stored run's network with its saved weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mtlrun.config import check_node
from mtlrun.data.checks.fingerprints import data_digests
from mtlrun.data.suite import Suite
from mtlrun.data.task import Source, SuiteData, SuiteInfo
from mtlrun.errors import ConfigError, Fault, StoreError
from mtlrun.planning.run_spec import RunSpec
from mtlrun.planning.runs import PARTS, source_digests
from mtlrun.schema import fields, whole
from mtlrun.store.store import Store
from mtlrun.store.weights import Saved, Weights
from mtlrun.training.network import Network, Parts, build_network
from mtlrun.training.vectorize.batchnorm import norms_of
from mtlrun.trust import Trust


@dataclass
class SavedRun:
    """One run with its weights.

    Attributes:
        spec: its settings.
        info: the suite's tasks and sources.
        saved: its weights, of one step or of several.
    """

    spec: RunSpec
    info: SuiteInfo
    saved: Saved

    @property
    def run_id(self) -> str:
        """Hash of its settings."""
        return self.spec.run_id

    @property
    def suite(self) -> Suite:
        """What it was trained on."""
        return self.spec.cell.suite

    @cached_property
    def data(self) -> SuiteData:
        """What the run was trained on."""
        return self.suite.load(self.spec.seed)

    def network(self, step: int) -> Network:
        """Return the network after a step that was saved, for evaluation.

        Raises:
            StoreError: weights and network do not fit.
        """
        network = build_network(Parts.of(self.spec.cell.plain), self.info, self.spec.seed)
        tensors = {n: torch.from_numpy(array) for n, array in self.saved.tensors[step].items()}
        dtype = next(iter(tensors.values())).dtype
        try:
            lacking = network.to(dtype).load_state_dict(tensors, strict=False)
        except RuntimeError as error:
            what = " ".join(str(error).split())
            raise StoreError(f"weights of run {self.run_id} do not fit its network: {what}") from error
        absent = {*lacking.missing_keys} & {name for name, _ in network.named_parameters()}
        if absent or lacking.unexpected_keys:
            names = ", ".join([*sorted(absent), *lacking.unexpected_keys])
            raise StoreError(f"weights of run {self.run_id} do not fit its network: {names}")
        for _, norm in norms_of(network):
            norm.num_batches_tracked = None  # type: ignore[assignment]  # a fixed momentum counts no batches
        return network.eval()

    def whole(self, step: int) -> Whole:
        """Return the network after a step that was saved, with all that stands around it."""
        return Whole(self.network(step), self.data)

    def units(self) -> dict[str, tuple[list[float], list[float]]]:
        """Return the mean and the deviation, K numbers each, of every task whose amounts are standardised."""
        found = {task.name: self.data.sources[task.source].units.get(task.name) for task in self.info.tasks}
        return {
            name: (pair[0].tolist(), pair[1].tolist()) for name, pair in found.items() if pair is not None
        }

    def in_units(self, task: str, outputs: Tensor) -> Tensor:
        """Return outputs (N, outputs) of a task in the unit of the data, float64.

        Single precision has 7 digits, too few for amounts that differ by 1 around 20,000,000.
        """
        if task not in self.units():
            return outputs.double()
        mean, std = (torch.tensor(numbers, dtype=torch.float64) for numbers in self.units()[task])
        return outputs.double() * std + mean

    def by_step(self) -> dict[int, list[int]]:
        """Return the positions of the tasks that have their checkpoint after each saved step."""
        names = [task.name for task in self.info.tasks]
        steps = self.saved.steps
        return {
            step: [t for t, name in enumerate(names) if steps[name] == step]
            for step in sorted(set(steps.values()))
        }


class Whole(nn.Module):
    """A network from a suite's inputs, as arguments, to outputs as training measures them, a tuple.

    Inputs are standardised as training did on the device. Standardised amounts stay so: `SavedRun.in_units` makes
    them what was measured again.

    Args:
        network: of one run.
        data: of the run.
    """

    def __init__(self, network: Network, data: SuiteData) -> None:
        super().__init__()
        self.network, self.dtype = network, next(network.parameters()).dtype
        self._scaled = [source.scaling is not None for source in data.sources]
        for k, source in enumerate(data.sources):
            if source.scaling is not None:
                self._hold(f"input_{k}", source.scaling, _over(source))

    def _hold(self, name: str, pair: tuple[np.ndarray, np.ndarray], shape: tuple[int, ...]) -> None:
        for what, array in zip(("mean", "std"), pair, strict=True):
            tensor = torch.tensor(array).reshape(shape).to(self.dtype)
            self.register_buffer(f"{name}_{what}", tensor, persistent=False)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Map one (B, ...) input a source, of the run's dtype, to one (B, outputs) a task."""
        ready = list(inputs)
        for k, x in enumerate(ready):
            if self._scaled[k]:
                ready[k] = (x - self.get_buffer(f"input_{k}_mean")) / self.get_buffer(f"input_{k}_std")
        return tuple(self.network(ready))


def _over(source: Source) -> tuple[int, ...]:
    """Return the shape in which numbers for the first axis of an example fit a batch."""
    return (-1, *(1 for _ in source.inputs.shape[2:]))


def saved_run(store: Store, run: str, rule: str | None = None, trust: Trust | None = None) -> SavedRun:
    """Return a stored run with its weights.

    Args:
        store: where it is.
        run: its id, or the beginning of it.
        rule: which of its checkpoints, where it has several.
        trust: whose code the store may name; only what is always trusted where None.

    Raises:
        StoreError: there is no such run, or it has no weights, or `rule` must be given.
        ConfigError: its config names code that is not trusted, or does not fit this version.
    """
    known = Weights(store.path).names()
    found = [run_id for run_id in known if run_id.startswith(run)]
    if len(found) != 1:
        raise StoreError(_not_one(store, run, found, known))
    (run_id,) = found
    rules = sorted(known[run_id])
    if rule is None and len(rules) > 1:
        raise StoreError(
            f"run {run_id} has several checkpoints; name one with --checkpoint ({', '.join(rules)})"
        )
    if rule is not None and rule not in rules:
        raise StoreError(str(Fault("--checkpoint", f"must be one that run {run_id} has", rule, rules)))
    stored = store.runs([run_id])
    if stored.empty:
        raise StoreError(
            f"run {run_id} has weights and no record in store `{store.path}`: it was never finished"
        )
    config: dict[str, Any] = stored["config"].iloc[0]
    (trust or Trust()).check(f"run {run_id} of store `{store.path}`", [config])
    _check_config(run_id, config)
    _check_code(run_id, config)
    _check_data(run_id, config)
    spec = RunSpec.of(config)
    info, saved = spec.cell.suite.info(), Weights(store.path).read(run_id, rule or rules[0])
    lacking = [task.name for task in info.tasks if task.name not in saved.steps]
    if lacking:
        raise StoreError(
            f"weights of run {run_id} say no step of task {', '.join(lacking)}: they are damaged"
        )
    return SavedRun(spec, info, saved)


def _check_config(run_id: str, config: Mapping[str, Any]) -> None:
    """Refuse a run whose config this version cannot build, as one that was edited.

    Raises:
        ConfigError: it has faults.
    """
    faults: list[Fault | str] = [f for group in PARTS for f in check_node(group, config.get(group, {}))]
    faults += fields({"seed": whole(0)})(config, "")
    if faults:
        raise ConfigError([f"run {run_id}: {fault}" for fault in faults])


def _check_code(run_id: str, config: Mapping[str, Any]) -> None:
    """Refuse a run whose code of a user's own is not what it was.

    Raises:
        StoreError: it has changed.
        ConfigError: it cannot be imported.
    """
    before: Mapping[str, str] = config.get("sources") or {}
    now = source_digests(config[group] for group in PARTS)
    changed = [target for target, digest in before.items() if now.get(target) != digest]
    if changed:
        raise StoreError(
            f"the file of {', '.join(changed)} is not the one that run {run_id} was trained with"
        )


def _check_data(run_id: str, config: Mapping[str, Any]) -> None:
    """Refuse a run of a suite of a user's own whose data are not what they were: they say how inputs are prepared.

    Raises:
        StoreError: they have changed.
        ConfigError: they cannot be read, or have faults.
    """
    before: Mapping[str, str] = config.get("data") or {}
    now = data_digests(config["suite"], config["seed"]) if before else {}
    changed = [task for task, digest in before.items() if now.get(task) != digest]
    if changed:
        raise StoreError(f"the data of {', '.join(changed)} are not those that run {run_id} was trained on")


def _not_one(store: Store, run: str, found: list[str], known: Mapping[str, Any]) -> str:
    if found:
        return f"`{run}` begins the ids of {len(found)} runs: {', '.join(sorted(found)[:5])}; give more of it"
    if any(run_id.startswith(run) for run_id in store.statuses()):
        return f"run `{run}` was stored without weights; repeat its command with save=best or save=last"
    where = f"no run `{run}` with weights in store `{store.path}`"
    if not known:
        return f"{where}, which has none: train with save=best or save=last"
    return f"{where}; `mtlrun report {store.path} --level runs --format csv` lists the ids of runs"
