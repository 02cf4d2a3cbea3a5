"""Which files are meant by the paths that a user gives."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kedge.errors import InputError, LoadError
from kedge.tools.knowledge_base.loaders._formats import SUPPORTED

__all__ = ["find"]

_Skip = Callable[[LoadError], None]


def find(paths: Sequence[str | Path], *, on_skip: _Skip | None = None) -> Iterator[Path]:
    """The files that files, folders and glob patterns stand for: each once, in the order given, then sorted.

    Folders are searched to the bottom, through links, but never in circles. In a folder or by a pattern,
    hidden files are passed over, and what cannot be loaded (unsupported, not a regular file, a broken link,
    a folder that may not be read) is told to `on_skip`. A file that is named is always given, so that `load`
    can say what is wrong with it.

    Raises:
        InputError: A path does not exist, or a pattern matches nothing; raised before any file is given.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("b.md", "a.txt", "c.exe", ".hidden.txt"):
        ...         _ = (Path(folder) / name).write_text("x")
        ...     [path.name for path in find([folder])]
        ['a.txt', 'b.md']
    """
    report = on_skip or (lambda _: None)
    unique: dict[str, Path] = {}
    for path in paths:
        for file in _expand(path, report):
            unique.setdefault(os.path.realpath(file), file)
    return iter(list(unique.values()))


def _expand(given: str | Path, report: _Skip) -> Iterator[Path]:
    path = Path(given)
    if "\0" in str(given) or not str(given):
        raise InputError("a path is empty or holds a NUL character", fix="check the arguments")
    try:
        path.lstat()
    except OSError as error:
        if not glob.has_magic(str(given)):
            reason = "no such file or folder" if isinstance(error, FileNotFoundError) else error.strerror
            raise InputError(f"{given}: {reason}", fix="check the path") from None
        yield from _matches(str(given), report)
        return
    if path.is_dir():
        yield from _walk(path, report)
    else:
        yield path


def _matches(pattern: str, report: _Skip) -> Iterator[Path]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not matches:
        raise InputError(f"{pattern}: nothing matches this pattern", fix="check the pattern")
    for match in map(Path, matches):
        if match.is_dir():
            # `**` gives every folder besides the files inside it.
            if "**" not in pattern:
                yield from _walk(match, report)
        elif _wanted(match, report):
            yield match


def _walk(folder: Path, report: _Skip) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        report(LoadError(f"{error.filename}: cannot be read: {error.strerror}", fix="check its permissions"))

    seen: set[tuple[int, int]] = set()
    for root, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        here = os.stat(root)  # noqa: PTH116 - os.walk gives strings
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not _hidden(name))
        for name in sorted(files):
            path = Path(root, name)
            if not _hidden(name) and _wanted(path, report):
                yield path


def _hidden(name: str) -> bool:
    return name.startswith((".", "~$"))  # ~$ marks the lock file of an open Office document


def _wanted(path: Path, report: _Skip) -> bool:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        report(LoadError(f"{path}: skipped: {error.strerror}", fix="mend or remove the link"))
        return False
    if not regular:
        report(LoadError(f"{path}: skipped: not a regular file", fix="leave it out"))
    elif path.suffix.lower() not in SUPPORTED:
        report(LoadError(f"{path}: skipped: unsupported type", fix="convert it, or leave it out"))
        return False
    return regular
