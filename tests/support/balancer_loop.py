"""A plain training loop with `Balancer`, and the engine on the same run: equal weights, batches and random draws."""

import torch
import torch.nn.functional as F

from mtlrun.config import build
from mtlrun.training.network import Parts, build_network
from mtlrun.weighting import Balancer
from support.configs import run_config

TASKS = ["digit", "even", "prime"]
SEED, LR, STEPS = 3, 0.05, 24
ROWS, BATCH = 40, 16  # an epoch has 2.5 steps, so that 24 steps reach what memories of epochs do
STEADY = {"sdmgrad": {"lr": 1.0}}  # at its default it amplifies round-off, as its page says


def config(name, setting, tasks, **choices):
    settings = {f"weighting__{key}": value for key, value in (STEADY.get(name, {}) | setting).items()}
    return run_config(
        SEED,
        STEPS,
        suite="digits_attributes",
        suite__tasks=TASKS[:tasks],
        suite__train_size=ROWS,
        budget__batch_size=BATCH,
        optimizer="sgd",
        optimizer__lr=LR,
        optimizer__momentum=0.0,
        weighting=name,
        **settings,
        **choices,
    )


def in_the_engine(cohort):
    """Train one run; return its parameters, weights and batches."""
    (phase,) = cohort.phases
    trainer, weights, batches = cohort.begin(phase), [], []
    for step, batch in zip(range(STEPS), cohort.batches(phase, 0), strict=False):
        batches.append(batch)
        weights.append(trainer.step(batch, step)[1][0])
    return {n: p[0].detach() for n, p in cohort.parameters.items()}, torch.stack(weights), batches


class PlainLoop:
    """One run's network with torch's own optimizer and a `Balancer`."""

    def __init__(self, run, cohort, primary=None, steps_per_epoch=ROWS / BATCH):
        self.tasks = cohort.info.tasks
        self.network = build_network(Parts.of(run), cohort.info, SEED).double()
        owners = self.network.owners()
        self.balancer = Balancer(
            build(run["weighting"]),
            shared=[p for n, p in self.network.named_parameters() if owners[n] is None],
            tasks=len(self.tasks),
            seed=SEED,
            steps_per_epoch=steps_per_epoch,
            rows=[ROWS] * len(self.tasks),
            primary=primary,
            lr=LR,
        )
        trained = [*self.network.parameters(), *self.balancer.parameters()]
        self.optimizer = torch.optim.SGD(trained, lr=LR)

    def losses(self, examples):
        return self.losses_of(self.network.represent([examples.inputs[0][0]]), examples)

    def losses_of(self, representation, examples):
        outputs = self.network.finish(representation)
        targets = [y[0] for y in examples.targets]
        return [
            F.cross_entropy(out, y)
            if task.kind == "multiclass"
            else F.binary_cross_entropy_with_logits(out, y)
            for task, out, y in zip(self.tasks, outputs, targets, strict=True)
        ]

    def step(self, batch):
        representation = self.network.represent([batch.examples.inputs[0][0]])
        losses = self.losses_of(representation, batch.examples)
        again = [] if len(batch.extra) == 2 else [batch.examples]
        probes = [lambda e=e: self.losses(e) for e in (*again, *batch.extra)]
        self.optimizer.zero_grad()
        weights = self.balancer.backward(losses, representation, probes if batch.extra else ())
        self.optimizer.step()
        with torch.no_grad():
            self.balancer.after_step(self.losses(batch.examples))
        return weights
