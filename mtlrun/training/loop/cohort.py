"""The training loop: all lanes of a cohort, phase by phase, with evaluations in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mtlrun.data.suite import Suite
from mtlrun.data.task import SuiteData, SuiteInfo, labelled_rows
from mtlrun.models.memory import without_memory
from mtlrun.planning.run_spec import RunSpec
from mtlrun.planning.settings.saving import Rule
from mtlrun.schedule.base import Phase
from mtlrun.training.batches.bank import Bank
from mtlrun.training.batches.feed import Feed
from mtlrun.training.batches.lanes import Batch, Lanes
from mtlrun.training.loop.branches import Branches
from mtlrun.training.loop.checkpoint import Checkpoint
from mtlrun.training.loop.checkpoint_candidates import Kept
from mtlrun.training.loop.compiled_step import NotCompiled, compiled
from mtlrun.training.loop.constant_guess import constant_guess
from mtlrun.training.loop.evaluate import evaluate, losses_on
from mtlrun.training.loop.gradient_records import GradientRecords
from mtlrun.training.loop.history import History
from mtlrun.training.loop.lane_results import SPLITS, LaneResult, lane_results
from mtlrun.training.loop.phase_trainer import Trainer, load_phase, state_of_phase
from mtlrun.training.loop.probes import EXTRA_BATCHES
from mtlrun.training.loop.step import Program, Tensors
from mtlrun.training.loop.task_losses import losses_of
from mtlrun.training.network import Parts, build_network
from mtlrun.training.objective.case_scores import CaseScores
from mtlrun.training.objective.cases import cases_of, counts_of
from mtlrun.training.optimizers import LaneOptimizer
from mtlrun.training.runtime.numerics import STORED
from mtlrun.training.runtime.state_tree import Tree, same_shapes
from mtlrun.training.vectorize.batchnorm import statistics_of
from mtlrun.training.vectorize.lane_backends import forward_of_lanes, why_one_by_one
from mtlrun.training.vectorize.masks import Masks, draw_shapes, mask_shapes
from mtlrun.training.vectorize.strategy_groups import Own, Rules, side_by_side
from mtlrun.training.vectorize.tensor_slots import own_constants
from mtlrun.weighting.base import Facts
from mtlrun.weighting.one_run import lane_fields


class Cohort:
    """Runs of one program and one set of shapes, trained at the same time.

    Args:
        runs: one lane each.
        device: where to train.
        compiler: a backend of `torch.compile` for the step, or None for the step as it is.
        rules: by which evaluations are chosen whose parameters are kept, for each lane; None to keep none.
        streamed: whether inputs come to the device batch by batch, as of `Bank`.
        stops: rules of early stopping by which evaluations may be read too, for each lane.
        every: how often the tasks' gradients are recorded, as of `GradientRecords`; results are the same.

    Attributes:
        not_compiled: why the compiler did not serve, or None.
        one_by_one: why vmap cannot take the network, so that its lanes pass one after another, or None.
        untrained: names of the parameters that no phase trains.
    """

    def __init__(
        self,
        runs: Sequence[RunSpec],
        device: torch.device,
        compiler: str | None = None,
        rules: Sequence[Sequence[Rule]] | None = None,
        streamed: bool = False,
        stops: Sequence[Sequence[Rule]] | None = None,
        every: int | None = None,
    ) -> None:
        self.cell, self.device, self.compiler, self.every = runs[0].cell, device, compiler, every
        self.not_compiled: str | None = None
        self.dtype = STORED[self.cell.dtype]
        self.seeds = [run.seed for run in runs]
        self.suites: list[Suite] = [run.cell.suite for run in runs]
        self.info: SuiteInfo = self.suites[0].info()
        self.data = [suite.load(seed) for suite, seed in zip(self.suites, self.seeds, strict=True)]
        self.bank = Bank(self.data, device, self.dtype, streamed)
        varies = self.suites[
            0
        ].varies_split  # then verdicts rest on splits, and no two runs share test examples
        self.cases = None if varies else cases_of(self.data, device)
        self.losses = losses_of(self.info.tasks, self.data, device, self.dtype)
        self.parts = [Parts.of(run.cell.plain) for run in runs]
        self.rules = rules or [()] * len(runs)
        self.stops = stops or [()] * len(runs)
        self.groups = side_by_side([run.cell for run in runs])
        networks = [
            build_network(p, s.info(), seed)
            for p, s, seed in zip(self.parts, self.suites, self.seeds, strict=True)
        ]
        initial = self._stack([dict(n.named_parameters()) for n in networks])
        self.statistics = self._stack([statistics_of(n) for n in networks])
        self.optimizer = LaneOptimizer([p.optimizer for p in self.parts], initial)
        self.parameters = self.optimizer.parameters
        shapes = [s.input_shape for s in self.info.sources]
        self.mask_shapes = mask_shapes(networks[0].eval(), shapes)
        self.draw_shapes = draw_shapes(networks[0])
        self.one_by_one = why_one_by_one(networks[0], shapes)
        self.constants = own_constants(networks, device, self.dtype)
        self.network = without_memory(networks[0])
        self.owners = self.network.owners()
        self.untrained = {n for n, p in self.network.named_parameters() if not p.requires_grad}
        self.autocast, apart = self.cell.dtype == "bfloat16", self.one_by_one is not None
        self.forward = forward_of_lanes(
            self.network, self.parameters, self.autocast, self.statistics, self.constants, apart
        )
        self.evaluations = self.cell.budget.evaluations
        self.batch_sizes = [
            s.rows["train"] if self.cell.budget.batch_size == "full" else self.cell.budget.batch_size
            for s in self.info.sources
        ]
        self.phases = self.cell.phases

    def train(
        self, progress: Callable[[int], None] = lambda steps: None, checkpoint: Checkpoint | None = None
    ) -> list[LaneResult]:
        """Train all lanes to the end, from their checkpoint on where there is one.

        Args:
            progress: called with the number of steps done.
            checkpoint: of these runs; None for none.
        """
        checkpoint = checkpoint or Checkpoint()
        names = [[task.name for task in data.tasks] for data in self.data]
        self.history = History(
            torch.full((len(self.seeds),), -1, device=self.device),
            CaseScores(self.info.tasks, counts_of(self.data)),
            Kept(self.rules, self.suites, self.info.tasks),
            GradientRecords(self.every, self.network.layers(), names),
        )
        done = 0 if checkpoint.before is None else self._load(checkpoint.before)
        begun, trained = 0, [0] * len(self.info.tasks)
        for phase in self.phases:
            if begun + phase.steps > done:
                self._train_phase(phase, begun, trained, progress, checkpoint, max(0, done - begun))
            begun += phase.steps
            trained = [n + phase.steps_of(t) for t, n in enumerate(trained)]
        return self._results()

    def _train_phase(
        self,
        phase: Phase,
        begun: int,
        trained: Sequence[int],
        progress: Callable[[int], None],
        checkpoint: Checkpoint,
        first: int,
    ) -> None:
        turns, before = set(phase.turns()), replace(phase, steps=first).turns()
        trainers = {active: self.begin(phase, active) for active in turns}
        # A task meets the batches that its baseline meets, from where its own training stands.
        feeds = {
            active: self.batches(phase, max(trained[t] for t in active), active, before.get(active, 0))
            for active in turns
        }
        branches = Branches(phase, self.optimizer, self._tensors, lambda: self._held_out_loss(phase))
        if first:
            load_phase(trainers, branches, checkpoint.before)
        checkpoint.before = None  # which frees its memory
        stops, history = phase.stops(self.evaluations), self.history
        for step in range(first, phase.steps):
            branches.before(step)
            active = phase.active(step)
            trainer, batch = trainers[active], next(feeds[active])
            if active in turns:  # its first
                self.compile(trainer, batch)
                turns.remove(active)
            done = begun + step + 1
            history.records.before(trainer.program, trainer.lanes, batch, done, step + 1 in stops)
            losses, weights = trainer.step(batch, step)
            history.records.after(weights)
            finite = losses.isfinite().all(1)
            history.diverged = torch.where((history.diverged < 0) & ~finite, begun + step, history.diverged)
            if (merged := branches.after(step)) is not None:
                history.merges.append((done, *merged))
            if step + 1 in stops:
                self._evaluate(done)
            progress(1)
            if checkpoint.due():
                checkpoint.write(self.state(done) | state_of_phase(trainers, branches))

    def state(self, done: int) -> Tree:
        """Return all that the rest of training depends on after `done` steps, but for the phase in progress."""
        about = {"step": done, "not_compiled": self.not_compiled}
        return {**about, "models": self._models(), "history": self.history.state()}

    def _models(self) -> Tree:
        return {"optimizer": self.optimizer.state(), "statistics": self.statistics}

    def fits(self, state: Tree) -> bool:
        """Whether a state is of models like these."""
        return same_shapes(state["models"], self._models())

    def _load(self, state: Tree) -> int:
        """Go on from a state; return how many steps are done. Phases and batches follow from that."""
        self.optimizer.load(state["models"]["optimizer"])
        self.statistics.update(state["models"]["statistics"])
        self.history.load(state["history"])
        if state["not_compiled"] is not None:
            self.compiler, self.not_compiled = None, state["not_compiled"]
        return int(state["step"])

    def compile(self, trainer: Trainer, batch: Batch) -> None:
        """Let a trainer use the compiled step, where there is a compiler that serves."""
        if self.compiler is not None:
            try:
                trainer.compute = compiled(trainer.program, trainer.lanes, batch, self.compiler)
            except NotCompiled as reason:
                self.not_compiled = str(reason)

    def begin(self, phase: Phase, active: tuple[int, ...] | None = None) -> Trainer:
        """Return what trains some tasks of a phase, by default all; a weighting starts anew, with these tasks."""
        active = phase.tasks if active is None else active
        everyone = len(self.groups) == 1
        rules = [
            Rules(
                self.parts[lanes.start].weighting,
                self.parts[lanes.start].regularization,
                self.parts[lanes.start].sharing,
                self.owners,
                None if everyone else lanes,
                lanes.stop - lanes.start,
                self.network.body.divides,
            )
            for lanes in self.groups
        ]
        program = Program(
            self.forward, self.owners, self.info.tasks, active, self._frozen(phase), rules, self.losses
        )
        facts = [self._facts(*lane, program) for lane in zip(self.data, self.suites, strict=True)]
        learners, own = {}, []
        for place, lanes in enumerate(self.groups):
            parts, known = self.parts[lanes], facts[lanes]
            learned = [p.weighting.learned(k) for p, k in zip(parts, known, strict=True)]
            learner = LaneOptimizer([p.optimizer for p in parts], self._stack(learned), decay=False)
            if learner.parameters:
                learners[place] = learner
            states = [p.weighting.init_state(k) for p, k in zip(parts, known, strict=True)]
            numbers = [
                self._stack([lane_fields(strategy, active) for strategy in strategies])
                for strategies in ([p.weighting for p in parts], [p.regularization for p in parts])
            ]
            own.append(Own(learner.parameters, self._stack(states), *numbers))
        rates = np.array([p.optimizer.lr * phase.lr_factor for p in self.parts])
        goal = np.array([known.goal for known in facts])
        last = self._send(np.ones(goal.shape))
        lanes_now = Lanes(self.parameters, own, self._send(rates), self._send(goal), last, self.statistics)
        return Trainer(phase, program, lanes_now, self.optimizer, learners, program.gradients)

    def _frozen(self, phase: Phase) -> set[str]:
        """Return the names of the parameters that a phase leaves as they are."""
        shared = {n for n, owner in self.owners.items() if owner is None and phase.freeze_shared}
        heights = self.network.heights() if phase.open < 1 else {}
        return (
            self.untrained
            | shared
            | {n for n, height in heights.items() if height is not None and height <= 1 - phase.open}
        )

    def _facts(self, data: SuiteData, suite: Suite, program: Program) -> Facts:
        shared = sum(self.parameters[n][0].numel() for n in program.shared)
        tasks = [data.tasks[t] for t in program.active]
        rows = tuple(labelled_rows(data, t) for t in tasks)
        goal = tuple(float(suite.primary in (None, t.name)) for t in tasks)
        return Facts(len(tasks), shared, rows, goal)

    def batches(
        self, phase: Phase, skip: int, active: tuple[int, ...] | None = None, first: int = 0
    ) -> Iterator[Batch]:
        """Yield the batches of a phase; the first `skip` of every run's own sequence are passed over.

        Random numbers are for a step of the tasks `active`, by default of all. The `first` steps are done already.
        """
        active = phase.tasks if active is None else active
        weightings = [(lanes, self.parts[lanes.start].weighting) for lanes in self.groups]
        draws = [(lanes, weighting.random_shape(len(active))) for lanes, weighting in weightings]
        extra = EXTRA_BATCHES[weightings[0][1].probe]
        makers = [p.regularization.mask for p in self.parts]
        budget, rows = self.cell.budget.steps, max(self.batch_sizes)
        masks = Masks(self.seeds, makers, self.mask_shapes, rows, self._send, self.draw_shapes, budget)
        feed = Feed(self.seeds, self.data, self.bank, self.batch_sizes, self._send, masks)
        return feed.batches(phase.steps, skip, extra, draws, first)

    def _evaluate(self, step: int) -> None:
        """Record every metric after a step."""
        limit = self.info.sources[0].rows["val"]  # as many training rows as there are validation rows
        rows = [self.bank.split(name, limit if name == "train" else None) for name in SPLITS]
        cases = (None, None, self.cases)
        found = [evaluate(self.forward, self.bank, *each) for each in zip(rows, cases, strict=True)]
        values = torch.stack([evaluation.values for evaluation in found], 1)
        self.history.steps.append(step)
        self.history.values.append(values)
        self.history.scores.add(found[-1].scores)
        if any(self.rules):
            self.history.kept.offer(step, values[:, SPLITS.index("val")], self._tensors())

    def _tensors(self) -> Tensors:
        """Return what training changes of the models, (R, ...) by name."""
        return {**self.parameters, **self.statistics}

    def _held_out_loss(self, phase: Phase) -> Tensor:
        """Return the summed loss of a phase's goals on the validation rows, (R,)."""
        assert phase.merge is not None
        losses = losses_on(self.forward, self.bank, self.bank.split("val"), self.losses)
        return losses[:, list(phase.merge.goals)].sum(1)

    def _results(self) -> list[LaneResult]:
        guesses = constant_guess(self.bank).double().cpu().tolist()
        return lane_results(self.history, self.data, self.suites, self.stops, guesses, self._tensors())

    def _stack(self, dicts: Sequence[Mapping[str, Tensor]]) -> Tensors:
        """Stack equal dicts of tensors, one per lane, to (R, ...) tensors on the device."""
        return {n: torch.stack([d[n].detach() for d in dicts]).to(self.device, self.dtype) for n in dicts[0]}

    def _send(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array)
        return tensor.to(self.device, self.dtype if tensor.is_floating_point() else None, non_blocking=True)
