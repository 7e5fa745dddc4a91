"""One training step: what a run does with a batch, vectorised over the lanes of a cohort.

Shape letters: R lanes, T trained tasks, B batch. Strategies are of one run and know of no lanes; `rules.py` lifts
them. Lanes never meet: every root of differentiation is a sum over lanes, so the gradient of a lane's parameters is
its own.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import torch
from torch import Tensor

from mtlrun.data.task import Task
from mtlrun.training.batches.lanes import Batch, Examples, Lanes, Seen
from mtlrun.training.loop.probes import PROBES
from mtlrun.training.objective.gradients import Tensors, by_lane, flat, products, unflat, weighted_sum
from mtlrun.training.objective.losses import LOSSES, Loss
from mtlrun.training.objective.missing_labels import labelled, stand_ins
from mtlrun.training.vectorize.stacked import Forward
from mtlrun.training.vectorize.strategy_groups import Rules
from mtlrun.weighting.base import Signals


class Program:
    """What all lanes of a cohort have in common, for one phase of training.

    Args:
        forward: the network over lanes.
        owners: for each parameter the task that alone uses it, or None.
        tasks: all tasks of the suite.
        active: positions of the tasks that the phase trains.
        frozen: names of the parameters that the phase leaves as they are.
        rules: strategies, of all lanes or of some each; their weightings need the same of a step.
        losses: of all tasks, over lanes.
    """

    def __init__(
        self,
        forward: Forward,
        owners: Mapping[str, int | None],
        tasks: Sequence[Task],
        active: Sequence[int],
        frozen: Container[str],
        rules: Sequence[Rules],
        losses: Sequence[Loss],
    ) -> None:
        self.forward, self.tasks, self.active = forward, tasks, tuple(active)
        self.rules, self._losses = rules, losses
        alone = len(self.active) == 1  # what is shared in principle is the one task's own in this phase
        free = {n: owner for n, owner in owners.items() if n not in frozen}
        self.shared = [n for n, owner in free.items() if owner is None and not alone]
        self.private = [
            [n for n, owner in free.items() if owner == t or (owner is None and alone)] for t in self.active
        ]
        self.trained = [*self.shared, *(n for names in self.private for n in names)]
        self.normed = {norm for norm in forward.norms if f"{norm}.weight" not in {*owners} - {*self.trained}}
        self.needs = rules[0].weighting.needs
        self.surgery = bool(self.shared) and self.needs != "losses"
        self.on_representation = self.surgery and rules[0].weighting.gradients_at == "representation"
        self.partial = any(tasks[t].partial for t in self.active)
        self._probe = PROBES.get(rules[0].weighting.probe)
        self._shapes_losses = rules[0].regularization.shapes_losses
        simple = not self._shapes_losses and {*losses} <= {*LOSSES.values()}  # also without a lane axis
        self._bare, self._compares = simple and sum(r.count for r in rules) == 1, rules[0].compares

    def gradients(self, lanes: Lanes, batch: Batch) -> tuple[Tensors, Tensor, Tensor]:
        """Return the gradient of every trained parameter, the losses (R, T) and the task weights (R, T).

        The weighting's state in `lanes` moves on by one step.
        """
        probed = self._probe(self, lanes, batch) if self._probe and self.shared else None
        seen = self.see(lanes, batch.examples)
        lanes.statistics.update(seen.statistics)
        here = self.labelled(batch.examples)
        stacked = torch.stack(seen.losses, -1)
        losses = self.known_losses(lanes, stacked.detach().view(-1, len(self.active)), here)
        gradients: Tensors = {}
        objectives: list[Tensor] = []  # scalars whose sum is differentiated
        if self.surgery:
            by_task = self.task_gradients(seen)
            combined, weights = self.combine(lanes, batch, by_task, losses, probed, here)
            for private, own in zip(self.private, by_task, strict=True):
                gradients |= {name: own[name] for name in private}
            if self.on_representation:
                objectives += [(z * g).sum() for z, g in zip(seen.below, combined.values(), strict=True)]
            else:
                gradients |= combined
        else:
            weights = self.weigh(lanes, batch, losses, None, probed)
            objectives.append((stacked * weights.detach()).sum())
        if self.rules[0].charges:
            with self.forward.in_training(self.normed, lanes.statistics):
                objectives.append(self.forward.charge(batch.examples.inputs).sum())
        for name, gradient in self.differentiate(lanes, objectives, weights, losses, seen.sides).items():
            gradients[name] = gradients[name] + gradient if name in gradients else gradient
        return gradients, losses, weights.detach()

    def see(self, lanes: Lanes, examples: Examples, whole: bool = False) -> Seen:
        """Return a forward pass of all lanes, for differentiation; `whole`: of parameters in any case."""
        below: list[Tensor] = []
        subject: Tensors = {}
        sides: list[list[Tensor]] = []
        with self.forward.in_training(self.normed, lanes.statistics) as statistics:
            if self.on_representation and not whole:
                below = self.forward.represent(examples.inputs, examples.masks)
                subject = {f"representation {k}": z.detach().requires_grad_() for k, z in enumerate(below)}
                outputs = self.forward.finish(list(subject.values()), examples.masks)
            elif self._compares:
                found, count = self.forward.divide(examples.inputs, examples.masks), len(self.tasks)
                outputs = found[:count]
                sides = [[found[k * count + t] for t in self.active] for k in (1, 2)]
            elif self._bare:
                outputs = self.forward.bare(examples.inputs, examples.masks)
                examples = examples._replace(targets=[y.squeeze(0) for y in examples.targets])
            else:
                outputs = self.forward(examples.inputs, examples.masks)
        losses = [self.loss(lanes, t, outputs[t], examples.targets[t]) for t in self.active]
        return Seen(losses, subject, below, sides, statistics)

    def labelled(self, examples: Examples) -> Tensor | None:
        """Return which trained tasks have a label in each lane's batch, (R, T); None where none lacks any."""
        return labelled([self.tasks[t] for t in self.active], [examples.targets[t] for t in self.active])

    def known_losses(self, lanes: Lanes, losses: Tensor, here: Tensor | None) -> Tensor:
        """Return the losses (R, T) that weightings see: where a batch has no label of a task, its last one."""
        if here is None:
            return losses
        lanes.last = torch.where(here, losses, lanes.last)
        return lanes.last

    def loss(self, lanes: Lanes, task: int, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the training loss of the task at a position, (R,)."""
        plain, kind = self._losses[task](outputs, targets), self.tasks[task].kind
        if not self._shapes_losses:
            return plain
        found = [
            rules.loss(kind, own.regularization_fields, *map(rules.part, (plain, outputs, targets)))
            for rules, own in zip(self.rules, lanes.own, strict=True)
        ]
        return torch.cat(found)

    def weigh(
        self, lanes: Lanes, batch: Batch, losses: Tensor, gramian: Tensor | None, probed: Tensor | None
    ) -> Tensor:
        """Return the task weights (R, T) of all rules; 1 where a gradient method finds nothing shared."""
        if self.needs != "losses" and not self.surgery:
            return torch.ones_like(losses)
        found = []
        for place, rules in enumerate(self.rules):
            signals = self.signals(lanes, batch, losses, gramian, probed, place)
            own = lanes.own[place]
            weights, state = rules.weigh(own.weighting_fields, signals, own.state)
            lanes.own[place] = own._replace(state=state)
            found.append(weights)
        return found[0] if len(found) == 1 else torch.cat(found)

    def signals(
        self,
        lanes: Lanes,
        batch: Batch,
        losses: Tensor,
        gramian: Tensor | None,
        probed: Tensor | None,
        place: int,
    ) -> Signals:
        """Return what the lanes of the rules at a place get to see."""
        part = self.rules[place].part
        return Signals(
            part(losses),
            None if gramian is None else part(gramian),
            batch.draws[place],
            lanes.own[place].learned,
            batch.new_epoch,
            None if probed is None else part(probed),
        )

    def task_gradients(self, seen: Seen) -> list[Tensors]:
        """Return each task's gradient at the subject of surgery and of the task's own parameters."""
        leaves = self.forward.leaves
        subject = {} if seen.subject else {n: leaves[n] for n in self.shared}
        by_task = []
        for position, private in enumerate(self.private):
            wanted = seen.subject | subject | {n: leaves[n] for n in private}
            found = torch.autograd.grad(
                seen.losses[position].sum(),
                list(wanted.values()),
                retain_graph=position + 1 < len(self.private) or bool(seen.sides),
                materialize_grads=True,
            )
            own = dict(zip(wanted, found, strict=True))
            by_task.append({n: own.pop(n) for n in seen.subject} | self.forward.join(own))
        return by_task

    def combine(
        self,
        lanes: Lanes,
        batch: Batch,
        by_task: Sequence[Tensors],
        losses: Tensor,
        probed: Tensor | None,
        here: Tensor | None,
    ) -> tuple[Tensors, Tensor]:
        """Return one gradient from the tasks' at the subject of surgery, and the task weights (R, T)."""
        names = [n for n in by_task[0] if all(n in gradients for gradients in by_task)]
        seen = None if here is None else stand_ins(here, losses.dtype)
        if self.needs == "gramian":
            gramian = products(by_task, by_task, names)
            gramian = gramian if seen is None else seen @ gramian @ seen.mT
            weights = self.weigh(lanes, batch, losses, gramian, probed)
            weights = weights if seen is None else (weights.unsqueeze(1) @ seen).squeeze(1)
            return weighted_sum(by_task, weights.detach(), names), weights
        jacobian = torch.stack([flat(gradients, names) for gradients in by_task], 1)
        jacobian = jacobian if seen is None else seen @ jacobian
        updates, found = [], []
        for place, rules in enumerate(self.rules):
            signals = self.signals(lanes, batch, losses, None, probed, place)
            own = lanes.own[place]
            update, weights, state = rules.aggregate(
                own.weighting_fields, rules.part(jacobian), signals, own.state
            )
            lanes.own[place] = own._replace(state=state)
            updates.append(update)
            found.append(weights)
        return unflat(torch.cat(updates), {n: by_task[0][n] for n in names}), torch.cat(found)

    def differentiate(
        self,
        lanes: Lanes,
        objectives: list[Tensor],
        weights: Tensor,
        losses: Tensor,
        sides: Sequence[Sequence[Tensor]],
    ) -> Tensors:
        """Return the gradients of the objectives, of the penalties, and of what the weightings learn."""
        wanted = {n: self.forward.leaves[n] for n in self.trained}
        parameters = self.parameters_by_rules() if any(rules.penalises for rules in self.rules) else []
        for place, (rules, own) in enumerate(zip(self.rules, lanes.own, strict=True)):
            if own.learned:
                objectives.append((rules.part(weights) * rules.part(losses)).sum())
                objectives.append(rules.weighting_penalty(own.learned).sum())
                wanted |= {learned_name(place, n): p for n, p in own.learned.items()}
            if rules.penalises:
                objectives.append(rules.penalty(own.regularization_fields, parameters[place]).sum())
            if sides:
                parts = ([rules.part(z) for z in side] for side in sides)
                objectives.append(rules.difference(own.regularization_fields, *parts).sum())
        objectives = [objective for objective in objectives if objective.requires_grad]
        if not objectives:
            return {}
        found = torch.autograd.grad(
            sum(objectives[1:], objectives[0]), list(wanted.values()), allow_unused=True
        )
        named = {n: g for n, g in zip(wanted, found, strict=True) if g is not None}
        learned = {n: named.pop(n) for n in list(wanted)[len(self.trained) :] if n in named}
        return self.forward.join(named) | learned

    def parameters_by_rules(self) -> list[Tensors]:
        """Return for each rules the parameters of their lanes.

        They are split once: gradients of slices would each fill a tensor over all lanes.
        """
        joined = self.forward.join(self.forward.leaves)
        if len(self.rules) == 1:
            return [joined]
        pieces = {n: p.split([rules.count for rules in self.rules]) for n, p in joined.items()}
        return [{n: parts[place] for n, parts in pieces.items()} for place in range(len(self.rules))]

    def standing_weights(self, lanes: Lanes) -> Tensor:
        """Return the task weights before the step, (R, T)."""
        pairs = zip(self.rules, lanes.own, strict=True)
        return torch.cat([rules.standing(own.weighting_fields, own.state) for rules, own in pairs])

    def watch(self, lanes: Lanes, batch: Batch) -> None:
        """Show the weightings the losses that the update left on its batch, if they want to see them."""
        if self.rules[0].weighting.watches_update:
            with torch.no_grad():
                losses = by_lane(self.see(lanes, batch.examples).losses)
                here = self.labelled(batch.examples)
                losses = losses if here is None else torch.where(here, losses, lanes.last)
            for place, (rules, own) in enumerate(zip(self.rules, lanes.own, strict=True)):
                state = rules.after(own.weighting_fields, rules.part(losses), own.state)
                lanes.own[place] = own._replace(state=state)


def learned_name(place: int, name: str) -> str:
    """Return the name under which the gradient of a weighting's own parameter goes, for rules at a place."""
    return f"{name} of rules {place}"
