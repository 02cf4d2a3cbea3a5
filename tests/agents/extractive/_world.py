"""A small world to read in, and an encoder that hashes words, so that nothing is loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from kedge.tools.encoders import FloatArray
from kedge.tools.knowledge_base.records import BlockKind, Chunk, Evidence, Triple

__all__ = ["WORLD", "HashEncoder", "evidence"]


class HashEncoder:
    """Bags of word beginnings in 256 dimensions: near texts share words."""

    fingerprint = "hash"
    dimension = 256

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[blake2b(word[:6].encode(), digest_size=1).digest()[0]] += 1.0
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def evidence(*documents: tuple[str, str], triple: tuple[str, str, str] | None = None) -> list[Evidence]:
    """One chunk for each title and text."""
    found = []
    for number, (title, text) in enumerate(documents, start=1):
        kind: BlockKind = "table" if " | " in text else "paragraph"
        chunk = Chunk(number, f"d{number}", f"{number}.txt", title, "", text, 0, len(text), kind)
        found.append(Evidence(chunk, 1.0, "test", Triple(1, *triple, number) if triple else None))
    return found


WORLD = (
    (
        "Mirelle Dantec",
        "Mirelle Dantec (4 May 1871 – 19 November 1932) was a Breton painter and lighthouse keeper. She was "
        "born in Roscoff and studied in Nantes. She was the daughter of Yann Dantec and Soizic Le Goff. "
        "She never married.",
    ),
    (
        "The Salt Road",
        "The Salt Road is a 1927 Norwegian silent film directed by Aksel Brandt and starring Ingrid Holm. "
        "The film was shot on the island of Sotra.",
    ),
    (
        "Aksel Brandt",
        "Aksel Brandt (born 12 March 1889) was a Norwegian director. He was born in Tromsø and is buried in "
        "the Møllendal Cemetery in Bergen.",
    ),
    (
        "Harbour Lights",
        "Harbour Lights is a 1934 Danish comedy film directed by Tove Krag. It cost 40,000 crowns.",
    ),
    ("Tove Krag", "Tove Krag (2 July 1901 – 8 August 1977) was a Danish film director born in Aarhus."),
    (
        "Nordhavn Shipyard",
        "The Nordhavn Shipyard was founded in Bergen in 1868 by Henrik Falk. It built 412 ships. The yard "
        "closed in 1979 because orders had moved to Asia.",
    ),
    (
        "Tariffs",
        "ferry: Solbris | capacity: 120 passengers | length: 31 metres\n"
        "ferry: Havgul | capacity: 85 passengers | length: 44 metres",
    ),
)
