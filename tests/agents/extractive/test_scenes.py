"""Statements about plain shapes: what is seen in the pixels, and what the words ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from kedge.agents.extractive.describing import judged
from kedge.agents.extractive.scenes import holds
from kedge.tools.images import Thing, as_png, things

GROUND, BAR = "#d3d3d3", "#808080"


@pytest.fixture(scope="module")
def image() -> Image.Image:
    """Left: a tower of yellow on blue, and a black circle. Right: a triangle that touches the wall."""
    image = Image.new("RGB", (250, 100), GROUND)
    image.paste(BAR, (100, 0, 150, 100))
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 80, 59, 99), fill="#0099ff")
    draw.rectangle((40, 59, 59, 78), fill="yellow")
    draw.ellipse((5, 5, 29, 29), fill="black")
    draw.polygon([(150, 60), (150, 90), (180, 90)], fill="yellow")
    return image


@pytest.fixture(scope="module")
def scene(image: Image.Image) -> list[Thing]:
    return things(image)


def test_shapes_are_seen_with_their_colours_panels_and_walls(scene: list[Thing]) -> None:
    assert [(t.panel, t.colour, t.shape) for t in scene] == [
        (0, "black", "circle"),
        (0, "yellow", "square"),
        (0, "blue", "square"),
        (1, "yellow", "triangle"),
    ]
    assert [sorted(t.walls) for t in scene] == [[], [], ["bottom"], ["left"]]


@pytest.mark.parametrize(
    ("sentence", "true"),
    [
        ("There is a tower with a yellow block at the top.", True),
        ("There is a tower with a blue block at the top.", False),
        ("There is a tower with a blue block at the base", True),
        ("There is a tower with a yellow block over a blue block", True),
        ("There is a tower with a blue block over a yellow block", False),
        ("There is a tower with a blue block below a yellow block", True),
        ("There is a tower with three blocks", False),
        ("There is a tower with exactly two blocks", True),
        ("There is a black circle.", True),
        ("There is a black circle touching the wall.", False),
        ("There is a yellow triangle touching the left wall", True),
        ("There is a blue square not touching any edge", False),
        ("There are exactly two yellow items", True),
        ("There are 3 yellow items", False),
        ("There are at least 2 yellow items", True),
        ("There are at most one yellow item", False),
        ("There are more than two yellow items", False),
        ("There is no blue triangle", True),
        ("There is a box with only yellow items", True),
        ("There are two boxes with only yellow items", False),
        ("There is a box with all 3 different colors", True),
        ("There is a box with items of only one color", True),
        ("There is a yellow squere as the top of a tower", True),
        ("There is a blue block as the base of a tower with exactly three blocks", False),
        ("There is a yellow block on a blue block", True),
        ("There is a circle that is not black", False),
    ],
)
def test_what_a_sentence_says_is_checked(scene: list[Thing], sentence: str, true: bool) -> None:
    assert holds(sentence, scene) is true


@given(st.text(alphabet="there is a tower box with two blue block s at top", max_size=60))
def test_any_sentence_has_a_verdict(sentence: str) -> None:
    assert holds(sentence, []) in (True, False)


def test_only_statements_about_plain_scenes_are_judged(image: Image.Image) -> None:
    scene = as_png(image)
    said = judged("Is it true that there is a black circle?", [scene])
    assert said is not None
    assert said.text == "true"
    assert judged("Which colour is the circle?", [scene]) is None
    assert judged("There is a black circle.", [scene, scene]) is None
    noise = Image.merge("RGB", [Image.effect_noise((90, 90), sigma) for sigma in (60, 70, 80)])
    assert judged("There is a black circle.", [as_png(noise)]) is None
