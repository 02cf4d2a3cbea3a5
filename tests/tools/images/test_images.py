"""Opening whatever claims to be an image, proposing crops, and reading text with Tesseract."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kedge.errors import LoadError
from kedge.tools.images import WHOLE, Box, as_png, can_read, opened, proposals, read_text, shrunk
from tests._pictures import saved


def test_cmyk_becomes_rgb() -> None:
    image = opened(saved(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = image.getpixel((1, 1))  # type: ignore[misc]
    assert image.mode == "RGB"
    assert red > 200 > green
    assert blue < 80


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    deep = Image.fromarray(np.array([[0, 20_000], [40_000, 60_000]], np.uint16))
    levels = np.asarray(opened(saved(deep, "PNG")))[..., 0]
    assert levels.tolist() == [[0, 85], [170, 255]]


def test_an_animation_is_its_first_picture() -> None:
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("red", "blue")]
    image = opened(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert image.getpixel((2, 2)) == (255, 0, 0)


def test_exif_turns_the_image_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    assert opened(saved(Image.new("RGB", (8, 3)), "JPEG", exif=exif)).size == (3, 8)


def test_what_is_transparent_is_white() -> None:
    palette = Image.new("P", (2, 2), 0)
    assert opened(saved(palette, "PNG", transparency=0)).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"not an image at all", "photo.png: is not an image that can be read"),
        (b"", "is not an image that can be read"),
        (saved(Image.effect_noise((90, 90), 60), "PNG")[:400], "is not an image that can be read"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
        (b"<SVG onload='x()'>", "is an SVG drawing"),
        (saved(Image.new("1", (9_000, 9_000)), "PNG"), "more than the limit of 80,000,000 pixels"),
        (saved(Image.new("1", (20_000, 20_000)), "PNG"), "more than the limit of 80,000,000 pixels"),
    ],
)
def test_what_cannot_be_opened_is_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(LoadError, match=message):
        opened(data, "photo.png")


@settings(max_examples=60, deadline=None)
@given(
    data=st.binary(max_size=300),
    head=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff"]),
)
def test_no_bytes_bring_it_down(data: bytes, head: bytes) -> None:
    with pytest.raises(LoadError):
        opened(head + data)


def test_things_on_a_plain_ground_are_proposed_first() -> None:
    image = Image.new("RGB", (400, 100), "lightgrey")
    image.paste("yellow", (20, 20, 80, 80))
    image.paste("blue", (300, 10, 360, 40))
    boxes = proposals(image)
    assert boxes[0].overlap(Box(0.05, 0.2, 0.2, 0.8)) > 0.8
    assert any(box.overlap(Box(0.75, 0.1, 0.9, 0.4)) > 0.7 for box in boxes)


@settings(max_examples=20, deadline=None)
@given(width=st.integers(1, 90), height=st.integers(1, 90), seed=st.integers(0, 99))
def test_proposals_lie_within_the_image_and_apart(width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    boxes = proposals(image, 8)
    assert boxes
    assert all(0 <= b.left < b.right <= 1 and 0 <= b.top < b.bottom <= 1 for b in boxes)
    assert all(a.overlap(b) < 0.6 for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(min(box.crop(image).size) >= 1 for box in boxes)
    assert WHOLE.crop(image).size == image.size


def test_without_tesseract_nothing_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not can_read()
    assert read_text(Image.new("RGB", (9, 9))) == ""


def test_tesseract_is_given_the_image_and_its_noise_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "tesseract"
    program.write_text(
        '#!/bin/sh\n/usr/bin/head -c 4 | /usr/bin/tail -c 3\necho " 42\n|\n  High   water\n~ -"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_text(Image.new("RGB", (30, 30))) == "PNG 42\nHigh water"
    program.write_text("#!/bin/sh\nexit 1\n")
    assert read_text(Image.new("RGB", (30, 30))) == ""


def test_what_a_model_is_sent_is_a_small_png_or_jpeg() -> None:
    small, large = Image.new("RGB", (9, 9)), Image.effect_noise((1_400, 700), 90)
    assert shrunk(saved(small, "JPEG")) == saved(small, "JPEG")
    for data in (saved(large, "PNG"), saved(small, "GIF"), saved(small, "WEBP")):
        sent = shrunk(data)
        assert sent.startswith(b"\xff\xd8")
        assert max(opened(sent).size) == min(max(opened(data).size), 1_280)


def test_a_copy_is_made_smaller_and_the_image_is_not() -> None:
    image = Image.new("RGB", (300, 30))
    assert opened(as_png(image, longest=100)).size == (100, 10)
    assert image.size == (300, 30)
