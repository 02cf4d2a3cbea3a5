"""Measures of an answer, as in the official script of SQuAD 2.0.

An answer is scored against every gold answer and the best score counts. An abstention is `None` or an empty
string; it is right exactly when there are no gold answers.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

__all__ = ["contains", "credit", "exact_match", "f1", "normalise"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(answer: str) -> str:
    """Lower case, without punctuation, English articles and superfluous white space.

    Example:
        >>> normalise("The Grey Heron's  bell!")
        'grey herons bell'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str | None, gold: Sequence[str]) -> float:
    """1.0 if the answer equals a gold answer after normalisation, else 0.0.

    Example:
        >>> exact_match("the Grey Heron", ["Grey Heron"]), exact_match(None, []), exact_match("Hesk", [])
        (1.0, 1.0, 0.0)
    """
    return _best(answer, gold, lambda a, b: float(a == b))


def f1(answer: str | None, gold: Sequence[str]) -> float:
    """Harmonic mean of the precision and recall of the answer's words, 0.0 to 1.0.

    Example:
        >>> f1("Captain Ines Marrick", ["Ines Marrick"])
        0.8
    """
    return _best(answer, gold, _overlap)


def contains(answer: str | None, gold: Sequence[str]) -> float:
    """1.0 if the words of a gold answer stand in the answer, in order and together, else 0.0.

    Example:
        >>> contains("She was born on Little Tamsin.", ["Little Tamsin"]), contains("5800", ["58"])
        (1.0, 0.0)
    """
    return _best(answer, gold, lambda a, b: float(f" {b} " in f" {a} " if b else not a))


def _best(answer: str | None, gold: Sequence[str], score: Callable[[str, str], float]) -> float:
    given = normalise(answer or "")
    # As in SQuAD: a gold answer that is nothing but articles and punctuation does not count.
    return max(
        (score(given, known) for known in filter(None, map(normalise, gold))), default=float(not given)
    )


def _overlap(answer: str, known: str) -> float:
    ours, theirs = answer.split(), known.split()
    common = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * common / (len(ours) + len(theirs))


def credit(text: str | None, answers: Sequence[str]) -> float:
    """F1, and nothing for another number: "3 years" has a word in common with "29 years", and is wrong.

    Example:
        >>> credit("29 years", ["29", "29 years"]), credit("3 years", ["29", "29 years"])
        (1.0, 0.0)
    """
    number = next(iter(answers), "")
    if text and number.isdigit() and number not in re.findall(r"\d+", text):
        return 0.0
    return f1(text, answers)
