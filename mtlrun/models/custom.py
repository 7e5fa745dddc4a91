"""An encoder of the user's own."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import UninitializedParameter

from mtlrun.errors import ConfigError, Fault
from mtlrun.models.base import Encoder, Model
from mtlrun.models.memory import without_memory
from mtlrun.user_code import FOREIGN_ERRORS, TARGET, argument_faults, arguments_of, find, told

KEY = "model.encoder"
SHAPE = "input_shape"
"""The constructor's argument that gets the shape of one example, where the config does not give it."""

ROWS = 3  # of the batch that tries an encoder
Channels = Literal["first", "last"]


@dataclass
class Custom(Model):
    """An encoder of your own: any `nn.Module` from inputs (B, ...) to features (B, F) or a feature map.

    `encoder._target_` names a class, or a function that returns a module; every other key of `encoder` is an
    argument of it. An argument called `input_shape` that is not given gets the shape of one example. A feature map
    (B, F, ...) becomes features by the mean over all its further axes; (B, ..., F) where `channels` is `last`.
    A batch tells the number of features before anything trains.

    Sharing schemes cut an `nn.Sequential` between its children, and another module between the attributes that
    `blocks` names, which then are applied in that order in place of `forward`; any other module is one block.

    Where vmap cannot take the module, lanes pass it one by one, and `mtlrun plan` says why. Only batch
    normalisations ever see `training` true and keep running statistics. An active dropout is refused
    (regularization=dropout draws from each run's own streams), and so are other random numbers in `forward` and
    buffers that it changes.

    Args:
        encoder: `_target_`, and arguments by name.
        blocks: attributes of the module, applied in this order; a list of modules counts as its members.
        features: F, to be checked against what the module gives; None to take what it gives.
        channels: which axis of a feature map has the features: `first` behind the batch, or `last`.
    """

    encoder: dict[str, Any] = field(default_factory=lambda: {TARGET: None})
    blocks: list[str] | None = None
    features: int | None = None
    channels: Channels = "first"

    def faults(self) -> Iterator[Fault]:
        if not self.encoder.get(TARGET):
            rule = "must name your encoder, as model.encoder._target_=my_package.MyEncoder"
            yield Fault(f"encoder.{TARGET}", rule, self.encoder.get(TARGET))
            return
        for fault in argument_faults({SHAPE: (), **self.encoder}):
            if fault.key != SHAPE or SHAPE in self.encoder:
                yield fault._replace(key=f"encoder.{fault.key}")
        if self.blocks is not None and not self.blocks:
            yield Fault("blocks", "must name attributes of the encoder, or be null", self.blocks)

    def build(self, input_shape: tuple[int, ...]) -> Encoder:
        """Return the encoder: the module's blocks, the last of which pools a feature map.

        Raises:
            ConfigError: the module cannot be built, or does not do what an encoder must.
        """
        text = json.dumps([self.encoder, self.blocks, self.features, self.channels], sort_keys=True)
        known = _tried(find(self.encoder[TARGET]), text, input_shape)
        with torch.device("cpu"):  # also for a network without memory: what is no parameter stays usable
            module = _constructed(self.encoder, input_shape)
        blocks = _blocks(module, self.blocks)
        if known.axes:
            blocks[-1] = nn.Sequential(blocks[-1], Pool(known.axes, self.channels))
        encoder = Encoder(blocks, known.features)
        encoder.names = _names(encoder, module)
        return without_memory(encoder) if torch.empty(0).device.type == "meta" else encoder


class Pool(nn.Module):
    """The mean over all axes of a feature map but the batch's and the features'.

    Args:
        axes: how many they are.
        channels: whether the features stand before them or behind.
    """

    any_leading_axes = True

    def __init__(self, axes: int, channels: Channels) -> None:
        super().__init__()
        last = -1 if channels == "first" else -2
        self.axes = tuple(range(last - axes + 1, last + 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, F, ...) or (B, ..., F) to (B, F)."""
        return inputs.mean(self.axes)


class _Known(NamedTuple):
    """What a trial of a module tells: the number of features, and of axes of a map besides."""

    features: int
    axes: int


@functools.lru_cache(maxsize=256)
def _tried(_found: Any, text: str, input_shape: tuple[int, ...]) -> _Known:
    """Try a module on a small batch, once for each code, config and shape.

    Raises:
        ConfigError: it does not do what an encoder must.
    """
    node, blocks, features, channels = json.loads(text)
    with torch.random.fork_rng(devices=[]), torch.device("cpu"), torch.no_grad():
        torch.default_generator.manual_seed(0)
        module = _constructed(node, input_shape).eval()
        _refuse_dropout(module)
        inputs = torch.randn(ROWS, *input_shape)
        out = _quiet(module, inputs)
        known = _known(out, channels)
        _copied(module)
        if features is not None and features != known.features:
            raise ConfigError([Fault("model.features", f"must be {known.features}, as it gives", features)])
        if blocks is not None:
            chain = nn.Sequential(*_blocks(module, blocks))
            _refuse_other(_called(chain, inputs, "model.blocks"), out, blocks)
        _quiet(module.train(), inputs)
    return known


def _quiet(module: nn.Module, inputs: Tensor) -> Any:
    """Return what a module gives.

    Raises:
        ConfigError: it draws random numbers, or in evaluation changes buffers.
    """
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    drawn = torch.default_generator.get_state()
    out = _called(module, inputs, "forward")
    if not torch.equal(drawn, torch.default_generator.get_state()):
        when = "training" if module.training else "evaluation"
        rule = (
            f"must draw no random numbers in forward, and does in {when}, as torch.nn.functional.dropout would: "
            "such draws would not be a run's own (regularization=dropout draws such, and drops behind every block)"
        )
        raise ConfigError([Fault(KEY, rule)])
    for name, buffer in module.named_buffers():
        if not module.training and not torch.equal(buffer, buffers[name]):
            rule = "must not change buffers in forward; batch normalisations alone keep running statistics"
            raise ConfigError([Fault(KEY, rule, name)])
    return out


def _constructed(node: Mapping[str, Any], input_shape: tuple[int, ...]) -> nn.Module:
    """Return a module as its node says; lazy layers take their shapes from a batch."""
    made = find(node[TARGET])
    try:
        shape = {SHAPE: input_shape} if SHAPE not in node and _names_shape(node) else {}
        module = made(**arguments_of(node), **shape)
    except ConfigError as error:  # of an argument that is an object itself
        faults = [f._replace(key=f"{KEY}: {f.key}") if isinstance(f, Fault) else f for f in error.faults]
        raise ConfigError(faults) from error
    except FOREIGN_ERRORS as error:
        rule = f"cannot be built: {told(error)}"
        raise ConfigError([Fault(KEY, rule, dict(node))]) from error
    if not isinstance(module, nn.Module):
        raise ConfigError([Fault(f"{KEY}.{TARGET}", "must give an nn.Module", type(module).__name__)])
    if any(isinstance(p, UninitializedParameter) for p in module.parameters()):
        with torch.no_grad():
            _called(module, torch.zeros(ROWS, *input_shape), "forward")
    return module


def _names_shape(node: Mapping[str, Any]) -> bool:
    """Whether a constructor has an argument `input_shape`, and not only room for any."""
    return any(fault.choices and SHAPE in fault.choices for fault in argument_faults({**node, "": None}))


def _called(module: nn.Module, inputs: Tensor, what: str) -> Any:
    try:
        return module(inputs)
    except FOREIGN_ERRORS as error:
        rule = f"must take inputs {tuple(inputs.shape)}, which are (B, ...) of this suite; {what} fails with"
        raise ConfigError([Fault(KEY, f"{rule} {told(error)}")]) from error


def _copied(module: nn.Module) -> None:
    """Refuse a module of which no copies can be made, as each cohort needs one."""
    try:
        copy.deepcopy(module)
    except FOREIGN_ERRORS as error:
        rule = f"must be a module that copy.deepcopy can copy: {told(error)}"
        raise ConfigError([Fault(KEY, rule)]) from error


def _known(out: Any, channels: Channels) -> _Known:
    rule = "must give one tensor of real numbers, features (B, F) or a map (B, F, ...)"
    if not isinstance(out, Tensor) or not out.is_floating_point():
        raise ConfigError([Fault(KEY, rule, type(out).__name__)])
    if out.dim() < 2 or len(out) != ROWS or not out.numel():
        raise ConfigError([Fault(KEY, f"{rule}; a batch of {ROWS} gave the shape", tuple(out.shape))])
    return _Known(out.shape[1 if channels == "first" else -1], out.dim() - 2)


def _refuse_dropout(module: nn.Module) -> None:
    for name, layer in module.named_modules():
        rate = layer.p if isinstance(layer, _DropoutNd) else getattr(layer, "dropout", 0)
        if isinstance(rate, int | float) and rate > 0:
            rule = (
                "must have no active dropout, whose draws would not be a run's own: give it rate 0, "
                f"regularization=dropout drops behind every block; `{name}` has the rate"
            )
            raise ConfigError([Fault(KEY, rule, float(rate))])


def _refuse_other(found: Any, out: Tensor, blocks: list[str]) -> None:
    """Refuse blocks that do not make what the module makes."""
    same = isinstance(found, Tensor) and found.shape == out.shape
    if not same or not torch.allclose(found, out, rtol=1e-4, atol=1e-5, equal_nan=True):
        rule = "must name what, applied in this order, gives what the encoder's forward gives"
        raise ConfigError([Fault("model.blocks", rule, blocks)])


def _blocks(module: nn.Module, names: list[str] | None) -> list[nn.Module]:
    """Return the blocks into which a module can be cut."""
    if names is None:
        children = list(module.children())
        plain = type(module).forward is nn.Sequential.forward and len(children) == len(module._modules)
        return children if plain and children else [module]
    found: list[nn.Module] = []
    for name in names:
        part = getattr(module, name, None)
        if not isinstance(part, nn.Module):
            known = tuple(child for child, _ in module.named_children())
            raise ConfigError([Fault("model.blocks", "must name modules of the encoder", name, known)])
        found += list(part) if isinstance(part, nn.ModuleList) else [part]
    return found


def _names(encoder: Encoder, module: nn.Module) -> dict[str, str]:
    """Return what a module calls the parameters and buffers of the encoder made of it."""
    known: dict[int, list[str]] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        known.setdefault(id(tensor), []).append(name)
    names = {}
    for name, tensor in encoder.state_dict(keep_vars=True).items():
        own = known[id(tensor)]
        names[name] = own.pop(0) if len(own) > 1 else own[0]
    return names
