"""Images: opened safely, looked at closely, read by OCR where there is any."""

from kedge.tools.images.opening import FORMATS, UNREADABLE, as_png, opened, shrunk
from kedge.tools.images.reading import can_read, read_text
from kedge.tools.images.regions import WHOLE, Box, proposals
from kedge.tools.images.scenes import Thing, things

__all__ = [
    "FORMATS",
    "UNREADABLE",
    "WHOLE",
    "Box",
    "Thing",
    "as_png",
    "can_read",
    "opened",
    "proposals",
    "read_text",
    "shrunk",
    "things",
]
