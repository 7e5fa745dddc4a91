"""Classes and functions of other people's code, which a node names by `_target_` with their arguments beside it."""

from __future__ import annotations

import importlib
import inspect
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from mtlrun.errors import ConfigError, Fault, MtlrunError

FOREIGN_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    NameError,
    AssertionError,
    ImportError,
    OSError,
    SyntaxError,
)
"""What other people's code may raise; it becomes a fault of the config."""

TARGET = "_target_"

MOVED = {
    "mtlrun.launch.local.Local": "mtlrun.execution.local.Local",
    "mtlrun.plan.budget.Budget": "mtlrun.planning.budget.Budget",
}
"""Classes of ours by the names under which users' options may still have them."""

RULE = "must name a class or function that can be imported, as my_package.MyClass"


def find(target: Any) -> Callable[..., Any]:
    """Import the class or function that a `_target_` names.

    Raises:
        ConfigError: there is none, or its module cannot be imported.
    """
    target = MOVED.get(target, target) if isinstance(target, str) else target
    module, _, name = target.rpartition(".") if isinstance(target, str) else ("", "", "")
    if not module or module.strip(".") != module:
        raise ConfigError([Fault(TARGET, RULE, target)])
    try:
        home = importlib.import_module(module)
    except FOREIGN_ERRORS as error:
        lacking = error.name if isinstance(error, ModuleNotFoundError) else None
        absent = lacking is not None and f"{module}.".startswith(f"{lacking}.")
        why = f"there is no module {lacking}" if absent else f"its module fails with {told(error)}"
        raise ConfigError([Fault(TARGET, f"{RULE}: {why}", target)]) from error
    found = getattr(home, name, None)
    if not callable(found):
        rule = f"{RULE}: module {module} has no class or function {name}"
        raise ConfigError([Fault(TARGET, rule, target, _own_names(home))])
    called: Callable[..., Any] = found
    return called


def _own_names(module: ModuleType) -> list[str]:
    """Return the public classes and functions that stand in a module's own file, with its name before theirs."""
    own = {name: value for name, value in vars(module).items() if callable(value) and name[0] != "_"}
    here = (name for name, value in own.items() if getattr(value, "__module__", None) == module.__name__)
    return [f"{module.__name__}.{name}" for name in here]


def argument_faults(node: Mapping[str, Any], given: int = 0) -> list[Fault]:
    """Return what is wrong with a node's `_target_` and with the names of its arguments; keys are of the node.

    Args:
        node: `_target_` and arguments by name.
        given: how many arguments come besides, before those of the node.
    """
    try:
        found = find(node.get(TARGET))
        signature = inspect.signature(found)
    except ConfigError as error:
        return [fault for fault in error.faults if isinstance(fault, Fault)]
    except ValueError:  # a builtin that does not say what it takes
        return []
    takes = [*signature.parameters.values()][given:]
    names = [p.name for p in takes if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    anything = any(p.kind is p.VAR_KEYWORD for p in takes)
    wanting = [p.name for p in takes if p.name in names and p.default is p.empty]
    arguments = [key for key in node if key != TARGET]
    label = str(node[TARGET])
    faults = [
        Fault(name, f"is no argument of {label}", name, names or ("it takes none",))
        for name in arguments
        if name not in names and not anything
    ]
    return faults + [
        Fault(name, f"must be given: {label} needs it") for name in wanting if name not in arguments
    ]


def arguments_of(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a node; those that are such nodes themselves are built."""
    return {key: _built(value) for key, value in node.items() if key != TARGET}


def _built(value: Any) -> Any:
    if isinstance(value, Mapping):
        arguments = {key: _built(part) for key, part in value.items() if key != TARGET}
        return find(value[TARGET])(**arguments) if TARGET in value else arguments
    return [_built(part) for part in value] if isinstance(value, list) else value


def targets_in(value: Any) -> Iterator[str]:
    """Yield every `_target_` in plain data, however deep."""
    if isinstance(value, Mapping):
        if isinstance(value.get(TARGET), str):
            yield value[TARGET]
        for part in value.values():
            yield from targets_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from targets_in(part)


def told(error: BaseException) -> str:
    """Return an error in one line: its kind and the first line of what it says."""
    said = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def is_ours(target: Any) -> bool:
    """Say whether a `_target_` names code of ours."""
    return isinstance(target, str) and target.startswith("mtlrun.")


class blaming:
    """Makes what other people's code raises, of whatever kind, a fault that names their class and their line.

    Errors in code of ours are left as they are.

    Args:
        key: of the fault.
        target: `_target_` of the class whose methods are called inside.
    """

    def __init__(self, key: str, target: Any) -> None:
        self.key, self.target = key, target

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if is_ours(self.target) or not isinstance(error, Exception) or isinstance(error, MtlrunError):
            return
        raise ConfigError(
            [Fault(self.key, f"fails in {self.target}: {told(error)}{_place(trace)}")]
        ) from error


def _place(trace: TracebackType | None) -> str:
    """Return the innermost line of a traceback that is neither ours nor an installed package's; "" for none."""
    here = str(Path(__file__).parent)
    installed = [here, *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))]
    frames = [f for f in traceback.extract_tb(trace) if not f.filename.startswith((*installed, "<"))]
    if not frames:
        return ""
    last = frames[-1]
    return f" ({Path(last.filename).name}, line {last.lineno}, in {last.name})"
