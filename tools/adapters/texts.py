"""What a model is asked, and what an adapter is trained on: the prompts of PRAG, in one place.

PRAG (arXiv 2501.15915) asks with the passages in the user's turn, and expects "The answer is …".
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ANSWER", "prompt"]

ANSWER = "The answer is {answer}."
WITH_PASSAGES = (
    "Answer the question. Refer to the passages below and use your own knowledge as well.\n\n"
    "{passages}\n\nQuestion: {question}"
)
WITHOUT_PASSAGES = "Answer the question. Use your own knowledge.\n\nQuestion: {question}"


def prompt(question: str, passages: Sequence[str] = ()) -> str:
    """The user's turn: the question, after the passages if there are any.

    Example:
        >>> print(prompt("Who?", ["Ada."]))
        Answer the question. Refer to the passages below and use your own knowledge as well.
        <BLANKLINE>
        Passage 1: Ada.
        <BLANKLINE>
        Question: Who?
    """
    if not passages:
        return WITHOUT_PASSAGES.format(question=question)
    numbered = "\n".join(f"Passage {n}: {text}" for n, text in enumerate(passages, start=1))
    return WITH_PASSAGES.format(passages=numbered, question=question)
