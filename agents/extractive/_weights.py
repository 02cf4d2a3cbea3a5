"""How much each feature counts: linear scores, and their logistic reading as a probability.

How the numbers came about. `SPAN` was fitted by softmax regression over the candidates of 700 answerable
SQuAD 2.0 and 240 HotpotQA questions (the half of each set whose hashed ids are even) and rounded; `about`,
`column` and `triple` were set by hand, because those sets have one document a question and no tables.
`RIGHT` and `SUPPORTED` are logistic regressions on the same halves with LiHua-World and its unanswerable
questions added: "the span has F1 of a half or more" and "the passage holds the answer". `ANSWERED` was
chosen on these halves for answered F1 and refused unanswerable questions together: from 0.35 to 0.45
`supported` refuses 10 % more of SQuAD's unanswerable questions and costs 5 to 8 F1.

When the weights were fitted (rules came later), on the other halves, with gold passages (BM25's best six
for LiHua-World), F1 over answerable questions and share of unanswerable ones refused: SQuAD 2.0 30.5 and
52 %, HotpotQA-500 29.5, 2Wiki comparisons 76.7 at 97 % right where answered, 2Wiki compositional 24.9,
MuSiQue 8.5, LiHua-World 10.9 and 95 %.

`READ_RIGHT`, `TOGETHER_RIGHT` and `HELPS` came later, with the reader; `python -m kedge.benchmarks.reader
calibrate` fits them on what is kept for that. Of `ANSWERED`, `read` was chosen by the calibration articles,
where 0.37 is 1 to 2 points better than 0.3, and the example world's `dev` questions, where it costs 12 F1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

__all__ = [
    "ANSWERED",
    "HELPS",
    "RANK",
    "READ_RIGHT",
    "RIGHT",
    "SPAN",
    "SUPPORTED",
    "TOGETHER_RIGHT",
    "chance",
    "weigh",
]

RANK: Final = {"cosine": 1.5, "overlap": 1.5, "about": 1.0, "opening": 0.1}
SPAN: Final = {
    "cosine": 2.0,
    "overlap": 2.0,
    "about": 1.0,
    "fit": 1.5,
    "near": 1.4,
    "window": 0.6,
    "focus": 1.5,
    "long": 0.6,
    "pattern": 1.1,
    "echo": 0.4,
    "relation": 0.2,
    "column": 1.5,
    "triple": 1.0,
    "name": 0.3,
    "phrase": -0.5,
    "title": 0.4,
    "title_opening": 0.4,
}
# That a span is the answer. `score` is the span's in tens, `margin` its lead over the next in fours.
RIGHT: Final = {"": -3.3, "score": 1.4, "margin": 1.1, "pattern": 0.4, "typed": 1.1, "supported": 1.0}
# That a phrase of the reader is the answer: its score and that of all that was read (log odds, in tens), and
# the likeness of question and sentence; for phrases read in one passage, and in two that lead the evidence.
READ_RIGHT: Final = {"": -3.02, "score": 0.71, "answerable": 2.08, "cosine": 2.86}
TOGETHER_RIGHT: Final = {"": -1.32, "score": 0.7, "answerable": 2.39, "cosine": 0.2}
# That a passage helps to answer: the reader's relevance (log odds, in tens), the cosine with the question.
HELPS: Final = {"": -4.8, "relevant": 4.5, "cosine": 5.0}
# That a passage speaks of all that is asked.
SUPPORTED: Final = {"": -2.4, "cosine": 1.1, "overlap": 2.0, "about": 0.7}

# From these probabilities on an answer is given; see the module's text for how they were chosen.
ANSWERED: Final = {
    "supported": 0.42,
    "read": 0.3,
    "whole": 0.4,
    "event": 0.4,
    "corpus": 0.3,
}


def weigh(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    """The weighted sum of features; one that has no weight counts nothing."""
    return weights.get("", 0.0) + sum(weights.get(name, 0.0) * value for name, value in features.items())


def chance(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    """The weighted sum as a probability.

    Example:
        >>> chance({"": 0.0, "overlap": 2.0}, {"overlap": 0.0})
        0.5
    """
    return 1.0 / (1.0 + math.exp(-weigh(weights, features)))
