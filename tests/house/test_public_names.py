"""What may be imported from where is a written list: a name comes or goes on purpose, or not at all.

`python tests/house/test_public_names.py` writes the list anew; its difference is the thing to review.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("public_names.txt")


def doors() -> list[str]:
    """Every public package, and the public modules directly in `kedge/`."""
    layers = [
        p for name in ("agents", "benchmarks", "graphs", "tools") for p in (ROOT / name).rglob("__init__.py")
    ]
    names = [".".join(("kedge", *p.parent.relative_to(ROOT).parts)) for p in layers]
    names += [
        f"kedge.{p.parent.name}" for p in (ROOT / "kedge").glob("*/__init__.py") if not p.parent.is_symlink()
    ]
    names += ["kedge", *(f"kedge.{p.stem}" for p in (ROOT / "kedge").glob("*.py"))]
    return sorted(n for n in names if not any(part.startswith("_") for part in n.split(".")))


def exported(door: str) -> list[str]:
    return list(getattr(importlib.import_module(door), "__all__", []))


def public_names() -> set[str]:
    return {f"{door}.{name}" for door in doors() for name in exported(door)}


def test_public_names_are_the_written_ones() -> None:
    actual = public_names()
    written = {line for line in LIST.read_text().splitlines() if line and not line.startswith("#")}
    new, gone = sorted(actual - written), sorted(written - actual)
    assert not new, f"write these into {LIST.name}, or keep them private: {new}"
    assert not gone, (
        f"these were public: put them back, or take them off {LIST.name} and say so in CHANGELOG: {gone}"
    )


def test_the_list_is_sorted() -> None:
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    assert lines == sorted(lines)


@pytest.mark.parametrize("door", doors())
def test_every_exported_name_exists_and_is_listed_once(door: str) -> None:
    module = importlib.import_module(door)
    names = exported(door)
    assert len(names) == len(set(names))
    for name in names:
        assert hasattr(module, name), f"{door}.__all__ names {name}, which does not exist"


if __name__ == "__main__":
    LIST.write_text("\n".join(sorted(public_names())) + "\n")
