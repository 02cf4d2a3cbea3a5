from __future__ import annotations

import os
from pathlib import Path

import pytest

from kedge.errors import InputError, LoadError
from kedge.tools.knowledge_base.loaders import find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.md",
        "a.txt",
        "sub/c.csv",
        "sub/deep/d.PDF",
        ".git/e.txt",
        ".f.txt",
        "sub/~$g.docx",
        "h.exe",
    ):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path / "docs"


def names(found: object, root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in list(found)]  # type: ignore[call-overload]


def test_a_folder_is_searched_to_the_bottom_in_order(folder: Path) -> None:
    skipped: list[LoadError] = []
    found = names(find([folder], on_skip=skipped.append), folder)
    assert found == ["a.txt", "b.md", "sub/c.csv", "sub/deep/d.PDF"]
    assert [error.message for error in skipped] == [f"{folder}/h.exe: skipped: unsupported type"]


def test_a_file_that_is_named_is_given_whatever_it_is(folder: Path) -> None:
    assert names(find([folder / "h.exe", folder / ".f.txt"]), folder) == ["h.exe", ".f.txt"]


def test_each_file_comes_once_however_often_it_is_meant(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder / "a.txt")
    other = Path(os.path.relpath(folder / "b.md"))
    found = list(find([other, folder, folder / "a.txt", folder / "sub" / ".." / "a.txt"]))
    assert found == [other, folder / "a.txt", folder / "sub/c.csv", folder / "sub/deep/d.PDF"]


def test_links_to_folders_are_followed_but_never_in_circles(folder: Path) -> None:
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "sub" / "self").symlink_to(folder / "sub" / "self")
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.txt").write_text("x")
    (folder / "there").symlink_to(elsewhere)
    skipped: list[LoadError] = []
    found = names(find([folder], on_skip=skipped.append), folder)
    assert found == ["a.txt", "b.md", "sub/c.csv", "sub/deep/d.PDF", "there/x.txt"]
    assert any("sub/self: skipped" in error.message for error in skipped)


def test_pipes_and_broken_links_are_reported(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    (folder / "gone.txt").symlink_to(folder / "nowhere")
    skipped: list[LoadError] = []
    assert len(list(find([folder], on_skip=skipped.append))) == 4
    messages = " ".join(error.message for error in skipped)
    assert "pipe.txt: skipped: not a regular file" in messages
    assert "gone.txt: skipped: No such file" in messages


def test_patterns(folder: Path) -> None:
    assert names(find([f"{folder}/*.md"]), folder) == ["b.md"]
    assert names(find([f"{folder}/**/*.csv", f"{folder}/[a]*"]), folder) == ["sub/c.csv", "a.txt"]
    assert names(find([f"{folder}/s*"]), folder) == ["sub/c.csv", "sub/deep/d.PDF"]
    (folder / "[x].txt").write_text("x")
    assert names(find([f"{folder}/[x].txt"]), folder) == ["[x].txt"]


@pytest.mark.parametrize("bad", ["none.txt", "*.nope", "a.txt/b", "", "a\0b", "x" * 5_000])
def test_a_path_that_is_not_there_is_an_error_before_anything_is_given(folder: Path, bad: str) -> None:
    given = f"{folder}/{bad}" if bad else ""
    with pytest.raises(InputError) as caught:
        find([folder, given])
    assert caught.value.fix
    assert "\n" not in str(caught.value)


def test_an_unreadable_folder_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def guarded(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)
    skipped: list[LoadError] = []
    assert names(find([folder], on_skip=skipped.append), folder) == ["a.txt", "b.md"]
    assert any("sub: cannot be read: Permission denied" in error.message for error in skipped)
