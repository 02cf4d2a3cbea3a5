"""Grading passages one by one, without thinking, from the probabilities of the reply's tokens.

After TFRank (arXiv 2508.09539). The reply is `yes(3)` or `no(1)`, so one short call gives

    p(yes)    e^l(yes) / (e^l(yes) + e^l(no)) at the first token
    E[grade]  Σ g·e^l(g) / Σ e^l(g) over the grades 0 to 4, at the digit

and a score between 0 and 1: `label` is a quarter of the grade as written; `yesno` is p(yes); `expected` is
E[grade]/4; `merge`, whose weights we could not read in the paper, is the mean of the last two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from kedge.agents.llm.asking import Asker
from kedge.agents.llm.prompting import prompt, quoted, written
from kedge.errors import DecisionFailed
from kedge.tools.knowledge_base import Chunk
from kedge.tools.models.thinking import spoken

__all__ = ["PointwiseScore", "Score", "grade_alone", "score_of"]

PointwiseScore = Literal["label", "yesno", "expected", "merge"]
Score = Literal["label", "yesno", "expected", "merge", "batched"]
Tokens = Sequence[Mapping[str, Any]]

_HIGHEST: Final = 4
_REPLY: Final = re.compile(r"\b(yes|no)\b\W*([0-4])?", re.IGNORECASE)
_REQUEST: Final = {
    "structured_outputs": {"regex": r"(yes|no)\([0-4]\)"},
    "chat_template_kwargs": {"enable_thinking": False},
}
_NUMBER: Final = 20  # alternatives asked for at each token: what servers allow


async def grade_alone(asker: Asker, question: str, passage: Chunk, score: PointwiseScore) -> float:
    """The relevance of one passage, 0 to 1.

    Raises:
        DecisionFailed: the reply has no grade, or comes without the probabilities that the score needs.
    """
    role = prompt("grade")
    messages = role.messages(question=question, passages=quoted([written(passage, passage.text)]))
    wanted = {} if score == "label" else {"logprobs": True, "top_logprobs": _NUMBER}
    message = await asker.complete(role, messages, extra_body=_REQUEST, max_tokens=role.tokens, **wanted)
    probabilities = message.response_metadata.get("logprobs") or {}
    return score_of(spoken(message).text, probabilities.get("content") or (), score)


def score_of(text: str, tokens: Tokens, score: PointwiseScore) -> float:
    """The score of a reply, from its text and its tokens with their alternatives.

    Example:
        >>> def token(**alternatives):
        ...     top = [{"token": name, "logprob": math.log(p)} for name, p in alternatives.items()]
        ...     return {**top[0], "top_logprobs": top}
        >>> tokens = [token(yes=0.75, no=0.25), token(**{"(": 1.0}), token(**{"3": 0.5, "2": 0.5})]
        >>> [round(score_of("yes(3)", tokens, mode), 3) for mode in ("label", "yesno", "expected", "merge")]
        [0.75, 0.75, 0.625, 0.688]
    """
    said = _REPLY.search(text)
    if said is None:
        raise DecisionFailed(f"the reply to the prompt {prompt('grade')} is no grade: {text[:80]!r}")
    if score == "label":
        return int(said[2]) / _HIGHEST if said[2] else float(said[1].lower() == "yes")
    verdict = _chances(tokens, ("yes", "no"))
    grades = _chances(tokens, tuple("01234"))
    if (score != "expected" and not verdict) or (score != "yesno" and not grades):
        raise DecisionFailed(
            f"a reply to the prompt {prompt('grade')} came without the log-probabilities of {score!r}",
            fix="use a server that gives them, or score='label' or 'batched'",
        )
    yes = verdict.get("yes", 0.0)
    expected = sum(int(grade) * chance for grade, chance in grades.items()) / _HIGHEST
    return {"yesno": yes, "expected": expected, "merge": (yes + expected) / 2}[score]


def _chances(tokens: Tokens, names: Sequence[str]) -> dict[str, float]:
    """The probability of each name at the first token that is one of them, whatever its case and signs."""

    def bare(token: str) -> str:
        return "".join(c for c in token.lower() if c.isalnum())

    token = next((token for token in tokens if bare(token["token"]) in names), None)
    if token is None:
        return {}
    alternatives = token.get("top_logprobs") or [token]
    found = [(bare(item["token"]), math.exp(item["logprob"])) for item in alternatives]
    whole = sum(chance for name, chance in found if name in names)
    return {name: sum(c for other, c in found if other == name) / whole for name in names} if whole else {}
