"""Settings as tables show them, and as filters take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def setting_text(value: Any) -> str:
    """Return a setting as text: numbers to six digits, as [0.666667, 1.33333], mappings as a 40, b 120."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    if isinstance(value, float):
        return str(float(f"{value:.6g}"))
    return f"[{', '.join(f'{v:.6g}' for v in value)}]" if _numbers(value) else str(value)


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, float) for v in value)
