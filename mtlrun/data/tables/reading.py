"""Files with tables: found, measured against the memory that is free, and read, once for each of their versions."""

from __future__ import annotations

import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv, feather, parquet

from mtlrun.data.tables.dialect import Dialect, dialect
from mtlrun.data.tables.missing import DEFAULT, told, without
from mtlrun.errors import ConfigError, Fault
from mtlrun.machine import free_memory_mib

TEXT_COPIES = 3.5  # memory that reading takes, in sizes of a text file: its bytes, its columns, inputs
BINARY_COPIES = 3.5  # the same of a file that says how large its columns are
WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")  # a drive, or a share of the network
BLOCK = 2**23  # bytes that are parsed at once; a row must fit in


@dataclass(frozen=True)
class File:
    """Where a table lies and how it is written.

    Attributes:
        path: of the file.
        delimiter: between the values of a text file; None to find out.
        decimal: sign before the decimals of a text file.
        encoding: of a text file.
        sheet: of a workbook; None for the first.
        missing: words that count as a missing value.
        text: columns of a text file whose values stay as they are written, as 01067.
    """

    path: str
    delimiter: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"
    sheet: str | None = None
    missing: tuple[str, ...] = DEFAULT
    text: tuple[str, ...] = ()


def read(file: File) -> pa.Table:
    """Return a table, the same object as long as the file does not change.

    Raises:
        ConfigError: there is no such file, it cannot be read, or memory does not hold it; the key is `path`.
    """
    path = Path(os.path.expanduser(file.path))
    _check_place(path, file.path)
    at = path.stat()
    return _read(file, path, at.st_mtime_ns, at.st_size)


@lru_cache(maxsize=64)
def _read(file: File, path: Path, _modified_ns: int, _size: int) -> pa.Table:
    try:
        _check_memory(file, path)
        found = READERS[path.suffix.lower()](file, path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, pa.ArrowException) as error:
        rule = f"cannot be read: {str(error).strip().partition(chr(10))[0] or type(error).__name__}"
        raise ConfigError([Fault("path", rule, file.path)]) from error
    kept = [k for k, name in enumerate(found.column_names) if name.strip() or not _is_empty(found.column(k))]
    found = found.select(kept)
    _check_shape(found, file.path)
    return without(found, file.missing)


def _is_empty(column: pa.ChunkedArray) -> bool:
    """Say whether no row has a value, as behind delimiters at the ends of lines."""
    return bool(column.null_count == len(column))


def _check_place(path: Path, given: str) -> None:
    if not given:
        raise ConfigError([Fault("path", f"must name a file with a table ({', '.join(READERS)})")])
    if os.path.isdir(path):
        raise ConfigError([Fault("path", "must be a file, and is a folder", given, _tables_in(path))])
    if not os.path.isfile(path):
        _check_slashes(given)
        beside = [str(Path(given).parent / name) for name in _tables_in(path.parent)]
        raise ConfigError([Fault("path", "must be a file that is there", given, beside)])
    if path.suffix.lower() not in READERS:
        raise ConfigError([Fault("path", "must be a file of a kind that is read", given, tuple(READERS))])
    if path.stat().st_size == 0:
        raise ConfigError([Fault("path", "must hold a table, and is empty", given)])


def _check_slashes(given: str) -> None:
    """Raise where a path of Windows is given to another system."""
    if os.name == "nt" or not (WINDOWS.match(given) or "\\" in given):
        return
    slashed = given.replace("\\", "/")
    if given.startswith("\\\\"):
        rule = "is a network path of Windows: give the path under which this system has mounted it"
    elif WINDOWS.match(given):
        here = f"/mnt/{given[0].lower()}{slashed[2:]}"
        rule = f"is a path of Windows, and this system has no drives: give its path here, under WSL {here}"
    else:
        rule = f"has backslashes, and here folders are separated by /: say {slashed}"
    raise ConfigError([Fault("path", rule, given)])


def _tables_in(folder: Path) -> list[str]:
    if not os.path.isdir(folder):
        return []
    return sorted(p.name for p in folder.iterdir() if p.suffix.lower() in READERS)[:20]


def _check_memory(file: File, path: Path) -> None:
    """Refuse a file that memory does not hold.

    Raises:
        ConfigError: with the size that it needs.
    """
    needs, free = needed_bytes(path) / 2**30, free_memory_mib() / 2**10
    if needs > free:
        rule = f"needs about {needs:,.1f} GiB of memory, and {free:,.1f} GiB are free"
        raise ConfigError([Fault("path", rule, file.path)])


def needed_bytes(path: Path) -> float:
    """Return about how much memory a table takes, from the size of its file or from what the file says."""
    kind = path.suffix.lower()
    if kind == ".parquet":
        about = parquet.read_metadata(path)
        groups = (about.row_group(k).total_byte_size for k in range(about.num_row_groups))
        return BINARY_COPIES * max(sum(groups), 8.0 * about.num_rows * about.num_columns)
    size = path.stat().st_size
    return 20.0 * size if kind in (".xlsx", ".xlsm") else TEXT_COPIES * size  # workbooks are zipped text


def _check_shape(found: pa.Table, given: str) -> None:
    names = list(found.column_names)
    doubles = sorted(name for name, times in Counter(names).items() if times > 1)
    if doubles:
        raise ConfigError(
            [Fault("path", "must have a name of its own for each column, and has twice", doubles)]
        )
    if not names:
        raise ConfigError([Fault("path", "must have columns", given)])
    if not found.num_rows:
        raise ConfigError([Fault("path", "must have rows below its column names, and has 0", given)])


def _read_text(file: File, path: Path) -> pa.Table:
    found: Dialect = dialect(path, file.delimiter, file.decimal, file.encoding)
    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(encoding=found.encoding, skip_rows=found.skip, block_size=BLOCK),
        parse_options=csv.ParseOptions(delimiter=found.delimiter, newlines_in_values=found.quoted),
        convert_options=csv.ConvertOptions(
            null_values=list(file.missing),
            strings_can_be_null=False,  # text keeps its words, which are counted
            decimal_point=file.decimal,
            column_types=dict.fromkeys(file.text, pa.string()),
        ),
    )
    return table.rename_columns([name.strip() for name in table.column_names])


def _read_excel(file: File, path: Path) -> pa.Table:
    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        rule = f"needs the library `openpyxl` for workbooks: pip install 'mtlrun[excel]' ({error})"
        raise ConfigError([Fault("path", rule, file.path)]) from error
    sheet: Any = 0 if file.sheet is None else file.sheet
    header = list(pd.read_excel(path, sheet, header=None, nrows=1, engine="openpyxl").iloc[0])
    words = list(file.missing)
    frame = pd.read_excel(path, sheet, engine="openpyxl", na_values=words, keep_default_na=False)
    names = ["" if name != name else str(name) for name in header]  # doubles as they are
    arrays = [_excel_column(frame.iloc[:, place]) for place in range(frame.shape[1])]
    fields = [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)]
    gaps = [k for k, array in enumerate(arrays) if array.null_count and pa.types.is_string(array.type)]
    if gaps:
        raw = pd.read_excel(path, sheet, engine="openpyxl", dtype=object, na_filter=False)
        for k in gaps:
            cells = raw.iloc[:, k]
            fields[k] = told(fields[k], cells[cells.isin(words)].value_counts().astype(int).to_dict())
    return pa.table(arrays, schema=pa.schema(fields))


def _excel_column(values: pd.Series) -> pa.Array:
    """Return a column; cells of several kinds become text."""
    try:
        found = pa.array(values, from_pandas=True)
        return found.cast(pa.string()) if pa.types.is_large_string(found.type) else found
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None or v != v else str(v) for v in values], pa.string())


def _read_feather(file: File, path: Path) -> pa.Table:
    with open(path, "rb") as opened:
        if opened.read(4) == b"FEA1":  # pyarrow may crash on a damaged one
            raise pa.ArrowInvalid(
                "Feather files of version 1 are not read: write it again with today's pyarrow"
            )
    return feather.read_table(path)


READERS: dict[str, Callable[[File, Path], pa.Table]] = {
    ".csv": _read_text,
    ".tsv": _read_text,
    ".txt": _read_text,
    ".parquet": lambda file, path: parquet.read_table(path),
    ".feather": _read_feather,
    ".arrow": _read_feather,
    ".xlsx": _read_excel,
    ".xlsm": _read_excel,
}
