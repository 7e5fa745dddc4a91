"""What `suite=table` and `suite=tables` say alike of every file: how it is read, cut into parts and prepared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mtlrun.config import ADDED, PLACE
from mtlrun.data.suite import Suite


@dataclass
class FileSettings(Suite):
    """Fields that `mtlrun.data.tables.table.Table` and `mtlrun.data.tables.tables.Tables` explain."""

    categories: Literal["onehot", "embedded"] = "onehot"
    embedding: int = 8
    most_categories: int = 100
    group: str | None = None
    split: str | None = None
    val: int | float = 0.1
    test: int | float = 0.2
    delimiter: str | None = field(default=None, metadata=PLACE)
    decimal: Literal["point", "comma"] = field(default="point", metadata=PLACE)
    encoding: str = field(default="utf-8", metadata=PLACE)
    missing: list[str] | None = field(default=None, metadata=PLACE)
    sheet: str | None = field(default=None, metadata=PLACE)
    rare: Literal["keep", "join", "drop"] = field(default="keep", kw_only=True, metadata=ADDED)
    rare_below: int = field(default=10, kw_only=True, metadata=ADDED)
    duplicates: Literal["apart", "together"] = field(default="apart", kw_only=True, metadata=ADDED)
