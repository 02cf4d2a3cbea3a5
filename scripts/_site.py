"""What the site does to pages and docstrings that are read elsewhere as well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from griffe import Extension, Object

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[([^\]\n]+)\]\(((?:\.\./)+[^)#\s]*)\)")


def on_page_markdown(markdown: str, /, *, page: Any, **_: Any) -> str:
    """Fences without the flag for the tests, and files of the repository as their paths.

    The site has no copy of those files. A link to a file that is not there stays, so that the build fails.
    """
    folder = Path(page.file.abs_src_path).parent

    def named(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        inside = target.is_relative_to(ROOT / "docs")
        if inside or not target.exists() or not target.is_relative_to(ROOT):
            return link[0]
        path = target.relative_to(ROOT).as_posix()
        return f"`{path}`" if link[1].strip("`") in (path, target.name) else f"{link[1]} (`{path}`)"

    return re.sub(r"^(```\w+) no-run$", r"\1", LINK.sub(named, markdown), flags=re.MULTILINE)


class Examples(Extension):
    """Lets what stands below `Example:` in a docstring be shown as code."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Call that section as the parser knows it."""
        if obj.docstring:
            obj.docstring.value = re.sub(r"(?m)^Example:$", "Examples:", obj.docstring.value)
