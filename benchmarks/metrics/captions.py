"""Measures of descriptions against several references: BLEU, ROUGE-L and CIDEr-D, as in COCO's evaluation.

Words are lower-case letters and digits without punctuation, as after COCO's tokenizer for plain captions. The
tests compare all three with pycocoevalcap on the same words. SPICE is not here: it needs Java, and a parser
of Stanford's that pycocoevalcap fetches when it is first used.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

__all__ = ["Cider", "bleu", "rouge_l", "words"]

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_ORDERS = 4
_BETA = 1.2  # weight of recall in ROUGE-L
_SIGMA = 6.0  # in words, of CIDEr-D's penalty for another length
_TINY, _SMALL = 1e-15, 1e-9  # what COCO's BLEU adds to counts, so that its logarithm exists

Gram = tuple[str, ...]


def words(text: str) -> list[str]:
    """The words of a caption.

    Example:
        >>> words("A dog's red ball, here .")
        ['a', "dog's", 'red', 'ball', 'here']
    """
    return _WORD.findall(text.lower())


def bleu(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """BLEU-1 to BLEU-4 of a corpus, with the reference of the nearest length for the brevity penalty.

    Example:
        >>> [round(score, 2) for score in bleu(["a red boat at sea"], [["the red boat at sea", "a boat"]])]
        [1.0, 0.87, 0.79, 0.71]
    """
    matched, total = [0] * _ORDERS, [0] * _ORDERS
    length = wanted = 0
    for candidate, known in zip(candidates, references, strict=True):
        said, told = words(candidate), [words(text) for text in known]
        length += len(said)
        wanted += min((abs(len(text) - len(said)), len(text)) for text in told)[1]
        for order in range(_ORDERS):
            grams = _grams(said, order + 1)
            most: Counter[Gram] = Counter()
            for text in told:
                most |= _grams(text, order + 1)
            matched[order] += sum((grams & most).values())
            total[order] += max(0, len(said) - order)
    penalty = math.exp(1 - (wanted + _TINY) / (length + _SMALL)) if length < wanted else 1.0
    scores, product = [], 1.0
    for order in range(_ORDERS):
        product *= (matched[order] + _TINY) / (total[order] + _SMALL)
        scores.append(product ** (1 / (order + 1)) * penalty)
    return tuple(scores)


def rouge_l(candidate: str, references: Sequence[str]) -> float:
    """ROUGE-L: the longest common subsequence, its best precision and best recall over the references.

    Example:
        >>> round(rouge_l("a red boat", ["a boat", "the red boat at sea"]), 3)
        0.83
    """
    said = words(candidate)
    if not said:
        return 0.0
    common = [(_common(said, told), len(told)) for text in references if (told := words(text))]
    precision = max((n / len(said) for n, _ in common), default=0.0)
    recall = max((n / length for n, length in common), default=0.0)
    if not precision or not recall:
        return 0.0
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)


class Cider:
    """CIDEr-D (Vedantam et al. 2015): cosines of tf-idf vectors of 1- to 4-grams, times ten.

    Document frequencies are those of the references of all images that are given here.

    Example:
        >>> cider = Cider([["a red boat"], ["two dogs run"], ["a tall tower"]])
        >>> round(cider("a red boat", ["a red boat"]), 2), cider("two dogs run", ["a red boat"])
        (7.5, 0.0)
    """

    def __init__(self, references: Sequence[Sequence[str]]) -> None:
        self._frequency: Counter[Gram] = Counter()
        for known in references:
            self._frequency.update({gram for text in known for gram in _all_grams(words(text))})
        self._size = math.log(max(1, len(references)))

    def __call__(self, candidate: str, references: Sequence[str]) -> float:
        """The score of one candidate, 0 to 10."""
        said = words(candidate)
        scores = [self._similarity(said, words(text)) for text in references]
        return 10 * sum(scores) / len(scores) if scores else 0.0

    def _similarity(self, said: list[str], told: list[str]) -> float:
        # COCO counts the length in bigrams; the difference is the same.
        penalty = math.exp(-((len(said) - len(told)) ** 2) / (2 * _SIGMA**2))
        total = 0.0
        for order in range(1, _ORDERS + 1):
            a, b = self._weighted(said, order), self._weighted(told, order)
            lengths = math.sqrt(sum(w * w for w in a.values())) * math.sqrt(sum(w * w for w in b.values()))
            if lengths:
                total += sum(min(w, b[gram]) * b[gram] for gram, w in a.items() if gram in b) / lengths
        return total * penalty / _ORDERS

    def _weighted(self, text: list[str], order: int) -> dict[Gram, float]:
        grams = _grams(text, order)
        return {
            gram: count * (self._size - math.log(max(1, self._frequency[gram])))
            for gram, count in grams.items()
        }


def _grams(text: Sequence[str], order: int) -> Counter[Gram]:
    return Counter(tuple(text[i : i + order]) for i in range(len(text) - order + 1))


def _all_grams(text: Sequence[str]) -> list[Gram]:
    return [gram for order in range(1, _ORDERS + 1) for gram in _grams(text, order)]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for place, told in enumerate(other, start=1):
            before, row[place] = row[place], before + 1 if word == told else max(row[place], row[place - 1])
    return row[-1]
