"""The network: the trunk of all-MiniLM-L6-v2 over question, title and passage, and one linear layer of heads.

Needs torch, and so does everything else of this folder but `examples` and `making`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor, nn

__all__ = ["HEADS", "ReaderNet", "rounded_words"]

# The first three are read off each token, the others off the first one.
HEADS: Final = ("start", "end", "supports", "answerable", "relevant", "yes", "no", "neither")
LAYERS: Final = 6
ATTENTION_HEADS: Final = 12
WIDTH: Final = 384
EPSILON: Final = 1e-12
DROPPED: Final = 0.1  # share of what a layer adds, in training


def rounded_words(words: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The word embeddings as the shipped encoder has them: int8 with one scale a row."""
    scale = np.maximum(np.abs(words).max(axis=1, keepdims=True), EPSILON) / 127
    rounded: npt.NDArray[np.float32] = (np.rint(words / scale) * scale).astype(np.float32)
    return rounded


class Layer(nn.Module):
    """One transformer layer (post-norm), with the names of BERT's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.first_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.wide = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)
        self.second_norm = nn.LayerNorm(WIDTH, eps=EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`x` is (batch, length, width), `mask` (batch, 1, 1, length) is true where there is a token."""
        batch, length, _ = x.shape
        split = self.qkv(x).view(batch, length, 3, ATTENTION_HEADS, WIDTH // ATTENTION_HEADS)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        joined = attended.transpose(1, 2).reshape(batch, length, WIDTH)
        x = self.first_norm(x + F.dropout(self.attended(joined), DROPPED, self.training))
        return self.second_norm(x + F.dropout(self.narrow(F.gelu(self.wide(x))), DROPPED, self.training))


class ReaderNet(nn.Module):
    """Logits of all heads for each token: (batch, length, heads).

    The word embeddings are frozen, because the encoder's table is used for them when the reader is shipped.
    """

    def __init__(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        super().__init__()
        table = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
        words = torch.from_numpy(rounded_words(weights["embeddings.word_embeddings.weight"]))
        self.words = nn.Embedding.from_pretrained(words, freeze=True)
        self.positions = nn.Embedding.from_pretrained(
            table["embeddings.position_embeddings.weight"], freeze=False
        )
        self.segments = nn.Embedding.from_pretrained(
            table["embeddings.token_type_embeddings.weight"], freeze=False
        )
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.heads = nn.Linear(WIDTH, len(HEADS))
        nn.init.normal_(self.heads.weight, std=0.02)
        nn.init.zeros_(self.heads.bias)
        self.load_state_dict(_named_as_here(table), strict=False)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        """`ids` is (batch, length), 0 where padded; `segments` is 0 for the question and 1 behind it."""
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.norm(self.words(ids) + self.positions(places) + self.segments(segments))
        x = F.dropout(x, DROPPED, self.training)
        mask = (ids != 0)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        logits: Tensor = self.heads(x)
        return logits

    def as_bert(self) -> dict[str, npt.NDArray[np.float32]]:
        """The weights under BERT's names, the heads as `heads.weight` and `heads.bias`; without the words."""
        state = {name: value.detach().float().cpu().numpy() for name, value in self.state_dict().items()}
        found = {name: state[name] for name in ("heads.weight", "heads.bias")}
        found |= {there: state[here] for here, there in _EMBEDDINGS.items()}
        for i in range(LAYERS):
            for here, there in _LAYER.items():
                for kind in ("weight", "bias"):
                    parts = np.split(state[f"layers.{i}.{here}.{kind}"], len(there))
                    for name, part in zip(there, parts, strict=True):
                        found[f"encoder.layer.{i}.{name}.{kind}"] = part
        return found


_EMBEDDINGS: Final = {
    "positions.weight": "embeddings.position_embeddings.weight",
    "segments.weight": "embeddings.token_type_embeddings.weight",
    "norm.weight": "embeddings.LayerNorm.weight",
    "norm.bias": "embeddings.LayerNorm.bias",
}
_LAYER: Final[Mapping[str, tuple[str, ...]]] = {
    "qkv": tuple(f"attention.self.{name}" for name in ("query", "key", "value")),
    "attended": ("attention.output.dense",),
    "first_norm": ("attention.output.LayerNorm",),
    "wide": ("intermediate.dense",),
    "narrow": ("output.dense",),
    "second_norm": ("output.LayerNorm",),
}


def _named_as_here(table: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = {here: table[there] for here, there in _EMBEDDINGS.items()}
    for i in range(LAYERS):
        for here, there in _LAYER.items():
            for kind in ("weight", "bias"):
                parts = [table[f"encoder.layer.{i}.{name}.{kind}"] for name in there]
                found[f"layers.{i}.{here}.{kind}"] = torch.cat(parts)
    return found
