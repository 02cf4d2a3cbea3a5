"""What every encoder must do. Subclass `EncoderConformance` and give it an `encoder` fixture."""

from __future__ import annotations

import asyncio

import numpy as np

from kedge.tools.encoders import Encoder, TokenEncoder

TEXTS = (
    "The kedge is a light anchor.",
    "",
    "   ",
    "Ein Anker, 錨, якорь, ⚓, e\u0301",
    "half a pair \ud800, a nul \x00, a bell \a",
    "[PAD] [CLS] [SEP]",
    "one two three " * 5_000,
)


class EncoderConformance:
    async def test_rows_are_unit_vectors_of_the_dimension(self, encoder: Encoder) -> None:
        vectors = await encoder.encode(TEXTS)
        assert vectors.shape == (len(TEXTS), encoder.dimension)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    async def test_no_texts_give_no_rows(self, encoder: Encoder) -> None:
        await encoder.encode(["something first, for encoders that learn their dimension"])
        assert (await encoder.encode([])).shape == (0, encoder.dimension)

    async def test_equal_texts_have_equal_vectors(self, encoder: Encoder) -> None:
        np.testing.assert_array_equal(await encoder.encode(TEXTS), await encoder.encode(TEXTS))

    async def test_a_text_has_the_same_vector_alone_and_in_any_batch(self, encoder: Encoder) -> None:
        together = await encoder.encode([*TEXTS, *(f"passage {i} " * i for i in range(80))])
        alone = np.concatenate([await encoder.encode([text]) for text in TEXTS])
        np.testing.assert_allclose(together[: len(TEXTS)], alone, atol=2e-3)

    async def test_rows_are_in_the_order_of_the_texts(self, encoder: Encoder) -> None:
        forwards, backwards = await encoder.encode(TEXTS), await encoder.encode(TEXTS[::-1])
        np.testing.assert_allclose(forwards, backwards[::-1], atol=2e-3)

    async def test_different_texts_have_different_vectors(self, encoder: Encoder) -> None:
        one, other = await encoder.encode(["a light anchor", "the price of wheat"])
        assert one @ other < 0.99

    async def test_many_calls_at_once(self, encoder: Encoder) -> None:
        results = await asyncio.gather(*(encoder.encode([text]) for text in TEXTS))
        np.testing.assert_allclose(np.concatenate(results), await encoder.encode(TEXTS), atol=2e-3)

    def test_it_serves_one_event_loop_after_another(self, encoder: Encoder) -> None:
        first, second = (asyncio.run(encoder.encode(["again"])) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    async def test_the_fingerprint_stays(self, encoder: Encoder) -> None:
        await encoder.encode(["one"])
        before = encoder.fingerprint
        await encoder.encode(["two"])
        assert before == encoder.fingerprint != ""


class TokenEncoderConformance(EncoderConformance):
    async def test_tokens_are_unit_vectors(self, encoder: TokenEncoder) -> None:
        tokens = await encoder.encode_tokens(TEXTS)
        assert len(tokens) == len(TEXTS)
        for rows in tokens:
            assert rows.shape[1] == encoder.dimension
            np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

    async def test_a_longer_text_has_more_tokens(self, encoder: TokenEncoder) -> None:
        short, long = await encoder.encode_tokens(["an anchor", "an anchor on the floor of the sea"])
        assert 0 < len(short) < len(long)

    async def test_no_texts_give_no_tokens(self, encoder: TokenEncoder) -> None:
        assert await encoder.encode_tokens([]) == []
