"""The notebook of the documentation runs from its first cell to its last."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


@pytest.fixture
def cells(tmp_path):
    """The executed code cells."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()  # raises CellExecutionError
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell) -> set[str]:
    """Return the kinds of what a cell shows."""
    return {kind for output in cell.outputs for kind in output.get("data", {})}


@pytest.mark.slow  # the wheel is tried with it too, by make release-check
def test_it_ends_with_a_table_and_two_pictures_in_under_thirty_lines(cells):
    assert sum(len(cell.source.splitlines()) for cell in cells) < 30
    assert "text/html" in shown(cells[1]) and "text/html" in shown(cells[2])
    assert "image/png" in shown(cells[3]) and "image/png" in shown(cells[4])


def test_it_is_committed_without_outputs():
    assert not any(cell.get("outputs") for cell in nbformat.read(NOTEBOOK, as_version=4).cells)
