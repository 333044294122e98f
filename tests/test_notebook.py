"""The notebook runs from the first cell to the last, and prints what it shows."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "examples" / "notebook.ipynb"


def printed(notebook):
    """The text of each code cell's output, without progress, which tells of the time."""
    texts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            outputs = [each.text for each in cell.outputs if each.get("name") == "stdout"]
            lines = "".join(outputs).replace("\r", "\n").splitlines()
            texts.append([line.rstrip() for line in lines if line and "rows/s" not in line])
    return texts


@pytest.mark.filterwarnings("ignore")  # of Jupyter, about its own sockets and event loops
def test_it_runs_and_prints_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parent.parent))
    kept, notebook = (nbformat.read(NOTEBOOK, as_version=4) for _ in range(2))
    metadata = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=metadata).execute()
    now, before = printed(notebook), printed(kept)
    assert now[:-3] == before[:-3]  # rows, columns and weights are exact
    mean, rate = (float(word.strip(",")) for word in now[-2][0].split() if word[0] == "0")
    assert abs(mean - rate) < 0.006
    images = [
        output for output in notebook.cells[-3].outputs if "image/png" in output.get("data", {})
    ]
    assert len(images) == 1


@pytest.mark.filterwarnings("ignore")
def test_progress_needs_no_widgets(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parent.parent))
    code = "from sampling.progress import bar\nwith bar('reading', 3) as made:\n    made.update(3)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    [output] = notebook.cells[0].outputs
    assert output.name == "stderr" and output.text.startswith("reading     100%")
