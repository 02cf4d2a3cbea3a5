"""The closed-form maps against numpy and scipy: streaming, choice, and what they never leak."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from kedge.errors import InputError, StoreError
from kedge.tools.encoders.alignment import Alignment, Moments, align, choose, nearest_captions, robust

RNG = np.random.default_rng(7)
X = RNG.normal(size=(300, 12)) * RNG.uniform(0.1, 9, size=12) + RNG.normal(size=12)
W = RNG.normal(size=(12, 8))
Y = X @ W + 0.1 * RNG.normal(size=(300, 8))


def standard(rows: Any) -> Any:
    return (rows - rows.mean(0)) / rows.std(0)


def unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def raw(found: Alignment, rows: Any) -> Any:
    """What a map gives before it is brought to unit length."""
    mapped = (rows - found.image_mean) / found.image_scale @ found.matrix
    return mapped * found.text_scale + found.text_mean


def test_least_squares_is_that_of_numpy() -> None:
    expected = np.linalg.lstsq(standard(X), standard(Y), rcond=None)[0]
    np.testing.assert_allclose(align(X, Y, "least_squares").matrix, expected, atol=1e-9)


def test_least_squares_recovers_the_true_map() -> None:
    other = RNG.normal(size=(20, 12))
    np.testing.assert_allclose(raw(align(X, X @ W, "least_squares"), other), other @ W, atol=1e-8)


def test_ridge_is_least_squares_on_rows_that_pull_towards_zero() -> None:
    alpha = 3.0
    more = np.vstack([standard(X), np.sqrt(alpha) * np.eye(12)])
    expected = np.linalg.lstsq(more, np.vstack([standard(Y), np.zeros((12, 8))]), rcond=None)[0]
    np.testing.assert_allclose(align(X, Y, "ridge", alpha=alpha).matrix, expected, atol=1e-9)


def test_procrustes_is_that_of_scipy() -> None:
    turned = standard(X) @ linalg.qr(RNG.normal(size=(12, 12)))[0] + 0.01 * RNG.normal(size=(300, 12))
    expected, _ = linalg.orthogonal_procrustes(standard(X), standard(turned))
    np.testing.assert_allclose(align(X, turned, "procrustes").matrix, expected, atol=1e-8)


@pytest.mark.parametrize("method", ["procrustes", "robust_procrustes"])
def test_a_procrustes_map_turns_and_does_not_stretch(method: Any) -> None:
    matrix = align(X, Y, method).matrix
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(8), atol=1e-10)
    back = align(Y, X, method).matrix
    np.testing.assert_allclose(back @ back.T, np.eye(8), atol=1e-10)


def test_robust_procrustes_is_nearer_to_the_truth_when_pairs_are_wrong() -> None:
    x = RNG.normal(size=(200, 6))
    turn = linalg.qr(RNG.normal(size=(6, 6)))[0]
    y = x @ turn
    y[:60] = RNG.normal(size=(60, 6)) * 3
    plain, firm = align(x, y, "procrustes").matrix, align(x, y, "robust_procrustes").matrix
    assert np.linalg.norm(firm - turn) < 0.8 * np.linalg.norm(plain - turn)


def test_dependent_and_constant_columns_give_finite_maps() -> None:
    x = np.hstack([X, X[:, :3], np.ones((300, 1))])
    for method in ("least_squares", "ridge", "procrustes", "robust_procrustes"):
        mapped = align(x, Y, method)(x)  # type: ignore[arg-type]
        assert np.isfinite(mapped).all()
        np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), 1.0, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 299), max_size=6), offset=st.floats(-1e6, 1e6))
def test_streaming_gives_what_one_batch_gives_wherever_it_is_cut(cuts: list[int], offset: float) -> None:
    bounds = [0, *sorted(cuts), 300]
    moments = Moments()
    for start, end in pairwise(bounds):
        moments.add(X[start:end] + offset, Y[start:end])
    np.testing.assert_allclose(moments.solve("ridge").matrix, align(X + offset, Y, "ridge").matrix, atol=1e-6)
    # And a common offset, the gap between the two spaces, is no matter.
    np.testing.assert_allclose(moments.solve("ridge").matrix, align(X, Y, "ridge").matrix, atol=1e-6)


def test_streaming_is_exact_to_eight_digits() -> None:
    moments = Moments()
    for start in range(0, 300, 17):
        moments.add(X[start : start + 17], Y[start : start + 17])
    for method in ("least_squares", "ridge", "procrustes"):
        whole = align(X, Y, method)  # type: ignore[arg-type]
        np.testing.assert_allclose(moments.solve(method).matrix, whole.matrix, atol=1e-8)  # type: ignore[arg-type]
    parts = [(X[i : i + 50], Y[i : i + 50]) for i in range(0, 300, 50)]
    np.testing.assert_allclose(
        robust(lambda: parts).matrix, align(X, Y, "robust_procrustes").matrix, atol=1e-8
    )


def test_weights_count_as_repetitions() -> None:
    weighted, repeated = Moments(), Moments()
    weighted.add(X[:50], Y[:50], np.arange(50) % 3 + 1)
    rows = np.repeat(np.arange(50), np.arange(50) % 3 + 1)
    repeated.add(X[rows], Y[rows])
    np.testing.assert_allclose(weighted.solve("ridge").matrix, repeated.solve("ridge").matrix, atol=1e-9)


def test_a_map_closes_a_gap_that_identity_does_not() -> None:
    texts = unit(RNG.normal(size=(80, 16)))
    images = texts + 0.05 * RNG.normal(size=texts.shape) + 3 * RNG.normal(size=16)
    found = align(images[:40], texts[:40], "procrustes")

    def hits(rows: Any) -> float:
        return float(((unit(rows) @ texts[40:].T).argmax(axis=1) == np.arange(40)).mean())

    assert hits(found(images[40:])) > hits(images[40:]) + 0.5


def test_the_choice_follows_the_share_of_data_and_what_it_finds_on_images_held_back() -> None:
    owners = [str(i) for i in range(300)]
    assert choose(X, Y, owners, share=0.01)[0] == "procrustes"
    assert choose(X, Y, owners, share=0.5)[0] == "ridge"
    stretched = standard(X)[:, :8] * np.array([9, 5, 3, 2, 1, 0.5, 0.1, 0.05])
    assert choose(X, standard(X) @ RNG.normal(size=(12, 8)) + 0.01 * stretched, owners)[0] == "ridge"
    assert choose(X[:6], Y[:6], owners[:6])[0] == "procrustes"


def test_an_images_own_captions_are_never_among_those_retrieved() -> None:
    captions = unit(RNG.normal(size=(30, 5))).astype(np.float32)
    owners = [str(i // 3) for i in range(30)]
    for image in range(10):
        found = nearest_captions(captions[3 * image], captions, owners, str(image), 30)
        assert len(found) == 27
        assert all(owners[row] != str(image) for row, _ in found)
    assert nearest_captions(captions[3], captions, owners, None, 1)[0][0] == 3


def test_a_map_is_the_same_after_it_was_saved(tmp_path: Path) -> None:
    found = align(X, Y, "ridge", alpha=2.5, pairs=[f"image {i}" for i in range(300)])
    found.save(tmp_path / "map.safetensors")
    again = Alignment.load(tmp_path / "map.safetensors")
    np.testing.assert_array_equal(again(X), found(X))
    assert (again.method, again.alpha, again.pairs) == ("ridge", 2.5, found.pairs)
    (tmp_path / "broken").write_bytes(b"no map at all")
    for name in ("broken", "absent"):
        with pytest.raises(StoreError, match="is not an alignment"):
            Alignment.load(tmp_path / name)


def test_vectors_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(InputError, match="no pairs"):
        align(X, Y[:10], "ridge")
    with pytest.raises(InputError, match="not finite"):
        align(np.full((3, 2), np.nan), np.ones((3, 2)), "ridge")
    with pytest.raises(InputError, match="at least two"):
        align(X[:1], Y[:1], "ridge")
    with pytest.raises(InputError, match="takes image vectors of 12"):
        align(X, Y, "ridge")(Y)
    moments = Moments()
    moments.add(X, Y)
    with pytest.raises(InputError, match="different lengths"):
        moments.add(Y, X)
