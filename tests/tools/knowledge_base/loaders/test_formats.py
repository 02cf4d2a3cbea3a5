from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_BREAK
from fpdf import FPDF
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from kedge.errors import LoadError
from kedge.tools.knowledge_base.loaders import Fields, load, load_text
from kedge.tools.knowledge_base.records import ParsedDocument

File = Callable[[str, str | bytes], Path]


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def one(path: Path, **options: object) -> ParsedDocument:
    [document] = load(path, **options)  # type: ignore[arg-type]
    assert isinstance(document, ParsedDocument)
    check_blocks(document)
    return document


def check_blocks(document: ParsedDocument) -> None:
    """Blocks are in order, trimmed, and cover every character that is not white space."""
    reached = 0
    for block in document.blocks:
        assert not document.text[reached : block.start].strip()
        body = document.text[block.start : block.end]
        assert body == body.strip() != ""
        reached = block.end
    assert not document.text[reached:].strip()


def blocks(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


# Plain text


def test_plain_text_keeps_its_text_and_is_named_by_its_file(file: File) -> None:
    path = file("harbour_log-2024.txt", "\n First line\r\nsecond\x00\x07 line\r\r\nNext  paragraph\x0c\n")
    document = one(path, encoding="utf-8")
    assert document.text == "First line\nsecond line\n\nNext  paragraph"
    assert blocks(document) == [("paragraph", "First line\nsecond line"), ("paragraph", "Next  paragraph")]
    assert (document.title, document.kind) == ("harbour log 2024", "text")
    assert document.source == document.container == str(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(file: File, encoding: str) -> None:
    assert one(file("a.txt", "Éva – Löwe".encode(encoding))).text == "Éva – Löwe"


def test_the_encoding_can_be_given(file: File) -> None:
    assert one(file("a.txt", "café".encode("cp1252")), encoding="cp1252").text == "café"


def test_a_file_without_a_suffix_is_looked_into(file: File) -> None:
    assert one(file("README", "Hello.")).kind == "text"
    assert one(file("scan", png(3, 2))).kind == "image"


@settings(deadline=None)
@given(st.text())
def test_any_text_loads_or_is_refused(text: str) -> None:
    try:
        documents = list(load_text(text))
    except LoadError:
        return
    for document in documents:
        assert isinstance(document, ParsedDocument)
        check_blocks(document)
        document.text.encode()


# Markdown

MARKDOWN = """---
title: "The Harbour"
author: A. Fox
---
# Depths & tides

Some *emphasis*, a [link](https://example.org) and
`code`.

- one
- two
  1. inner

| name | depth |
|------|-------|
| Old  | 3 m   |
| New  |       |

![A chart of the bay](bay.png)

```python
print("x")
```

> Quoted.

Term<br>with <b>tags</b>

<div>Raw <img alt="a buoy"></div>
"""


def test_markdown_reads_as_a_person_sees_it(file: File) -> None:
    document = one(file("x.md", MARKDOWN))
    assert (document.title, document.metadata) == ("The Harbour", {"author": "A. Fox"})
    assert blocks(document) == [
        ("heading", "Depths & tides"),
        ("paragraph", "Some emphasis, a link and\ncode."),
        ("list", "- one\n- two\n  1. inner"),
        ("table", "name: Old | depth: 3 m\nname: New"),
        ("image", "A chart of the bay"),
        ("code", 'print("x")'),
        ("paragraph", "Quoted."),
        ("paragraph", "Termwith tags"),
        ("paragraph", "Raw a buoy"),
    ]
    assert document.blocks[0].level == 1


def test_markdown_is_titled_by_its_first_heading(file: File) -> None:
    assert one(file("x.md", "Intro.\n\n## Tides\n\n# Other")).title == "Tides"


# HTML

HTML = """<!doctype html><html><head><title>The  Harbour</title><style>p{}</style></head><body>
<nav><a href="/">Home</a></nav>
<h1>Depths</h1><p>First <b>bold</b>
 text.<br>Line two.</p>
<ul><li>one</li><li>two<ol><li>inner</li></ol></li></ul>
<table><caption>Quays</caption><tr><th>name</th><th>depth</th></tr>
<tr><td rowspan=2>Old</td><td>3 m</td></tr><tr><td>4 m</td></tr></table>
<table><tr><th>Built</th><td>1850</td></tr><tr><th>Owner</th><td>Town</td></tr></table>
<figure><img src=a.png alt="The quay"><figcaption>In 1900</figcaption></figure>
<p>A <img alt="smile"> inline.</p><img alt="A buoy">
<pre>a
 b</pre><div>Loose<div>nested</div>tail</div>
<script>alert(1)</script><footer>(c)</footer></body></html>"""


def test_html_says_what_the_page_says(file: File) -> None:
    document = one(file("x.html", HTML))
    assert document.title == "The Harbour"
    assert blocks(document) == [
        ("heading", "Depths"),
        ("paragraph", "First bold text.\nLine two."),
        ("list", "- one\n- two\n  1. inner"),
        ("paragraph", "Quays"),
        ("table", "name: Old | depth: 3 m\nname: Old | depth: 4 m"),
        ("table", "Built: 1850\nOwner: Town"),
        ("image", "The quay\nIn 1900"),
        ("paragraph", "A smile inline."),
        ("image", "A buoy"),
        ("code", "a\n b"),
        ("paragraph", "Loose"),
        ("paragraph", "nested"),
        ("paragraph", "tail"),
    ]


def test_html_declares_its_encoding(file: File) -> None:
    page = '<meta http-equiv=content-type content="text/html; charset=iso-8859-1"><p>“café”</p>'
    assert one(file("x.html", page.encode("cp1252"))).text == "“café”"


# PDF


def pdf(*pages: list[tuple[int, str]], title: str = "", head: str = "") -> bytes:
    document = FPDF()
    document.set_title(title)
    for number, page in enumerate(pages, start=1):
        document.add_page()
        if head:
            document.set_font("Helvetica", size=8)
            document.multi_cell(0, 5, f"{head} {number}", new_x="LMARGIN", new_y="NEXT")
        for size, text in page:
            document.set_font("Helvetica", size=size)
            document.multi_cell(0, size / 2, text, new_x="LMARGIN", new_y="NEXT")
            document.ln(size / 2)
    return bytes(document.output())


LONG = (
    "The harbour of the old town was dug out by hand in the years before the railway came to the coast. " * 3
)


def test_pdf_gives_headings_and_paragraphs_with_their_pages(file: File) -> None:
    content = pdf([(22, "The Harbour"), (11, LONG), (11, "It is 3 m deep.")], [(11, "Second page.")])
    document = one(file("x.pdf", content))
    assert (document.title, document.kind, document.metadata["pages"]) == ("The Harbour", "pdf", "2")
    assert blocks(document) == [
        ("heading", "The Harbour"),
        ("paragraph", LONG.strip()),
        ("paragraph", "It is 3 m deep."),
        ("paragraph", "Second page."),
    ]
    assert [block.page for block in document.blocks] == [1, 1, 1, 2]


def test_pdf_joins_words_that_were_cut_at_a_line_end(file: File) -> None:
    document = one(
        file("x.pdf", pdf([(11, "This is an exam-\nple of a word. A well-known one, a well-\nknown one.")]))
    )
    assert document.text == "This is an example of a word. A well-known one, a well-known one."


def test_pdf_leaves_running_heads_out_and_takes_its_title_from_the_metadata(file: File) -> None:
    pages = [[(11, f"Text number {word}.")] for word in ("one", "two", "three", "four")]
    document = one(file("x.pdf", pdf(*pages, title="Annual report", head="Page")))
    assert document.title == "Annual report"
    assert document.text == "Text number one.\n\nText number two.\n\nText number three.\n\nText number four."


def test_pdf_notes_pages_that_have_no_text(file: File) -> None:
    document = one(file("x.pdf", pdf([(11, "Words.")], [], [])))
    assert (document.metadata["pages"], document.metadata["pages_without_text"]) == ("3", "2, 3")


# DOCX


def test_docx_keeps_the_order_of_the_page(file: File) -> None:
    word = docx.Document()
    word.add_heading("The Harbour", 0)
    word.add_heading("Depths", 2)
    run = word.add_paragraph("First").add_run()
    run.add_break(WD_BREAK.LINE)
    run.add_text("second line.")
    word.add_paragraph("one", style="List Bullet")
    word.add_paragraph("two", style="List Number")
    table = word.add_table(rows=2, cols=2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells), ("name", "depth", "Old", "3 m"), strict=True
    ):
        cell.text = text
    word.add_paragraph("The end.")
    stream = io.BytesIO()
    word.save(stream)
    document = one(file("x.docx", stream.getvalue()))
    assert document.title == "The Harbour"
    assert blocks(document) == [
        ("heading", "The Harbour"),
        ("heading", "Depths"),
        ("paragraph", "First\nsecond line."),
        ("list", "- one\n- two"),
        ("table", "name: Old | depth: 3 m"),
        ("paragraph", "The end."),
    ]


# Images


def png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff"])
def test_an_image_can_be_found_by_its_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"old_quay.{suffix}"
    Image.new("RGB", (30, 20)).save(path)
    document = one(path)
    assert document.text == "Image: old quay (30 × 20 pixels)"
    assert (document.kind, document.blocks[0].kind) == ("image", "image")
    assert document.image == path.read_bytes()


def test_an_image_brings_its_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "A buoy at dusk"
    exif[ExifTags.Base.Artist] = "A. Fox"
    path = tmp_path / "x.jpg"
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    document = one(path)
    assert document.text == "Image: x (30 × 20 pixels)\nA buoy at dusk"
    assert document.metadata["artist"] == "A. Fox"


# Tables


def test_a_table_is_one_document_with_a_line_a_row(file: File) -> None:
    document = one(file("quays.csv", 'name;depth\nOld;3\n"New; north";4\n\nThird;\n'))
    assert blocks(document) == [("table", "name: Old | depth: 3\nname: New; north | depth: 4\nname: Third")]
    assert (document.kind, document.title) == ("table", "quays")


def test_a_table_without_a_header_keeps_its_first_row(file: File) -> None:
    assert (
        one(file("kb.tsv", "Up\tdirected\tPete\nUp\tstarred\tEd\n")).text
        == "Up | directed | Pete\nUp | starred | Ed"
    )
    assert one(file("n.csv", "1,2\n3,4\n")).text == "1 | 2\n3 | 4"


def test_a_column_of_prose_makes_records(file: File) -> None:
    path = file("x.csv", f'id,title,text,year\n7,Quay,"{LONG}",1850\n8,Pier,"{LONG}",1900\n')
    first, second = load(path)
    assert isinstance(first, ParsedDocument)
    assert isinstance(second, ParsedDocument)
    assert (first.kind, first.title, first.external_id, first.text) == ("record", "Quay", "7", LONG.strip())
    assert first.metadata == {"year": "1850"}
    assert second.source == f"{path}#3"


def test_a_mapped_column_makes_records_however_short(file: File) -> None:
    path = file("x.csv", "a,b\nQuay,old\nPier,new\n")
    documents = [d for d in load(path, fields=Fields(text="b", title="a")) if isinstance(d, ParsedDocument)]
    assert [(d.title, d.text) for d in documents] == [("Quay", "old"), ("Pier", "new")]


# JSON


def test_rows_have_roles_by_common_names(file: File) -> None:
    row = {
        "chunk_id": "c1",
        "source_title": "Quay",
        "n": 3,
        "ok": True,
        "none": None,
        "l": [1],
        "text": "Old.",
    }
    line = json.dumps(row) + "\n"
    path = file("x.jsonl", line + "\n" + line)
    first, second = load(path)
    assert isinstance(first, ParsedDocument)
    assert isinstance(second, ParsedDocument)
    assert (first.external_id, first.title, first.text, first.kind) == ("c1", "Quay", "Old.", "record")
    assert first.metadata == {"n": "3", "ok": "true"}
    assert (first.source, second.source) == (f"{path}#1", f"{path}#3")
    assert first.container == str(path)


def test_rows_can_be_mapped(file: File) -> None:
    path = file("x.jsonl", '{"q": "Why?", "key": 5, "text": "other"}')
    document = one(path, fields=Fields(text="q", id="key"))
    assert (document.text, document.external_id, document.title) == ("Why?", "5", "5")


def test_rows_without_a_text_field_are_verbalised(file: File) -> None:
    document = one(file("x.jsonl", '{"id": 1, "question": "Why?", "more": {"a": [1, 2]}}'))
    assert document.text == "question: Why?\nmore.a: 1\nmore.a: 2"


@pytest.mark.parametrize(
    "content",
    [
        '[{"title": "A", "text": "x"}, {"title": "A", "text": "x"}]',
        '{"title": "A", "text": "x"}\n{"title": "A", "text": "x"}\n',
    ],
)
def test_json_gives_a_document_a_row_and_keeps_equal_ones(file: File, content: str) -> None:
    assert [d.text for d in load(file("x.json", content)) if isinstance(d, ParsedDocument)] == ["x", "x"]


def test_an_object_of_titles_and_sentences_is_rows(file: File) -> None:
    documents = list(load(file("x.json", json.dumps({"A": [LONG, " Two."], "B": [LONG]}))))
    assert [d.title for d in documents if isinstance(d, ParsedDocument)] == ["A", "B"]
    assert isinstance(documents[0], ParsedDocument)
    assert documents[0].text == f"{LONG.strip()} Two."


def test_any_other_json_is_one_document(file: File) -> None:
    assert one(file("x.json", '{"name": "Quay", "size": {"deep": 3}}')).text == "name: Quay\nsize.deep: 3"


def test_lone_surrogates_can_be_stored(file: File) -> None:
    assert one(file("x.jsonl", '{"text": "a\\ud800b"}')).text == "a\ufffdb"


# Text from elsewhere


def test_text_from_elsewhere_has_the_name_that_it_is_given() -> None:
    documents = list(load_text(b'{"text": "a"}\n{"text": "b"}', kind="jsonl", source="stdin"))
    assert [d.source for d in documents if isinstance(d, ParsedDocument)] == ["stdin#1", "stdin#2"]
