"""What self-contained pages share: escaping, the frame, and the style and script kept next to this file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from importlib import resources

from kedge._views.clean import clean

__all__ = ["asset", "embed_json", "escape", "page"]


def escape(text: object) -> str:
    """Text as HTML text, for element content and for quoted attributes."""
    return html.escape(clean(str(text)), quote=True)


def embed_json(value: object) -> str:
    """JSON that can stand inside a `<script>` element: nothing in it can end the element.

    Example:
        >>> embed_json(["</script>"])
        '["\\\\u003c/script\\\\u003e"]'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@cache
def asset(name: str) -> str:
    """The text of a file in `assets`."""
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def page(title: str, body: str, *, style: str, script: str = "") -> str:
    """A whole page that loads nothing and runs no script but this one."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    runs = f"'sha256-{digest}'" if script else "'none'"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {runs}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n"
        + (f"<script>{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )
