"""Every notebook in `examples/` runs from top to bottom, and shows what it is there to show."""

from __future__ import annotations

from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
nbformat = pytest.importorskip("nbformat")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHOWS = {
    "first_steps.ipynb": ["Wandering Abbot", "<svg", "<iframe", "missing hop", "<progress"],
    "inside_metakgrag.ipynb": ["adjusted", "<svg", "proposed: from", "timeline"],
    "parallel_plans.ipynb": ["Plan: When was the Wandering Abbot", "passages for: "],
    "images.ipynb": ["Image: catches", "image/png", "6,350 crans", "text='Delphine Trewarne'"],
    "compare_methods.ipynb": ["<table>", "one round", "14 questions", "difference [95 %]"],
    "parametric.ipynb": ["3 encoded", "the right passage is best: True", "gram_schmidt"],
    "make_your_own_crumqs.ipynb": ["held back", "with all documents", "always refuse", "report.html"],
}
NEED_TORCH = {"parametric.ipynb"}


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_run(path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "clear the outputs"
    if path.name in NEED_TORCH:
        packages = request.getfixturevalue("torch_packages")
        notebook.cells.insert(0, nbformat.v4.new_code_cell(f"import sys\nsys.path += {packages}"))
        monkeypatch.setenv("OMP_NUM_THREADS", "1")  # threads that wait for each other are slower
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(EXAMPLES)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = "\n".join(
        str(output.get("text", ""))
        + "\n".join(f"{kind} {data}" for kind, data in output.get("data", {}).items())
        for output in outputs
    )
    for part in SHOWS[path.name]:
        assert part in shown
