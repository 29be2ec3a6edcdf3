"""The quick-start notebook runs from its first cell to its last."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lakes import Lake, captured_rows

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "quickstart.ipynb"
CELL_WITHIN = 60  # seconds


def test_the_quick_start_runs(lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROMEGAS_ANALYTICS_URI", lake.uri)
    monkeypatch.setenv("MICROMEGAS_ANALYTICS_API_KEY", lake.key)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=CELL_WITHIN, kernel_name="python3", resources={"metadata": {"path": home}}
    ).execute()
    shown = str(notebook.cells)
    assert captured_rows()["processes"][0]["process_id"] in shown
    assert "line 1 column 8" in shown


def test_the_notebook_is_kept_without_its_answers() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
