"""Writes a trained model that plain PyTorch loads: a Python file and its weights.

The Python file is the network's own computation, traced to torch's operators, with any number of examples in a
batch. So it needs nobody's code, ours or the author's of an encoder; it can be read, and unlike a pickle or a program
in a binary format it shows what it will do. The weights are safetensors.
"""

from __future__ import annotations

import json
import re
import warnings
from functools import partial
from pathlib import Path
from typing import IO, Any

import torch
from safetensors.numpy import save
from torch import Tensor

from mtlrun.data.task import SourceInfo, Task
from mtlrun.errors import MtlrunError
from mtlrun.planning.settings.saving import Arrays
from mtlrun.store.files import write_whole
from mtlrun.trained.saved_run import SavedRun, Whole

ROWS = 2  # of the batch that is traced; any number fits afterwards
CODE = "model.py"
TRACE_ERRORS = (RuntimeError, TypeError, ValueError, AttributeError, AssertionError, LookupError)
WEIGHTS = "weights.safetensors"
ABOUT = "about.json"
OUTPUTS = {
    "multiclass": "logits of the classes",
    "binary": "logit of the second class",
    "multilabel": "logits of the labels",
    "regression": "amounts in the unit of the data, float64 where they were standardised",
}

TEMPLATE = '''"""Run {run_id} as `mtlrun export` wrote it: tasks {told_tasks}.

    from model import load
    outputs = load()({arguments})  # by task, (B, outputs)

Inputs: {inputs}.
Outputs: {outputs}. Needs torch and safetensors.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import inf, nan, nn  # noqa: F401

TASKS = {tasks!r}
CHECKPOINTS = {checkpoints!r}  # step: positions of the tasks whose best checkpoint it is
NAMES = {names!r}
TRAINED = {trained!r}
UNITS = {units!r}  # task: means and deviations of the amounts that it was trained on, standardised


class Model(nn.Module):
    """Maps {arguments} to a dict of outputs (B, outputs) by task."""

    def __init__(self, tensors):
        super().__init__()
        for key, tensor in tensors.items():
            if key.partition("/")[2] in TRAINED:
                self.register_parameter(key.replace(".", "_"), nn.Parameter(tensor))
            else:
                self.register_buffer(key.replace(".", "_"), tensor)

    def forward(self, *inputs):
        found = {{}}
        for step, tasks in CHECKPOINTS.items():
            held = [getattr(self, f"{{step}}/{{name}}".replace(".", "_")) for name in NAMES]
            outputs = network(*held, *(x.to(held[0].dtype) for x in inputs))
            found.update({{TASKS[t]: outputs[t] for t in tasks}})
        return {{task: in_units(task, found[task]) for task in TASKS}}


def in_units(task, outputs):
    """Return amounts that were standardised in the unit of the data, float64; other outputs as they are."""
    if task not in UNITS:
        return outputs
    mean, std = (torch.tensor(n, dtype=torch.float64, device=outputs.device) for n in UNITS[task])
    return outputs.double() * std + mean


def load(folder=Path(__file__).parent):
    """Return the trained model, for evaluation."""
    return Model(load_file(Path(folder, "{weights}"))).eval()


{code}
'''


def export(run: SavedRun, folder: Path) -> None:
    """Write a run's model to a folder: `model.py`, `weights.safetensors` and `about.json`.

    Raises:
        MtlrunError: torch cannot trace the network.
        StoreError: the folder cannot be written.
    """
    steps = run.by_step()
    whole = run.whole(next(iter(steps)))
    names, constants, code = traced(run, whole)
    held = {step: constants | _buffers(run, step) | run.saved.tensors[step] for step in steps}
    arrays = {f"{step}/{name}": held[step][name] for step in steps for name in names}
    sources = run.info.sources
    page = TEMPLATE.format(
        run_id=_harmless(run.run_id),
        tasks=tuple(task.name for task in run.info.tasks),
        told_tasks=_harmless(", ".join(task.name for task in run.info.tasks)),
        arguments=", ".join(f"x_{k}" if len(sources) > 1 else "x" for k, _ in enumerate(sources)),
        inputs=_harmless("; ".join(map(_input, sources))),
        outputs=_harmless("; ".join(f"{task.name}: {OUTPUTS[task.kind]}" for task in run.info.tasks)),
        checkpoints=steps,
        names=names,
        units=run.units(),
        trained=[name for name, _ in whole.network.named_parameters()],
        weights=WEIGHTS,
        code=code,
    )
    about = {
        "run_id": run.run_id,
        "checkpoint": run.saved.rule,
        "steps": run.saved.steps,
        "tasks": [_about_task(run, task) for task in run.info.tasks],
        "config": run.spec.plain,
    }
    files = {CODE: page.encode(), WEIGHTS: save(arrays), ABOUT: json.dumps(about, indent=1).encode()}
    for name, content in files.items():
        write_whole(folder / name, partial(_write, content))


def _harmless(text: str) -> str:
    """Return text that cannot end the docstring that it stands in: names may be somebody else's."""
    return text.replace("\\", "/").replace('"', "'")


def _buffers(run: SavedRun, step: int) -> Arrays:
    """Return the buffers of a network: those that training left as they were are not saved with its weights."""
    return {name: buffer.numpy() for name, buffer in run.network(step).named_buffers()}


def _input(source: SourceInfo) -> str:
    """Return what a source's input is, in words."""
    kind = "pixels from 0 to 255" if source.pixels else "numbers as the suite has them"
    return f"{source.name} (B, {', '.join(map(str, source.input_shape))}), {kind}"


def _about_task(run: SavedRun, task: Task) -> dict[str, Any]:
    classes = run.suite.class_names(task.name)
    return {"name": task.name, "kind": task.kind, "outputs": task.outputs, "classes": classes}


def _write(content: bytes, file: IO[bytes]) -> None:
    file.write(content)


def traced(run: SavedRun, whole: Whole) -> tuple[list[str], Arrays, str]:
    """Return the names of what a network reads, those of them that are constants, and a function as Python text.

    The function `network` takes what stands under the names, then the inputs, and returns the outputs of all tasks.

    Raises:
        MtlrunError: torch cannot trace the network.
    """
    inputs = tuple(torch.zeros(ROWS, *s.input_shape, dtype=whole.dtype) for s in run.info.sources)
    shapes = (tuple({0: torch.export.Dim.AUTO} for _ in inputs),)
    try:
        with (
            warnings.catch_warnings()
        ):  # recurrent layers put their weights into lists of their own meanwhile
            warnings.filterwarnings("ignore", "The tensor attributes? .*_flat_weights")
            program = torch.export.export(whole, inputs, dynamic_shapes=shapes, strict=False)
    except TRACE_ERRORS as error:
        reason = str(error).strip().partition("\n")[0]
        raise MtlrunError(f"torch cannot trace the network of run {run.run_id}: {reason}") from error
    held = [spec.target for spec in program.graph_signature.input_specs if spec.target is not None]
    constants = {n: t.numpy() for n, t in program.constants.items() if isinstance(t, Tensor)}
    return (
        [name.removeprefix("network.") for name in held],
        {name.removeprefix("network."): array for name, array in constants.items()},
        _code(program),
    )


def _code(program: Any) -> str:
    """Return a traced program as a function `network`."""
    text = program.graph_module.code.strip()
    text = text.replace("def forward(self, ", "def network(", 1)
    text = re.sub(r"device\(type='cpu'\)", "inputs_0.device", text)  # wherever the model is used
    return re.sub(r";  (?:\w+ = )+None$", "", text, flags=re.MULTILINE)
