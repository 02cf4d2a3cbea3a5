"""What the benchmarks run on: real passages where there are any, else generated ones of the same shape."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

__all__ = ["PASSAGES", "Corpus", "find", "generate"]

PASSAGES = 6119
REAL = Path("multihop_qa") / "distractors" / "2wiki_corpus_6119.json"
SEED = 6119
SYLLABLES = [
    a + b for a in ("b", "br", "d", "f", "gr", "k", "l", "m", "n", "p", "s", "st", "t", "v") for b in "aeiou"
]


@dataclass(frozen=True, slots=True)
class Corpus:
    """A file of passages that `kedge add` reads, what to call it in the results, and queries for it."""

    path: Path
    name: str
    queries: tuple[str, ...]


def find(data: Path | None, scratch: Path, queries: int = 300) -> Corpus:
    """The 2Wiki passages in the folder `data`; without them, generated ones, which are named as such."""
    path, kind = scratch / "generated.json", f"generated passages (seed {SEED})"
    if data is not None and (data / REAL).is_file():
        path, kind = data / REAL, "2Wiki passages"
    else:
        path.write_text(json.dumps(generate(PASSAGES)))
    passages = json.loads(path.read_text(encoding="utf-8"))
    name = f"{len(passages):,} {kind}"
    chosen = random.Random(SEED).sample(passages, queries)  # noqa: S311 - repeatable, not secret
    return Corpus(path, name, tuple(" ".join(passage["text"].split()[:12]) for passage in chosen))


def generate(count: int, seed: int = SEED) -> list[dict[str, str]]:
    """Passages of invented words with the lengths of encyclopaedia openings; the same for the same seed.

    Example:
        >>> generate(2) == generate(2), sorted(generate(1)[0])
        (True, ['text', 'title'])
    """
    choose = random.Random(seed)  # noqa: S311 - repeatable, not secret
    words = ["".join(choose.choices(SYLLABLES, k=choose.randint(1, 4))) for _ in range(20_000)]
    # Words of a language are not equally frequent; Zipf's law is what an index has to live with.
    frequencies = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))

    def sentence() -> str:
        return (
            " ".join(choose.choices(words, cum_weights=frequencies, k=choose.randint(8, 25))).capitalize()
            + "."
        )

    def passage(number: int) -> dict[str, str]:
        title = " ".join(choose.choices(words, k=2)).title() + f" {number}"
        return {"title": title, "text": " ".join(sentence() for _ in range(choose.randint(1, 8)))}

    return [passage(number) for number in range(count)]
