"""Predictions as files: the ending of the file's name says which form."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow.feather

from mtlrun.errors import ConfigError, DataError, Fault
from mtlrun.text.printable import plain_json
from mtlrun.text.spreadsheet import harmless


def form_of(output: str | None) -> str:
    """Return the form of a file: a key of `FORMS`, `csv` where there is no file.

    Raises:
        ConfigError: no form has the ending of its name.
    """
    if output is None:
        return "csv"
    ending = Path(output).suffix.lower()
    if ending.removeprefix(".") not in FORMS:
        rule = "must be a file whose ending says its format"
        raise ConfigError([Fault("--output", rule, output, [f".{name}" for name in FORMS])])
    return ending.removeprefix(".")


def written(table: pd.DataFrame, form: str) -> bytes:
    """Return a table of predictions as a file; every number reads back as the same double.

    Args:
        table: what `mtlrun.trained.predict.predict` gave.
        form: a key of `FORMS`.

    Raises:
        DataError: two columns have one name, which the form does not allow.
    """
    repeated = sorted(set(table.columns[table.columns.duplicated()]))
    if repeated and form not in ("csv", "tsv"):
        names = ", ".join(repeated)
        raise DataError(
            f"a .{form} file takes each column once, and predictions have {names} twice: write .csv or .tsv"
        )
    return FORMS[form](table)


def _delimited(delimiter: str) -> Callable[[pd.DataFrame], bytes]:
    def write(table: pd.DataFrame) -> bytes:
        # By place: names may repeat, as of a task `a_p` beside the probabilities of a task `a`.
        columns = [table.iloc[:, k] for k in range(table.shape[1])]
        text = [c if pd.api.types.is_numeric_dtype(c) else c.map(harmless) for c in columns]
        found = pd.concat(text, axis=1)
        found.columns = pd.Index([harmless(str(name)) for name in table.columns])
        return found.to_csv(index=False, sep=delimiter, lineterminator="\n").encode()

    return write


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _feather(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    pyarrow.feather.write_feather(pyarrow.Table.from_pandas(table, preserve_index=False), buffer)
    return buffer.getvalue()


def _json(table: pd.DataFrame) -> bytes:
    """Return a list with an object for each example; empty cells are null."""
    columns = {name: [None if pd.isna(v) else v for v in table[name].tolist()] for name in table.columns}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return (plain_json(json.dumps(rows, ensure_ascii=False, indent=1)) + "\n").encode()


FORMS: Mapping[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": _delimited(","),
    "tsv": _delimited("\t"),
    "parquet": _parquet,
    "feather": _feather,
    "json": _json,
}
