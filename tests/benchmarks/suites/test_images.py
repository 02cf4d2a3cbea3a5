"""The suite of images on data of a few files: every table is written, and the halves are kept apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fpdf import FPDF
from PIL import Image

from kedge.benchmarks.suites import images
from kedge.errors import InputError

COLOURS = (
    "red",
    "green",
    "blue",
    "yellow",
    "purple",
    "orange",
    "white",
    "black",
    "brown",
    "pink",
    "cyan",
    "grey",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sheets with captions, a two-page PDF, charts, and scenes of one block."""
    folder = tmp_path / "image_text"
    (folder / "mmlongbench").mkdir(parents=True)
    rows: dict[str, list[dict[str, object]]] = {"captions": [], "opencqa": [], "nlvr": [], "mmlongbench": []}
    for number, colour in enumerate(COLOURS * 2):
        name = f"{number}.png"
        Image.new("RGB", (60, 40), colour).save(folder / name)
        captions = [f"a {colour} sheet", f"a sheet that is {colour}"]
        rows["captions"].append({"image": name, "captions": captions})
        chart = {"title": f"Sales of {colour} paint", "summary": f"{colour} paint sold {number} tins ."}
        asked = {"question": f"How many tins of {colour} paint?", "abstractive_answer": f"{number} tins"}
        rows["opencqa"].append({"image": name, **chart, **asked})
        scene = Image.new("RGB", (60, 40), "lightgrey")
        scene.paste("yellow" if number % 2 else "black", (10, 20, 30, 40))
        scene.save(folder / f"s{number}.png")
        label = str(bool(number % 2)).lower()
        rows["nlvr"].append(
            {"image": f"s{number}.png", "sentence": "There is a yellow block", "label": label}
        )
        question = {"doc_id": "a.pdf", "question": f"Who salted herring in {number}?", "answer_format": "Str"}
        gold = {"answer": "Ada", "evidence_pages": "[2]", "evidence_sources": "['Text']"}
        none = {"answer": "Not answerable", "evidence_pages": "[]", "evidence_sources": "[]"}
        rows["mmlongbench"].append(question | (gold if number % 3 else none))
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    for text in ("The harbour was dredged in spring.", "Herring were salted at the quay by Ada."):
        pdf.add_page()
        pdf.multi_cell(0, 8, text)
    pdf.output(str(folder / "mmlongbench" / "a.pdf"))
    for name, items in rows.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, items)))
    return tmp_path


def test_every_table_is_written(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "REPEATS", 1)
    monkeypatch.setattr(images, "SHARES", (1.0,))
    wanted = [name for name in images.SECTIONS if name != "search"]  # which takes minutes
    options = ["--data", str(data), "--output", str(tmp_path / "out"), "--only", *wanted]
    assert images.main(options) == 0
    tables = json.loads((tmp_path / "out" / "images.json").read_text())
    assert set(tables) == set(wanted)
    assert all(len({len(row) for row in table}) == 1 for table in tables.values())
    assert (tmp_path / "out" / "images.md").read_text().count("\n| --- ") == len(wanted)
    counts = [int(row[1]) for row in tables["scenes"][1:]]
    assert sum(counts) == 2 * len(COLOURS)
    assert all(row[2].startswith("100.0") for row in tables["scenes"][1:])
    [pages] = [row for row in tables["documents"] if row[0] == "pages"]
    assert pages[2].startswith("100.0")  # its words stand on the second page alone


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"captions\.jsonl does not exist"):
        images.main(["--data", str(tmp_path)])
