"""The text in an image, by Tesseract where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess

from PIL import Image

from kedge.tools.images.opening import as_png

__all__ = ["can_read", "read_text"]

_SECONDS = 60.0
_LONGEST = 3_000  # pixels; Tesseract gains nothing from more
_SMALL = 1_000  # an image below is enlarged, as letters of less than 20 pixels are not read
_WORD = re.compile(r"\w\w|\d")


def can_read() -> bool:
    """Whether Tesseract is installed."""
    return shutil.which("tesseract") is not None


def read_text(image: Image.Image) -> str:
    """The lines of text that Tesseract sees in an image; nothing where it is not installed or sees none."""
    program = shutil.which("tesseract")
    if program is None:
        return ""
    if max(image.size) < _SMALL:
        image = image.resize((2 * image.width, 2 * image.height), Image.Resampling.LANCZOS)
    command = [program, "stdin", "stdout", "--psm", "11"]
    try:
        done = subprocess.run(  # noqa: S603 - its own program, with the image on standard input
            command, input=as_png(image, longest=_LONGEST), capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (" ".join(line.split()) for line in done.stdout.decode("utf-8", "replace").splitlines())
    return "\n".join(line for line in lines if _WORD.search(line))
