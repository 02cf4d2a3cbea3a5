"""What every image encoder must do, the classical one's own, and the endpoint's."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kedge.errors import ModelError
from kedge.tools.encoders.images import (
    Descriptors,
    ImageEncoder,
    JointEncoder,
    PatchEncoder,
    RemoteImageEncoder,
)
from kedge.tools.search import maxsim


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(3)
    return [Image.fromarray(rng.integers(0, 255, (9 + i, 30, 3), dtype=np.uint8)) for i in range(count)]


def served(request: httpx.Request) -> httpx.Response:
    """An endpoint whose vector is the mean colour of an image, or the length of a text."""
    [message] = json.loads(request.content)["messages"]
    [part] = message["content"]
    if part["type"] == "text":
        vector = [float(len(part["text"])), 1.0, 0.0]
    else:
        data = base64.b64decode(part["image_url"]["url"].removeprefix("data:image/png;base64,"))
        vector = np.asarray(Image.open(io.BytesIO(data))).reshape(-1, 3).mean(axis=0).tolist()
    return httpx.Response(200, json={"data": [{"index": 0, "embedding": vector}]})


ENCODERS: list[ImageEncoder] = [
    Descriptors(),
    RemoteImageEncoder("http://test/v1", "clip", 3, transport=httpx.MockTransport(served)),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=["descriptors", "remote"])
async def test_rows_are_of_unit_length_one_for_each_image_in_order(encoder: ImageEncoder) -> None:
    images = pictures(5)
    rows = await encoder.encode(images)
    assert rows.shape == (5, encoder.dimension)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    for image, row in zip(images, rows, strict=True):
        np.testing.assert_allclose((await encoder.encode([image]))[0], row, atol=1e-5)
    assert (await encoder.encode([])).shape == (0, encoder.dimension)


@settings(max_examples=15, deadline=None)
@given(width=st.integers(1, 60), height=st.integers(1, 60), mode=st.sampled_from(["RGB", "L", "1", "P"]))
async def test_descriptors_are_finite_for_any_image(width: int, height: int, mode: str) -> None:
    [row] = await Descriptors().encode([Image.new(mode, (width, height))])
    assert np.isfinite(row).all()


async def test_a_copy_of_another_size_stays_the_nearest() -> None:
    rng = np.random.default_rng(0)
    images = [
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((160, 160)) for _ in range(12)
    ]
    encoder = Descriptors()
    rows = await encoder.encode(images)
    copies = await encoder.encode([image.resize((96, 96)) for image in images])
    assert ((copies @ rows.T).argmax(axis=1) == np.arange(12)).all()


async def test_patches_are_nested_and_their_number_is_chosen_with_the_query() -> None:
    encoder = Descriptors()
    assert isinstance(encoder, PatchEncoder)
    assert not isinstance(encoder, JointEncoder)
    sheet = Image.new("RGB", (160, 160), "white")
    sheet.paste("navy", (80, 0, 160, 80))
    other = Image.new("RGB", (160, 160), "white")
    other.paste("navy", (0, 80, 40, 120))
    [patches, others] = await encoder.encode_patches([sheet, other])
    assert patches.shape == (21, encoder.dimension)
    np.testing.assert_allclose(patches[0], (await encoder.encode([sheet]))[0], atol=1e-6)
    corner = (await encoder.encode([sheet.crop((80, 0, 160, 80))]))[:1]
    assert maxsim(corner, patches[:5]) == pytest.approx(1.0, abs=1e-5)
    assert maxsim(corner, patches[:1]) < 0.95
    assert maxsim(corner, patches[:5]) > maxsim(corner, others[:5])


async def test_texts_and_images_share_the_endpoints_space() -> None:
    encoder = RemoteImageEncoder("http://test/v1", "clip", transport=httpx.MockTransport(served))
    rows = await encoder.encode_texts(["", "four"])
    np.testing.assert_allclose(rows[1], np.array([4, 1, 0]) / 17**0.5, atol=1e-6)
    assert (encoder.dimension, encoder.fingerprint) == (3, "clip/3")
    assert isinstance(encoder, JointEncoder)


async def test_an_endpoint_that_takes_no_images_says_so() -> None:
    refusing = httpx.MockTransport(lambda _: httpx.Response(400, text="no multimodal input"))
    with pytest.raises(ModelError, match=r"clip at .* answered 400: no multimodal input"):
        await RemoteImageEncoder("http://test/v1", "clip", transport=refusing).encode(pictures(1))


async def test_photos_look_more_like_photos_than_like_charts(shared_data: Path) -> None:
    folder = shared_data / "image_text"
    photos = [Image.open(file) for file in sorted((folder / "flickr8k").glob("*.jpg"))[:12]]
    charts = [Image.open(file) for file in sorted((folder / "opencqa").glob("*.png"))[:12]]
    rows = await Descriptors().encode([*photos, *charts])
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -1)
    nearest = cosines.argmax(axis=1)
    assert ((nearest < 12) == (np.arange(24) < 12)).mean() > 0.85
