"""Every bad file gives one clear line that names it, and says what to do."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import socket
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest
from fpdf import FPDF
from PIL import Image

from kedge.errors import InputError, KedgeError, LoadError
from kedge.tools.knowledge_base.loaders import Fields, Limits, load
from kedge.tools.knowledge_base.records import ParsedDocument


def refused(path: Path, expected: str, kind: type[KedgeError] = LoadError, **options: object) -> KedgeError:
    with pytest.raises(kind, match=expected) as caught:
        list(load(path, **options))  # type: ignore[arg-type]
    one_clear_line(caught.value, path)
    return caught.value


def one_clear_line(error: KedgeError, path: Path) -> None:
    assert error.message.startswith(str(path))
    assert error.fix
    assert "\n" not in str(error)
    assert len(str(error)) < 300 + len(str(path))


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@contextlib.contextmanager
def at_most_megabytes(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit * 2**20
    finally:
        tracemalloc.stop()


def test_a_missing_path_and_a_folder(tmp_path: Path) -> None:
    refused(tmp_path / "none.txt", "no such file", InputError)
    refused(tmp_path, "is a folder", InputError)


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.txt", "text")

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    refused(path, "no permission")


def test_a_disk_that_fails_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read(self, _: int | None = None) -> bytes:
            raise OSError(5, "Input/output error")

    for name in ("a.txt", "a.jsonl"):
        path = written(tmp_path / name, "text")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", lambda *_: Failing())
            refused(path, "Input/output error")


def test_a_link_to_itself_and_a_broken_link(tmp_path: Path) -> None:
    circle = tmp_path / "circle.txt"
    circle.symlink_to(circle)
    refused(circle, "cannot be read")


def test_pipes_and_sockets(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    refused(pipe, "not a regular file")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.txt"))
        refused(tmp_path / "s.txt", "not a regular file")


@pytest.mark.parametrize("name", ["x.exe", "x.doc", "x.pptx"])
def test_an_unsupported_type(tmp_path: Path, name: str) -> None:
    error = refused(written(tmp_path / name, "text"), "unsupported type")
    assert ".pdf" in error.fix


@pytest.mark.parametrize("suffix", ["txt", "md", "html", "csv", "json", "jsonl", "pdf", "docx", "png"])
@pytest.mark.parametrize("content", [b"", b" \n\n "])
def test_an_empty_file(tmp_path: Path, suffix: str, content: bytes) -> None:
    refused(written(tmp_path / f"x.{suffix}", content), "is empty")


@pytest.mark.parametrize("content", ["---\ntitle: x\n---\n", "<!-- nothing -->"])
def test_a_file_that_says_nothing(tmp_path: Path, content: str) -> None:
    refused(written(tmp_path / "x.md", content), "holds no text")
    refused(written(tmp_path / "x.html", "<script>f()</script>"), "holds no text")


@pytest.mark.parametrize("suffix", ["txt", "md", "html", "csv", "json", "jsonl"])
def test_binary_junk_under_a_text_name(tmp_path: Path, suffix: str) -> None:
    junk = random.Random(1).randbytes(5_000)
    refused(written(tmp_path / f"a.{suffix}", junk), "binary content in a text file")
    refused(written(tmp_path / f"b.{suffix}", bytes(i % 7 + 1 for i in range(500))), "binary content")
    error = refused(written(tmp_path / f"c.{suffix}", b"%PDF-1.7\nhello"), "binary content in a text file")
    assert "a PDF" in error.fix


@pytest.mark.parametrize("suffix", ["pdf", "docx", "png", "jpg", "tiff", "webp"])
def test_junk_under_a_binary_name(tmp_path: Path, suffix: str) -> None:
    refused(written(tmp_path / f"x.{suffix}", "just some text"), "is not")
    refused(written(tmp_path / f"y.{suffix}", random.Random(1).randbytes(5_000)), "is not")


def test_invalid_utf8_names_the_byte(tmp_path: Path) -> None:
    error = refused(written(tmp_path / "x.txt", b"abc\nd\xe9f"), "byte 5 is not valid UTF-8")
    assert "--encoding" in error.fix
    lines = b'{"text": "a"}\n{"text": "\xff"}\n{"text": "c"}\n'
    first, bad, last = load(written(tmp_path / "x.jsonl", lines))
    assert isinstance(first, ParsedDocument)
    assert isinstance(last, ParsedDocument)
    assert isinstance(bad, LoadError)
    assert "byte 24 is not valid UTF-8 (line 2)" in bad.message


@pytest.mark.parametrize("encoding", ["nonsense", "hex", "rot13"])
def test_an_encoding_that_is_none(tmp_path: Path, encoding: str) -> None:
    refused(written(tmp_path / "x.txt", "abc"), "cannot be decoded", InputError, encoding=encoding)


def test_a_line_of_200_megabytes_is_refused_without_being_held(tmp_path: Path) -> None:
    for path in (tmp_path / "x.txt", tmp_path / "x.json"):
        with path.open("wb") as stream:
            stream.write(b"a")
            stream.truncate(200 * 2**20)  # sparse: no disk is used
        with at_most_megabytes(10):
            refused(path, "larger than the limit of 64 MB")


def test_one_line_over_the_limit_does_not_cost_the_others(tmp_path: Path) -> None:
    lines = ['{"text": "a"}', json.dumps({"text": "b" * 5_000}), '{"text": "c"}']
    path = written(tmp_path / "x.jsonl", "\n".join(lines))
    first, bad, last = load(path, limits=Limits(bytes=1_000))
    assert isinstance(first, ParsedDocument)
    assert isinstance(bad, LoadError)
    assert "line 2 is larger than the limit" in bad.message
    assert isinstance(last, ParsedDocument)
    assert last.source.endswith("#3")


def test_bad_lines_are_reported_and_the_others_kept(tmp_path: Path) -> None:
    lines = [
        '{"text": "a"}',
        '{"text": ',
        "[1]",
        '{"text": ""}',
        "NaN",
        '{"text": "b"}',
        "9" * 5_000,
        "[" * 90_000,
    ]
    path = written(tmp_path / "x.jsonl", "\n".join(lines))
    found = list(load(path))
    assert [d.text for d in found if isinstance(d, ParsedDocument)] == ["a", "b"]
    errors = [error for error in found if isinstance(error, LoadError)]
    assert len(errors) == 6
    for error, number in zip(errors, (2, 3, 4, 5, 7, 8), strict=True):
        one_clear_line(error, path)
        assert str(number) in error.message.removeprefix(str(path))


def test_a_file_without_one_good_line_is_given_up(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", "not json\n" * 1_000)
    found = []
    with pytest.raises(LoadError, match="none of its first 20 lines"):
        found.extend(load(path))
    assert len(found) == 20


def test_broken_json_names_the_place(tmp_path: Path) -> None:
    refused(written(tmp_path / "x.json", '{"a": 1,\n "b": }'), "not valid JSON: .* line 2 column 7")
    refused(written(tmp_path / "y.json", "[" * 100_000), "nested too deeply|not valid JSON")


def test_fields_that_are_not_there(tmp_path: Path) -> None:
    [error] = load(written(tmp_path / "x.jsonl", '{"a": "b"}'), fields=Fields(text="body"))
    assert isinstance(error, LoadError)
    assert "no field 'body'" in error.message
    assert "its fields are a" in error.fix
    refused(written(tmp_path / "x.csv", "a,b\n1,2\n"), "no column 'body'", fields=Fields(text="body"))


def test_a_table_with_a_quotation_mark_that_never_closes(tmp_path: Path) -> None:
    refused(written(tmp_path / "x.csv", 'a,b\n"' + "x" * 200_000), "line 2: not a table")


def test_a_table_that_would_spread_its_column_names(tmp_path: Path) -> None:
    table = "name" * 40 + ",depth\n" + "x,1\n" * 2_000
    refused(
        written(tmp_path / "x.csv", table), "column names in each row is larger", limits=Limits(bytes=10_000)
    )
    spans = "<table><tr><td rowspan=100 colspan=100>x</td></tr>" + "<tr><td>y</td></tr>" * 100 + "</table>"
    began = time.process_time()
    [document] = load(written(tmp_path / "x.html", spans * 500))
    assert isinstance(document, ParsedDocument)
    assert len(document.text) < 2 * 2**20
    assert time.process_time() - began < 3


def pdf(owner: str = "", user: str | None = None) -> bytes:
    document = FPDF()
    if owner:
        document.set_encryption(owner, user)
    document.add_page()
    document.set_font("Helvetica", size=11)
    document.cell(text="Words.")
    return bytes(document.output())


def test_broken_encrypted_and_silent_pdfs(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    refused(written(path, pdf()[:300]), "is a broken PDF")
    refused(written(path, b"%PDF-1.7\n" + random.Random(1).randbytes(2_000)), "is a broken PDF")
    refused(written(path, pdf("a", "b")), "is encrypted")
    scan = FPDF()
    scan.add_page()
    error = refused(written(path, bytes(scan.output())), "no text on any of its 1 pages")
    assert "ocrmypdf" in error.fix
    refused(written(path, pdf()), "1 pages, more than 0", limits=Limits(pages=0))


def test_a_pdf_that_anyone_may_open_is_read(tmp_path: Path) -> None:
    [document] = load(written(tmp_path / "x.pdf", pdf("a")))
    assert isinstance(document, ParsedDocument)
    assert document.text == "Words."


def word(**parts: str) -> bytes:
    """A DOCX whose parts are replaced by other text."""
    plain, stream = io.BytesIO(), io.BytesIO()
    document = docx.Document()
    document.add_paragraph("Words.")
    document.save(plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            key = name.rsplit("/", 1)[-1].removesuffix(".xml")
            new.writestr(name, parts.get(key, old.read(name)))
    return stream.getvalue()


def test_broken_docx(tmp_path: Path) -> None:
    path = tmp_path / "x.docx"
    good = word()
    refused(written(path, good[: len(good) // 2]), "is not a DOCX")
    refused(written(path, word(document="<w:document")), "is a broken DOCX")
    refused(written(path, good.replace(b"word/document.xml", b"word/documenx.xml")), "is a broken DOCX")
    refused(written(path, b"\xd0\xcf\x11\xe0" + bytes(500)), "is encrypted or an old .doc")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "a")
    refused(written(path, stream.getvalue()), "is a broken DOCX")


def test_a_docx_that_unpacks_to_too_much_is_never_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path / "x.docx", word(document="<a>" + " " * 100 * 2**20))
    assert path.stat().st_size < 2**20
    with at_most_megabytes(10):
        refused(path, r"unpacks to 10\d MB")


def test_a_docx_that_lies_about_its_size_is_broken(tmp_path: Path) -> None:
    body = b"<w:document>" + b" " * 2**20
    honest = word(document=body.decode())
    lying = honest.replace(len(body).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != honest
    assert zlib.crc32(body) != zlib.crc32(body[:100])
    refused(written(tmp_path / "x.docx", lying), "is a broken DOCX")


def test_a_docx_opens_no_other_file(tmp_path: Path) -> None:
    secret = written(tmp_path / "secret.txt", "the secret")
    body = (
        f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e SYSTEM "file://{secret}"><!ENTITY l "laugh">]>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>'
        "<w:t>before</w:t><w:t>&e;&l;</w:t><w:t>after</w:t></w:r></w:p></w:body></w:document>"
    )
    [document] = load(written(tmp_path / "x.docx", word(document=body)))
    assert isinstance(document, ParsedDocument)
    assert document.text == "beforeafter"


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + "x",
        "<div></b>" * 100_000 + "x",
        "".join(f"<b id={i}>" for i in range(2_000)) + "<p>x" * 20_000,
    ],
)
def test_a_page_that_would_blow_up_in_the_parser(tmp_path: Path, page: str) -> None:
    began = time.process_time()
    refused(written(tmp_path / "x.html", page), "nested .* deep")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "page",
    [
        "<p>x" * 20_000,
        "<ul><li>x" * 900,
        "<table><tr><td colspan=999999999 rowspan=999999999>x" + "<tr><td>y" * 500 + "</table>",
        "<table><tr><td>" * 900 + "x",
        "<!--" * 50_000 + "--><p>x",
        "&" * 100_000,
        "x<div>" + "<img alt=''> " * 20_000 + "</div>",
        "<p>" + "<img alt=a> " * 20_000,
    ],
)
def test_an_ugly_page_is_read_in_time(tmp_path: Path, page: str) -> None:
    began = time.process_time()
    [document] = load(written(tmp_path / "x.html", page))
    assert isinstance(document, ParsedDocument)
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "page", ["> " * 5_000 + "x", "[" * 5_000 + "x", "*a" * 5_000, "- " * 3_000 + "x", "`a" * 5_000]
)
def test_ugly_markdown_is_read_in_time(tmp_path: Path, page: str) -> None:
    began = time.process_time()
    with contextlib.suppress(LoadError):
        list(load(written(tmp_path / "x.md", page)))
    assert time.process_time() - began < 3


def test_images_that_are_cut_off_or_too_large(tmp_path: Path) -> None:
    for suffix in ("png", "jpg", "webp", "gif", "tiff", "bmp"):
        path = tmp_path / f"x.{suffix}"
        Image.effect_noise((200, 200), 50).convert("RGB").save(path)
        refused(written(path, path.read_bytes()[:-2_000]), "is not an image that can be read")
    Image.new("1", (300, 300)).save(tmp_path / "y.png")
    refused(tmp_path / "y.png", "more than the limit of 10,000 pixels", limits=Limits(pixels=10_000))


def test_a_decompression_bomb_of_an_image(tmp_path: Path) -> None:
    header = b"\x89PNG\r\n\x1a\n" + _png_part(b"IHDR", (50_000).to_bytes(4, "big") * 2 + b"\x08\0\0\0\0")
    refused(written(tmp_path / "x.png", header + _png_part(b"IDAT", b"")), "pixels")


def _png_part(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def test_names_cannot_break_the_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a\nb\x1b.txt", "")
    with pytest.raises(LoadError) as caught:
        list(load(path))
    assert str(caught.value).isprintable()
