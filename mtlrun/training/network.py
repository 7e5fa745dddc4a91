"""The network of one run, built from its parts with the run's own streams."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mtlrun.config import build, to_node
from mtlrun.data.task import SuiteInfo, Task
from mtlrun.errors import ConfigError, Fault
from mtlrun.heads.base import Heads, HeadSet
from mtlrun.models.base import Encoder, Model
from mtlrun.models.stem import embedding_encoder
from mtlrun.models.width import closest_in_size
from mtlrun.regularization.base import Regularization
from mtlrun.schedule.base import Schedule
from mtlrun.sharing.base import Body, Sharing
from mtlrun.streams import stream_seed
from mtlrun.training.optimizers import Optimizer
from mtlrun.training.stems import body_inputs, stems_of
from mtlrun.training.vectorize.masks import with_sites
from mtlrun.weighting.base import Weighting

M = TypeVar("M", bound=nn.Module)


@dataclass
class Parts:
    """The objects that a run's config describes."""

    model: Model
    sharing: Sharing
    heads: Heads
    weighting: Weighting
    schedule: Schedule
    regularization: Regularization
    optimizer: Optimizer

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Parts:
        """Build the parts from a run's canonical config."""
        return cls(**{name: build(config[name]) for name in cls.__dataclass_fields__})


class Network(nn.Module):
    """Body and heads of one run: one input per source to one output per task.

    Args:
        body: between inputs and heads.
        heads: of the tasks.
        stems: first layers, one a source, below the body; none where sources have none.
        readers: for each stem the task that alone reads its source, or None.
    """

    any_leading_axes = True

    def __init__(
        self, body: Body, heads: HeadSet, stems: Sequence[nn.Module] = (), readers: Sequence[int | None] = ()
    ) -> None:
        super().__init__()
        self.body = body
        self.heads = heads
        self.stems = nn.ModuleList(stems)
        self.readers = tuple(readers)

    def _stemmed(self, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        return [stem(x) for stem, x in zip(self.stems, inputs, strict=True)] if self.readers else inputs

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Map (B, ...) inputs, one per source, to (B, outputs), one per task."""
        return self.heads(self.body(self._stemmed(inputs)))

    def represent(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Map (B, ...) inputs to the representations that tasks share."""
        return self.body.represent(self._stemmed(inputs))

    def finish(self, representations: Sequence[Tensor]) -> list[Tensor]:
        """Map shared representations to (B, outputs), one per task."""
        return self.heads(self.body.finish(representations))

    def divide(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Map (B, ...) inputs to (B, outputs) per task, then features that each shares, then each task's own."""
        features, shared, own = self.body.divide(self._stemmed(inputs))
        return [*self.heads(features), *shared, *own]

    def charge(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return what these inputs add to the objective, besides the tasks' losses."""
        return [self.body.charge(self._stemmed(inputs))]

    def owners(self) -> dict[str, int | None]:
        """Return for each parameter the task that alone uses it, or None where tasks share it."""
        return {name: self._owner(*name.split(".", 1)) for name, _ in self.named_parameters()}

    def _owner(self, part: str, name: str) -> int | None:
        if part == "stems":
            return self.readers[int(name.partition(".")[0])]
        return self.body.owner(name) if part == "body" else self.heads.owner(name)

    def layers(self) -> dict[str, str]:
        """Return for each parameter that tasks share the name of its layer, from inputs to heads."""
        shared = [name for name, owner in self.owners().items() if owner is None]
        shared.sort(key=lambda name: ("stems", "body", "heads").index(name.partition(".")[0]))
        return {name: self._layer(*name.split(".", 1)) for name in shared}

    def _layer(self, part: str, name: str) -> str:
        if part == "stems":
            return f"stem {int(name.partition('.')[0]) + 1}"
        return self.body.layer(name) if part == "body" else "heads"

    def heights(self) -> dict[str, float | None]:
        """Return where each parameter's block stands in the encoder, as `Body.height` says.

        Heads stand on top, and so do stems: a schedule that opens shared blocks leaves open what tasks own.
        """
        names = [name.split(".", 1) for name, _ in self.named_parameters()]
        return {f"{top}.{rest}": self.body.height(rest) if top == "body" else 1.0 for top, rest in names}


@dataclass(frozen=True)
class _Maker:
    """As of `mtlrun.sharing.base.MakeEncoder`."""

    model: Model
    input_shape: tuple[int, ...]
    seed: int
    masked: bool = False
    embedded: tuple[tuple[int, int], ...] = ()

    def __call__(self, name: str = "encoder") -> Encoder:
        encoder = self.module(name, self._encoder)
        return with_sites(encoder, name) if self.masked else encoder

    def _encoder(self) -> Encoder:
        if not self.embedded:
            return self.model.made(self.input_shape)
        return embedding_encoder(self.model, self.input_shape[0], self.embedded)

    def module(self, name: str, factory: Callable[[], M]) -> M:
        # Modules draw from torch's global generator as they are built; it is borrowed and put back.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(stream_seed(self.seed, f"init/{name}"))
            return factory()


@functools.lru_cache(maxsize=1024)
def _fitted(
    nodes: str, shape: tuple[int, ...], tasks: tuple[Task, ...], embedded: tuple[tuple[int, int], ...]
) -> Model:
    """Return the model with the width that the sharing scheme's `capacity` asks for.

    Args:
        nodes: of the model, the sharing scheme and the heads, as JSON.
        shape: of one example.
        tasks: of the suite.
        embedded: as of `SourceInfo`, where encoders begin with embeddings.
    """
    model, sharing, heads = (build(node) for node in json.loads(nodes))
    if sharing.capacity == "same_width":
        return model
    sources = [task.source for task in tasks]

    def size(model: Model, alone: bool = False) -> int:
        make = _Maker(model, shape, 0, embedded=embedded)
        with torch.device("meta"):
            encoder = make()
            body = encoder if alone else sharing.build(make, sources)
            parts = (body, heads.build(body.features, tasks, make.module))
        return sum(p.numel() for part in parts for p in part.parameters())

    return closest_in_size(model, size, size(model, alone=True))


def build_network(parts: Parts, info: SuiteInfo, seed: int) -> Network:
    """Return the network of one run with the initial weights of `seed`.

    Encoder and heads take their weights from the streams `init/encoder` and `init/head/<task>`, whatever the
    sharing scheme, the weighting or the other tasks are. What a sharing scheme adds has streams of its own.
    The encoder is as wide as the scheme's `capacity` asks for.

    Raises:
        ConfigError: the parts do not fit each other or the suite.
    """
    shape, embedded = body_inputs(info.sources)
    nodes = [to_node(part) for part in (parts.model, parts.sharing, parts.heads)]
    model = _fitted(json.dumps(nodes), shape, info.tasks, embedded)
    make = _Maker(model, shape, seed, parts.regularization.masks, embedded)
    body = parts.sharing.build(make, [task.source for task in info.tasks])
    if parts.weighting.gradients_at == "representation" and not (body.splits and len(info.sources) == 1):
        rule = "needs tasks that share one input and a representation of it, as under sharing=hard"
        raise ConfigError(
            [Fault("weighting.gradients_at=representation", rule, type(parts.sharing).__name__)]
        )
    if parts.regularization.compares and not body.divides and len(info.tasks) > 1:
        shares = any(body.owner(name) is None for name, _ in body.named_parameters())
        lacks = "none of a task's own" if shares else "no shared ones"
        rule = (
            f"needs shared features and each task's own, side by side, as under sharing=cgc; here are {lacks}"
        )
        name = type(parts.regularization).__name__
        raise ConfigError([Fault(f"regularization ({name})", rule, type(parts.sharing).__name__)])
    heads = parts.heads.build(body.features, info.tasks, make.module)
    network = Network(body, heads, *stems_of(info, make))
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ConfigError(
            [Fault("model", "must leave something to train: no parameter is, frozen or none here")]
        )
    if parts.schedule.opens and None in network.heights().values():
        rule = "needs a sharing scheme whose parameters stand in the encoder's blocks, as sharing=hard, not"
        name = type(parts.schedule).__name__
        raise ConfigError([Fault(f"schedule ({name})", rule, type(parts.sharing).__name__)])
    return network
