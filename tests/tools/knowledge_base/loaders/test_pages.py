"""Pages of PDFs as they look: words are found where they stand, and only what was added is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fpdf import FPDF

from kedge import KnowledgeBase
from kedge.errors import LoadError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Chunk, Document
from kedge.tools.knowledge_base.loaders.pages import DrawnPage, drawn_page

FIRST = (
    "The harbour was dug out by hand. It is 3 m deep. Nobody knows the name of the man who dug most of it."
)
SECOND = "A well-known exam-\nple of a ferry is the Grey Heron. It is 3 m wide."


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    """A PDF of two pages, the second on its side."""
    pdf = FPDF()
    for text in (FIRST, SECOND):
        pdf.add_page(orientation="landscape" if text is SECOND else "portrait")
        pdf.set_font("Helvetica", size=14)
        pdf.multi_cell(0, 8, text)
    (tmp_path / "notes.pdf").write_bytes(bytes(pdf.output()))
    with KnowledgeBase.open(tmp_path / "base", create=True, encoder=FakeEncoder()) as base:
        base.add(tmp_path / "notes.pdf", triples=False, pictures=False)
        yield base


def place(base: KnowledgeBase, words: str) -> tuple[Document, Chunk, int, int]:
    [document] = base.documents()
    chunk = next(chunk for chunk in base.chunks_of(document.id) if words in chunk.text)
    start = chunk.text.index(words)
    return document, chunk, start, start + len(words)


def ink(page: DrawnPage) -> float:
    """How much of the dark of the page lies in the boxes."""
    dark = np.asarray(page.image.convert("L")) < 128
    inside = np.zeros_like(dark)
    for box in page.boxes:
        top, bottom = int(box.top * dark.shape[0]), int(box.bottom * dark.shape[0]) + 1
        left, right = int(box.left * dark.shape[1]), int(box.right * dark.shape[1]) + 1
        inside[top:bottom, left:right] = True
    return float((dark & inside).sum() / dark.sum())


def test_words_are_found_where_they_stand(base: KnowledgeBase) -> None:
    whole = drawn_page(*place(base, FIRST))
    assert (max(whole.image.size), len(whole.boxes)) == (1_600, 2)  # lines
    assert ink(whole) > 0.99
    part = drawn_page(*place(base, "It is 3 m deep."))
    assert len(part.boxes) == 1
    assert 0.05 < ink(part) < 0.3
    assert drawn_page(*place(base, FIRST)[:2]).boxes == ()  # nothing was asked for


def test_words_that_were_cut_at_a_line_end_are_found(base: KnowledgeBase) -> None:
    page = drawn_page(*place(base, "A well-known example of a ferry is the Grey Heron."))
    assert len(page.boxes) == 2
    assert 0.5 < ink(page) < 0.95


def test_only_the_file_that_was_added_is_shown(base: KnowledgeBase, tmp_path: Path) -> None:
    words, file = place(base, FIRST), tmp_path / "notes.pdf"
    (tmp_path / "other.pdf").write_bytes(file.read_bytes() + b" ")
    file.unlink()
    with pytest.raises(LoadError, match="is gone, or has changed"):
        drawn_page(*words)
    file.symlink_to(tmp_path / "other.pdf")
    with pytest.raises(LoadError, match="is gone, or has changed"):
        drawn_page(*words)
    file.unlink()
    os.mkfifo(file)  # which must not be waited for
    with pytest.raises(LoadError, match="is gone, or has changed"):
        drawn_page(*words)


def test_other_documents_have_no_pages(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A text.")
    base.add(tmp_path / "a.txt", triples=False)
    document = base.document(str(tmp_path / "a.txt"))
    with pytest.raises(LoadError, match="is no PDF"):
        drawn_page(document, base.chunks_of(document.id)[0])
