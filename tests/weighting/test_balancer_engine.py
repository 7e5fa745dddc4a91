"""Every weighting trains a network in a plain loop as in the engine; options of conf/weighting join by themselves."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.configs import run_config

from mtlrun.catalog import load_option, options
from mtlrun.config import build
from mtlrun.training.cohort import Cohort
from mtlrun.training.network import Parts, build_network
from mtlrun.weighting import Balancer

TASKS = ["digit", "even", "prime"]
SEED, LR, STEPS = 3, 0.05, 24
ROWS, BATCH = 40, 16  # an epoch has 2.5 steps, so that 24 steps reach what memories of epochs do
ALIKE = 1e-9  # of a tensor's norm

OTHER_SETTINGS = {"reduction": "sum", "gradients_at": "representation"}  # of all weightings that have them
STEADY = {"sdmgrad": {"lr": 1.0}}  # at its default it amplifies round-off, as its page says
EVERY = [(name, {}) for name in options("weighting")] + [
    (name, {key: value})
    for name in options("weighting")
    for key, value in OTHER_SETTINGS.items()
    if key in load_option("weighting", name)
]


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

    def __init__(self, run, cohort, primary=None):
        self.tasks = cohort.info.tasks
        self.network = build_network(Parts.of(run), cohort.info, SEED).double()
        owners = self.network.owners()
        self.balancer = Balancer(
            build(run["weighting"]),
            shared=[p for n, p in self.network.named_parameters() if owners[n] is None],
            tasks=len(self.tasks),
            seed=SEED,
            steps_per_epoch=ROWS / BATCH,
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


def assert_alike(name, setting, tasks, primary=None):
    torch.set_num_threads(1)
    choices = {} if primary is None else {"suite__primary": TASKS[primary]}
    run = config(name, setting, tasks, **choices)
    cohort = Cohort([run], torch.device("cpu"))
    expected, expected_weights, batches = in_the_engine(cohort)
    loop = PlainLoop(run, cohort, primary)
    start = {n: p.detach().clone() for n, p in loop.network.named_parameters()}
    weights = torch.stack([loop.step(batch) for batch in batches])
    torch.testing.assert_close(weights, expected_weights, rtol=ALIKE, atol=ALIKE)
    for parameter, found in loop.network.named_parameters():
        values = expected[parameter]
        assert not torch.equal(found, start[parameter]), parameter
        assert (found - values).norm() <= ALIKE * values.norm(), parameter


@pytest.mark.parametrize("tasks", (2, 3))
@pytest.mark.parametrize(
    ("name", "setting"), EVERY, ids=[" ".join([n, *(str(v) for v in s.values())]) for n, s in EVERY]
)
def test_every_weighting_trains_as_in_the_engine(name, setting, tasks):
    assert_alike(name, setting, tasks)


@pytest.mark.parametrize("name", options("weighting"))
def test_one_task_alone_trains_as_in_the_engine(name):
    assert_alike(name, {}, 1)


@pytest.mark.parametrize("name", ("relatedness", "auto_lambda"))
def test_a_task_that_the_others_help(name):
    assert_alike(name, {}, 3, primary=1)


@pytest.mark.parametrize("name", options("weighting"))
def test_a_weighting_says_whether_it_looks_at_epochs(name):
    """What has another weight where an epoch begins must ask the user how long one is."""
    torch.set_num_threads(1)
    weights = []
    for length in (2, 10**6):
        run = config(name, {"warmup": 0} if name == "stch" else {}, 2)
        cohort = Cohort([run], torch.device("cpu"))
        loop, batches = PlainLoop(run, cohort), cohort.batches(cohort.phases[0], 0)
        loop.balancer._run._per_epoch = length
        weights.append(torch.stack([loop.step(batch) for batch, _ in zip(batches, range(8), strict=False)]))
    told = not np.array_equal(*weights)
    assert told == build(load_option("weighting", name)).watches_epochs
