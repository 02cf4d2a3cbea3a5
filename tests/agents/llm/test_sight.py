"""A vision-language model with random weights in the real vLLM: images, and parts of them, reach it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from pydantic import BaseModel

from kedge import KnowledgeBase
from kedge.agents.llm import LlmCast
from kedge.agents.llm.prompting import prompt, quoted, showing
from kedge.testing import FakeEncoder, make_tiny_model
from kedge.tools.images import WHOLE, Box, as_png
from kedge.tools.models import Budget, ModelClient, VllmOptions, VllmServer, connect
from tests._pictures import told
from tests.conftest import VLLM_PATIENCE

TOKENS = 7  # of an image of the tiny model


class Seen(BaseModel):
    """A reply that random weights cannot run on in."""

    colour: Literal["red", "blue", "grey"]


def square(colour: str) -> Image.Image:
    image = Image.new("RGB", (90, 60), "white")
    image.paste(colour, (10, 10, 50, 50))
    return image


RED, BLUE = as_png(square("red")), as_png(square("blue"))
CROP = as_png(Box(0.1, 0.1, 0.6, 0.9).crop(square("red")))


@pytest.fixture(scope="module")
def sighted(tmp_path_factory: pytest.TempPathFactory, vllm_environment: Path) -> Iterator[VllmServer]:
    """A vLLM of its own, since a server serves one model."""
    folder = make_tiny_model(tmp_path_factory.mktemp("models") / "sighted", architecture="idefics3")
    options = VllmOptions(
        str(folder),
        vllm=vllm_environment,
        context=2048,
        batch=4,
        kv_gib=0.125,
        threads=1,
        dtype="float32",
        lora=None,
        flags=("--limit-mm-per-prompt", '{"image": 8}'),
        cache=vllm_environment / "cache",
    )
    server = VllmServer(options, tmp_path_factory.mktemp("vllm") / "sighted.log", patience=VLLM_PATIENCE)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
def model(sighted: VllmServer) -> ModelClient:
    return connect(sighted.url, sighted.name, temperature=0)


async def test_each_image_and_each_part_of_one_reaches_the_model(model: ModelClient) -> None:
    cast, role = LlmCast(model), prompt("describe")
    asked = role.messages(question="Which colour is it?", passages=quoted(()), count=0)
    lengths = []
    for images in ((), (RED,), (RED, CROP), (RED, BLUE, CROP, CROP)):
        message = await cast._asker.complete(role, showing(asked, images), form=Seen)
        assert Seen.model_validate_json(str(message.content))
        lengths.append(message.usage_metadata["input_tokens"] - TOKENS * len(images))  # type: ignore[attr-defined]
    assert len(set(lengths)) == 1


async def test_what_an_image_shows_makes_a_difference(model: ModelClient) -> None:
    async def said(image: bytes) -> str:
        content = showing((("human", "What is it?"),), [image])
        return str((await model.ainvoke(list(content), max_tokens=12)).content)

    red, again, blue = await said(RED), await said(RED), await said(BLUE)
    assert red == again != blue


async def test_the_cast_points_at_parts_inside_the_image(model: ModelClient) -> None:
    boxes = await LlmCast(model).locate("Which colour is the square?", RED)
    assert len(boxes) <= 3
    assert all(box.area > 0 and box.overlap(WHOLE) == pytest.approx(box.area) for box in boxes)


async def test_kedge_asks_about_several_images(model: ModelClient, tmp_path: Path) -> None:
    """Whatever random weights say: an answer or an abstention, and the cast was asked with the images."""
    documents = [told("red", RED, "A red square"), told("blue", BLUE, "A blue square")]
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd(documents, triples=False)
        for question, images in (
            ("What is in these pictures?", [CROP, BLUE]),
            ("Who cut the square?", [as_png(Image.effect_noise((80, 60), 70))]),
        ):
            answer = await base.aask(
                question, images=images, model=model, budget=Budget(rounds=1, seconds=90)
            )
            assert (answer.text is None) == (answer.abstention is not None)
            assert answer.method == "multimodal"
            assert answer.ledger.total.calls >= 1
