"""Several documents' adapters become one, since a server takes one adapter per request.

Every way is a sum of the members' changes with weights, kept exactly by putting the factors side by side: the
rank of the result is the sum of the ranks. `reduced` brings it down again, with the least possible error.

    sum                  ΔW = Σ ΔW_i                    PRAG's "cat" (arXiv 2501.15915)
    mean                 ΔW = Σ ΔW_i / k
    concat               ΔW = Σ w_i ΔW_i                weights given by the caller
    relevance_weighted   ΔW = Σ k·softmax(s)_i ΔW_i     s: the retriever's scores; equal scores give `sum`
    gram_schmidt         ΔW = Σ (I - P_{i-1}) ΔW_i      P: onto what the members before it write (MergePRAG);
                                                        depends on the order: the most relevant comes first
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kedge.errors import AdapterError, InputError
from kedge.tools.adapters.adapter import Adapter, Factors, Origin

__all__ = ["MERGES", "Merge", "merge", "merged_origin", "reduced"]

Merge = Literal["sum", "mean", "concat", "relevance_weighted", "gram_schmidt"]
MERGES: tuple[Merge, ...] = get_args(Merge)

INDEPENDENT = 1e-6  # a direction counts when its length is this share of the longest one's


def merge(
    members: Sequence[Adapter],
    how: Merge = "sum",
    *,
    weights: Sequence[float] | None = None,
    rank: int | None = None,
) -> Adapter:
    """One adapter that changes what the members change.

    `weights` are the factors for `concat`, and the retriever's scores for `relevance_weighted`; with `rank`
    the result is reduced to it.

    Raises:
        AdapterError: as `merged_origin`.
        InputError: as `merged_origin`.
    """
    origin = merged_origin([member.origin for member in members], how, weights=weights, rank=rank)
    factors = _weights(how, len(members), weights)
    names = sorted({name for member in members for name in member.modules})
    sides: Callable[[Sequence[Factors]], Factors] = _orthogonal if how == "gram_schmidt" else _side_by_side
    modules = {
        name: sides(
            [_scaled(m.modules[name], w) for m, w in zip(members, factors, strict=True) if name in m.modules]
        )
        for name in names
    }
    if rank is not None:
        modules = {name: reduced(module, rank) for name, module in modules.items()}
    return Adapter(modules, origin)


def merged_origin(
    members: Sequence[Origin],
    how: Merge = "sum",
    *,
    weights: Sequence[float] | None = None,
    rank: int | None = None,
) -> Origin:
    """The origin of what `merge` makes of adapters with these origins: known before anything is read.

    Raises:
        AdapterError: the members belong to different base models, or started from different values.
        InputError: there are no members, or not one weight for each.
    """
    if not members:
        raise InputError("there are no adapters to merge", fix="name at least one")
    for what, name in (("base", "base models"), ("init", "initialisations")):
        if len({getattr(member, what) for member in members}) > 1:
            raise AdapterError(
                f"adapters of different {name} cannot be merged", fix="encode them with one model and recipe"
            )
    factors = _weights(how, len(members), weights)
    keyed = list(zip((member.key for member in members), factors, strict=True))
    if how != "gram_schmidt":
        keyed.sort()  # a sum does not depend on the order
    text = f"{rank} " + " ".join(f"{key}*{weight:.6g}" for key, weight in keyed)
    return Origin(
        content=blake2b(text.encode(), digest_size=12).hexdigest(),
        base=members[0].base,
        init=members[0].init,
        recipe=f"merge {how}",
        members=tuple(key for key, _ in keyed),
    )


def reduced(factors: Factors, rank: int) -> Factors:
    """The nearest change of at most this rank (Eckart-Young), without ever forming the full matrix.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> whole = Factors(np.float32(rng.normal(size=(4, 9))), np.float32(rng.normal(size=(7, 4))))
        >>> reduced(whole, 2).rank, bool(np.allclose(reduced(whole, 4).delta, whole.delta, atol=1e-5))
        (2, True)
    """
    if factors.rank <= rank:
        return factors
    left, upper = np.linalg.qr(factors.up)
    right, lower = np.linalg.qr(factors.down.T)
    u, sizes, v = np.linalg.svd(upper @ lower.T)
    root = np.sqrt(sizes[:rank])
    return Factors(down=(root[:, None] * v[:rank]) @ right.T, up=left @ (u[:, :rank] * root))


def _weights(how: Merge, count: int, weights: Sequence[float] | None) -> list[float]:
    if how in ("concat", "relevance_weighted") and (weights is None or len(weights) != count):
        raise InputError(f"{how} needs one weight for each of {count} adapters", fix="give as many weights")
    if how == "mean":
        return [1 / count] * count
    if how == "concat":
        return list(weights or ())
    if how == "relevance_weighted":
        scores = np.asarray(weights, dtype=float)
        shares = np.exp(scores - scores.max())
        return [float(share) for share in count * shares / shares.sum()]
    return [1.0] * count


def _scaled(factors: Factors, weight: float) -> Factors:
    return Factors(factors.down, np.float32(weight) * factors.up)


def _side_by_side(parts: Sequence[Factors]) -> Factors:
    return Factors(np.concatenate([p.down for p in parts]), np.concatenate([p.up for p in parts], axis=1))


def _orthogonal(parts: Sequence[Factors]) -> Factors:
    """Each member writes only where those before it do not: its `up` loses what lies in their span."""
    kept: list[Factors] = []
    for part in parts:
        span = (
            _basis(np.concatenate([k.up for k in kept], axis=1))
            if kept
            else np.zeros((len(part.up), 0), np.float32)
        )
        kept.append(Factors(part.down, part.up - span @ (span.T @ part.up)))
    return _side_by_side(kept)


def _basis(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Orthonormal columns that span the same space."""
    u, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(u[:, sizes > INDEPENDENT * max(sizes.max(initial=0.0), np.finfo(np.float32).tiny)])
