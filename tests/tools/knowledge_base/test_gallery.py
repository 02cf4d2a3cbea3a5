"""Pictures in a knowledge base: kept, pointed to, found by look and by text, and gone with their document."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import docx
import numpy as np
import pytest
from docx.oxml import parse_xml
from fpdf import FPDF
from PIL import Image

from kedge import KnowledgeBase
from kedge.testing import FakeEncoder
from kedge.tools.encoders.images import Descriptors
from kedge.tools.images import Box, as_png
from kedge.tools.knowledge_base import Gallery, ParsedDocument, caption, load
from kedge.tools.knowledge_base.loaders._figures import caption_of
from tests._pictures import painted, sheet, told

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
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as opened:
        yield opened


def report(path: Path) -> Path:
    """A PDF with a drawing and its caption on the second of three pages."""
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    for number in range(3):
        pdf.add_page()
        pdf.multi_cell(0, 8, f"Page {number} tells of the harbour and its boats in the year {1900 + number}.")
        if number == 1:
            for year, height in enumerate((30, 70, 50)):
                pdf.rect(60 + 25 * year, 180 - height, 25, height, style="F")
            pdf.text(62, 100, "tonnes of herring")
            pdf.text(60, 190, "Figure 3: Catches by year.")
    pdf.output(str(path))
    return path


def test_a_figure_of_a_pdf_knows_its_page_its_box_and_its_caption(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    base.add(report(tmp_path / "report.pdf"))
    [picture] = base.pictures()
    [chunk] = base.chunks([picture.chunk_id])
    assert (chunk.kind, chunk.page) == ("image", 2)
    assert caption(chunk).startswith("Figure 3: Catches by year.")
    assert picture.box is not None
    left, top, right, bottom = picture.box
    assert (left, top) == pytest.approx((60 / 210, 110 / 297), abs=0.03)
    assert (right, bottom) == pytest.approx((135 / 210, 180 / 297), abs=0.03)
    figure = base.gallery.image(picture)
    assert np.asarray(figure.convert("L")).mean() < 200  # the bars are there


def test_a_picture_of_a_docx_has_its_alternative_text_and_its_caption(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    word = docx.Document()
    word.add_paragraph("The harbour was dredged in 1902.")
    picture = word.add_picture(str(painted(tmp_path / "depth.png", "blue")))
    picture._inline.docPr.set("descr", "A blue chart of the depth")
    word.add_paragraph("Figure 1: Depth by year", style="Caption")
    cell = word.add_table(1, 1).cell(0, 0).paragraphs[0]
    cell.add_run().add_picture(str(painted(tmp_path / "red.png", "red")))
    broken = word.add_picture(str(painted(tmp_path / "gone.png", "green")))
    broken._inline.docPr.set("descr", "What nobody can open")
    word.part.related_parts[broken._inline.graphic.graphicData.pic.blipFill.blip.embed]._blob = b"<svg/>"
    word.save(str(tmp_path / "report.docx"))
    base.add(tmp_path / "report.docx")
    first, second = base.pictures()
    assert first.file != second.file
    told = {caption(chunk) for chunk in base.chunks([first.chunk_id, second.chunk_id])}
    assert told == {"Figure 1: Depth by year A blue chart of the depth", ""}
    texts = [chunk.text for chunk in base.chunks_of(base.documents()[0].id)]
    assert any("What nobody can open" in text for text in texts)


def test_a_page_without_drawings_has_no_figures(tmp_path: Path) -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.multi_cell(0, 8, "Nothing but words. " * 40)
    pdf.line(10, 150, 200, 150)  # a rule is no figure
    pdf.output(str(tmp_path / "plain.pdf"))
    [document] = load(tmp_path / "plain.pdf")
    assert isinstance(document, ParsedDocument)
    assert document.figures == ()


def test_a_figure_of_a_pdf_is_told_of_by_its_whole_caption_and_the_sentences_that_name_it(
    tmp_path: Path,
) -> None:
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    pdf.add_page()
    pdf.multi_cell(
        0, 6, "The quay was full in spring. As Fig. 3 shows, herring came late. Figure 31 is lost."
    )
    pdf.rect(60, 60, 80, 60, style="F")
    pdf.text(60, 130, "Figure 3: Catches of herring and of cod by")
    pdf.text(60, 136, "year, in tonnes.")
    pdf.output(str(tmp_path / "report.pdf"))
    [document] = load(tmp_path / "report.pdf")
    [figure] = [block for block in document.blocks if block.kind == "image"]
    assert document.text[figure.start : figure.end].splitlines() == [
        "Picture on page 1",
        "Figure 3: Catches of herring and of cod by year, in tonnes.",
        "As Fig. 3 shows, herring came late.",
    ]


def test_a_sentence_about_a_figure_is_no_caption() -> None:
    lines = [("Figure 1 shows the quays", 0.31), ("Figure 1. Quays", 0.4)]
    assert caption_of(Box(0, 0.1, 1, 0.3), lines) == "Figure 1. Quays"


def test_a_caption_far_away_is_that_of_another_figure() -> None:
    assert caption_of(Box(0, 0.1, 1, 0.3), [("Figure 1: Quays", 0.9)]) == ""
    assert caption_of(Box(0, 0.1, 1, 0.3), [("Figures are in tonnes", 0.31)]) == ""


def test_markdown_and_html_point_to_pictures_that_were_added_themselves(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    painted(tmp_path / "docs" / "drawings" / "the flag.png", "red")
    (tmp_path / "docs" / "a.md").write_text("# Flags\n\n![The red flag of Hesk](drawings/the%20flag.png)\n")
    (tmp_path / "docs" / "b.html").write_text(
        '<figure><img src="./drawings/the flag.png" alt="Hesk"><figcaption>Flag</figcaption></figure>'
        '<div><img src="https://example.org/x.png" alt="Elsewhere"></div>'
        '<div><img src="../../secret.png" alt="Not added"></div>'
    )
    base.add(tmp_path / "docs")
    pictures = base.pictures()
    assert {picture.file for picture in pictures} == {pictures[0].file}
    texts = {caption(chunk) for chunk in base.chunks([picture.chunk_id for picture in pictures])}
    assert texts == {"", "Flags The red flag of Hesk", "Hesk Flag"}
    base.remove(str(tmp_path / "docs" / "drawings" / "the flag.png"))
    assert base.pictures() == []  # the texts are still there, what they show is not


def test_a_picture_in_a_table_is_told_of_by_its_row(base: KnowledgeBase, tmp_path: Path) -> None:
    for colour in ("red", "blue"):
        painted(tmp_path / "docs" / f"{colour}.png", colour)
    (tmp_path / "docs" / "a.md").write_text(
        "| Flag | Meaning |\n| --- | --- |\n| ![Square](red.png) | Danger |\n"
        "| none | ![](https://example.org/a.png) |\n"
    )
    (tmp_path / "docs" / "b.html").write_text(
        "<table><tr><th>Flag<th>Meaning"
        "<tr><td><img src=blue.png alt='Oblong'><td>Calm <img src=red.png width=16 alt=tick>"
        "<tr><td><img src=https://x.org/a.png alt='Elsewhere'><td>Wind</table>"
    )
    base.add(tmp_path / "docs")
    in_tables = [p.chunk_id for p in base.pictures() if base.chunks([p.chunk_id])[0].title in ("a", "b")]
    assert {caption(chunk) for chunk in base.chunks(in_tables)} == {"Square Danger", "Oblong Calm"}
    page = base.text(base.document(str(tmp_path / "docs" / "b.html")).id)
    assert page.startswith("Flag: Oblong | Meaning: Calm\nFlag: Elsewhere | Meaning: Wind")


VML = """\
<w:pict xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"
        xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        xmlns:v="urn:schemas-microsoft-com:vml">
<v:shape alt="An old chart"><v:imagedata r:id="{}"/></v:shape>
</w:pict>"""


def test_pictures_of_a_docx_in_lists_tables_and_old_markup(base: KnowledgeBase, tmp_path: Path) -> None:
    word = docx.Document()
    word.add_paragraph("Before the list.")
    item = word.add_paragraph("The tide tables", style="List Bullet")
    item.add_run().add_picture(str(painted(tmp_path / "red.png", "red")))
    word.add_paragraph("The logbook", style="List Bullet")
    row = word.add_table(1, 2).rows[0]
    row.cells[0].paragraphs[0].add_run().add_picture(str(painted(tmp_path / "blue.png", "blue")))
    row.cells[1].text = "The flag of Hesk"
    name, _ = word.part.get_or_add_image(str(painted(tmp_path / "green.png", "green")))
    word.add_paragraph("Drawn long ago.").add_run()._r.append(parse_xml(VML.format(name)))
    word.save(str(tmp_path / "report.docx"))
    base.add(tmp_path / "report.docx")
    chunks = base.chunks([picture.chunk_id for picture in base.pictures()])
    assert [caption(chunk) for chunk in chunks] == ["", "The flag of Hesk", "An old chart"]
    text = base.text(base.documents()[0].id)
    assert text.index("- The tide tables") < text.index("Picture in the text") < text.index("- The logbook")


def test_pictures_go_with_their_document_unless_another_has_them(base: KnowledgeBase, tmp_path: Path) -> None:
    base.add(told("a", sheet("red"), "one"), told("b", sheet("red"), "two"))
    [first, _] = base.pictures()
    file = base.gallery.file(first)
    base.remove("a.png")
    assert file.exists()
    base.remove("b.png")
    assert not file.exists()
    assert base.pictures() == []


def test_what_looks_alike_is_found_first_and_new_pictures_are_encoded_once(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    class Counting(Descriptors):
        count = 0

        async def encode(self, images):  # type: ignore[no-untyped-def]
            self.count += len(images)
            return await super().encode(images)

    encoder = Counting()
    gallery = Gallery(base, encoder)
    for colour in COLOURS[:6]:
        base.add(painted(tmp_path / f"{colour}.png", colour), pictures=False)
    asyncio.run(gallery.aupdate())
    base.add(painted(tmp_path / "new.png", "cyan"), pictures=False)
    assert asyncio.run(gallery.aupdate()) == 1
    assert encoder.count == 7
    image = Image.open(painted(tmp_path / "query.png", "darkred"))
    for vectors in (1, 5):
        [(nearest, _), *_] = asyncio.run(gallery.near(image, 3, vectors=vectors))
        assert base.chunks([nearest])[0].title == "red"
    base.remove(str(tmp_path / "red.png"))
    asyncio.run(gallery.aupdate())
    assert len(asyncio.run(gallery.near(image, 10))) == 6
    gallery.close()


def test_an_update_that_was_cut_short_goes_on(
    base: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kedge.tools.knowledge_base.gallery._BATCH", 2)
    for colour in COLOURS[:5]:
        base.add(painted(tmp_path / f"{colour}.png", colour), pictures=False)

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(base.gallery.aupdate(stop))
    seen: list[tuple[int, int]] = []
    assert asyncio.run(base.gallery.aupdate(lambda done, total: seen.append((done, total)))) == 1
    assert seen == [(1, 1)]
    assert len(asyncio.run(base.gallery.near(Image.new("RGB", (5, 5)), 10))) == 5


def test_a_pdf_of_a_thousand_pages_tells_how_far_it_is_and_its_pictures_go_on_where_they_stopped(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    for number in range(1_000):
        pdf.add_page()
        pdf.multi_cell(0, 8, f"The boat {COLOURS[number % 12] * (1 + number % 7)} has the keeper {number}.")
        if number % 20 == 0:
            pdf.rect(60, 80, 40 + number / 20, 60, style="F")
    pdf.output(str(tmp_path / "book.pdf"))
    stages: list[str] = []
    base.add(
        tmp_path / "book.pdf", pictures=False, on_progress=lambda progress: stages.append(progress.stage)
    )
    assert stages[-1] == "done"
    pages = {chunk.page for chunk in base.chunks_of(base.documents()[0].id)}
    assert pages == set(range(1, 1_001))
    assert len(base.pictures()) == 50

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(base.gallery.aupdate(stop))
    seen: list[tuple[int, int]] = []
    assert asyncio.run(base.gallery.aupdate(lambda *told: seen.append(told))) == 18
    assert seen == [(18, 18)]


def test_a_text_finds_pictures_by_the_map_fitted_on_those_that_have_one(base: KnowledgeBase) -> None:
    base.add(*(told(f"n{i}", sheet(colour), f"a {colour} sheet") for i, colour in enumerate(COLOURS)))
    assert base.gallery.alignment is not None
    assert len(base.gallery.alignment.pairs) == len(COLOURS)
    found = asyncio.run(base.gallery.about("a red sheet", 3))
    assert len(found) == 3
    [picture] = [p for p in base.pictures() if caption(base.chunks([p.chunk_id])[0]) == "a blue sheet"]
    image = base.gallery.image(picture)
    own = base.gallery.same(base.gallery.file(picture).read_bytes())
    assert own == [picture.chunk_id]
    assert asyncio.run(base.gallery.texts_for(image, 1))[0][0] == picture.chunk_id
    others = asyncio.run(base.gallery.texts_for(image, 20, own=own))
    assert len(others) == len(COLOURS) - 1
    assert picture.chunk_id not in dict(others)


def test_without_pictures_that_have_a_text_there_is_no_map(base: KnowledgeBase, tmp_path: Path) -> None:
    base.add(painted(tmp_path / "red.png", "red"))
    assert base.gallery.alignment is None
    assert asyncio.run(base.gallery.about("red", 3)) == []
    assert asyncio.run(base.gallery.texts_for(Image.new("RGB", (4, 4)), 3)) == []


def test_a_file_that_was_damaged_meanwhile_is_passed_over(base: KnowledgeBase, tmp_path: Path) -> None:
    base.add(painted(tmp_path / "red.png", "red"), painted(tmp_path / "blue.png", "blue"), pictures=False)
    base.gallery.file(base.pictures()[0]).write_bytes(b"damaged")
    assert asyncio.run(base.gallery.aupdate()) == 1


def test_what_ocr_reads_becomes_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.tools.knowledge_base.loaders.image.can_read", lambda: True)
    monkeypatch.setattr("kedge.tools.knowledge_base.loaders.image.read_text", lambda _: "LAST BOAT 18:40")
    [document] = load(painted(tmp_path / "sign.png", "red"))
    assert isinstance(document, ParsedDocument)
    assert document.text == "Image: sign (60 × 40 pixels)\n\nLAST BOAT 18:40"


def test_a_scanned_pdf_is_its_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = FPDF()
    for _ in range(2):
        pdf.add_page()
        pdf.image(io.BytesIO(as_png(Image.effect_noise((300, 400), 80))), 0, 0, 210, 297)
    pdf.output(str(tmp_path / "scan.pdf"))
    monkeypatch.setattr("kedge.tools.knowledge_base.loaders._figures.can_read", lambda: True)
    monkeypatch.setattr(
        "kedge.tools.knowledge_base.loaders._figures.read_text", lambda _: "Minutes of the board"
    )
    [document] = load(tmp_path / "scan.pdf")
    assert isinstance(document, ParsedDocument)
    assert [figure.box for figure in document.figures] == [(0, 0, 1, 1)] * 2
    assert document.text.count("Minutes of the board") == 2
