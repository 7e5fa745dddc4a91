"""Weights from a safetensors file into an encoder."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mtlrun.errors import ConfigError, Fault

KEY = "model.init_from"
COUNTED = "num_batches_tracked"  # of batch normalisations, which a fixed momentum does not ask for
TOLD = 5  # names in a message, at most


def digest(path: str) -> str | None:
    """Return what tells a file's content, 16 hex digits; None where there is no such file."""
    file = Path(path)
    if not os.path.isfile(file):
        return None
    stat = file.stat()
    return _digest(file.resolve(), stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=64)
def _digest(file: Path, _modified_ns: int, _size: int) -> str:
    hashed = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(2**20):
            hashed.update(piece)
    return hashed.hexdigest()[:16]


@dataclass(frozen=True)
class Pretrained:
    """What a model says of the weights with which its encoder begins.

    Args:
        path: of the file.
        content: what tells its content.
        prefix: what stands before the encoder's names there; None to find it.
        strict: whether names must agree on both sides.
    """

    path: str
    content: str | None
    prefix: str | None
    strict: bool

    def load_into(self, encoder: nn.Module, names: Mapping[str, str]) -> None:
        """Write the file's weights into an encoder; one without memory is only compared with the file.

        Args:
            encoder: whose parameters and buffers are written.
            names: what they are called in the file, by their names in the encoder, where these differ.

        Raises:
            ConfigError: the file cannot be read, or does not fit.
        """
        wanted: dict[str, list[Tensor]] = {}
        for name, tensor in encoder.state_dict(keep_vars=True).items():
            if name.rpartition(".")[2] != COUNTED:
                wanted.setdefault(names.get(name, name), []).append(tensor)
        if not os.path.isfile(self.path):
            raise ConfigError([Fault(KEY, "must name a safetensors file", self.path)])
        if self.content != digest(self.path):
            raise ConfigError([Fault(KEY, "has changed since these runs were planned", self.path)])
        try:
            with safe_open(self.path, "pt") as file:
                keys = [k for k in sorted(file.keys()) if k.rpartition(".")[2] != COUNTED]
                prefix = self._prefix(keys, wanted)
                found = {k.removeprefix(prefix): k for k in keys if k.startswith(prefix)}
                shapes = {n: tuple(file.get_slice(k).get_shape()) for n, k in found.items() if n in wanted}
                self._check(wanted, found, shapes, prefix)
                for name in shapes:
                    self._write(file.get_tensor(found[name]), wanted[name])
        except (SafetensorError, OSError) as error:
            raise ConfigError([Fault(KEY, f"must name a safetensors file: {error}", self.path)]) from error

    @staticmethod
    @torch.no_grad()
    def _write(values: Tensor, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            if tensor.device.type != "meta":
                tensor.copy_(values)

    def _prefix(self, keys: list[str], wanted: Mapping[str, object]) -> str:
        """Return what stands before the names of an encoder in a file."""
        if self.prefix is not None:
            return self.prefix
        have = set(keys)
        if have & set(wanted):
            return ""
        ends = [(key, name) for key in keys for name in wanted if key.endswith((f".{name}", f"/{name}"))]
        found = sorted({key.removesuffix(name) for key, name in ends})
        whole = [prefix for prefix in found if all(prefix + name in have for name in wanted)]
        found = whole or found
        if len(found) > 1:
            rule = "must say which weights of the file are meant: several stand for the encoder"
            raise ConfigError([Fault("model.init_prefix", rule, choices=tuple(found))])
        return found[0] if found else ""

    def _check(
        self,
        wanted: Mapping[str, list[Tensor]],
        found: Mapping[str, str],
        shapes: Mapping[str, tuple[int, ...]],
        prefix: str,
    ) -> None:
        faults = []
        missing = [name for name in wanted if name not in found]
        unexpected = [name for name in found if name not in wanted]
        under = f" under the prefix `{prefix}`" if prefix else ""
        if missing and (self.strict or not shapes):
            rule = f"must have every weight of the encoder{under} (unless model.init_strict=false); missing"
            rule = rule if self.strict else f"must have weights of the encoder{under}; missing"
            faults.append(Fault(KEY, f"{rule} {_some(missing)}; the file has {_some(found) or 'none there'}"))
        elif unexpected and self.strict:
            rule = f"must have weights of the encoder alone{under} (unless model.init_strict=false)"
            faults.append(Fault(KEY, f"{rule}; it also has {_some(unexpected)}"))
        for name, shape in shapes.items():
            own = tuple(wanted[name][0].shape)
            if own != shape:
                faults.append(Fault(KEY, f"must have `{name}` of shape {own}", shape))
        if faults:
            raise ConfigError(faults)


def _some(names: Iterable[str]) -> str:
    """Return names in a line, the first few of many."""
    listed = list(names)
    more = f" and {len(listed) - TOLD} more" if len(listed) > TOLD else ""
    return ", ".join(listed[:TOLD]) + more
