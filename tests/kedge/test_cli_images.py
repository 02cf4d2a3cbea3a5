"""`kedge ask --image`: on the example world, with no model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from kedge._cli import app
from kedge._cli._app import ABSTAINED

DRAWINGS = Path(__file__).resolve().parents[2] / "examples" / "world" / "drawings"


def ask(world: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(app, ["ask", "--base", str(world), "--json", *arguments])
    return done.exit_code, json.loads(done.stdout)


def test_who_designed_the_flag_in_a_photo_of_it(world_path: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    Image.open(DRAWINGS / "flag.png").convert("RGB").resize((450, 300)).save(photo, quality=60)
    code, answer = ask(world_path, "--image", str(photo), "Who designed this flag?")
    assert code == 0
    assert (answer["method"], answer["text"]) == ("multimodal", "Delphine Trewarne")
    citations = answer["citations"]
    assert isinstance(citations, list)
    assert citations[0]["picture"].startswith(str(world_path))


def test_what_only_a_chart_says(world_path: Path) -> None:
    code, answer = ask(
        world_path, "--method", "multimodal", "How many crans does the bar chart show for 1927?"
    )
    assert code == 0
    assert "6,350" in str(answer["text"])


def test_a_photo_of_something_else_is_not_answered_about(world_path: Path, tmp_path: Path) -> None:
    photo = tmp_path / "noise.png"
    Image.effect_noise((300, 200), 80).save(photo)
    code, answer = ask(world_path, "--image", str(photo), "Who designed this flag?")
    assert code == ABSTAINED
    assert answer["text"] is None


@pytest.mark.parametrize("name", ["http://127.0.0.1/x.png", "absent.png", __file__])
def test_what_is_no_image_is_refused_in_one_line(world_path: Path, name: str) -> None:
    done = CliRunner().invoke(app, ["ask", "--base", str(world_path), "--image", name, "What is this?"])
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
