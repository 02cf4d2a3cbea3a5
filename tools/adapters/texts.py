"""What a model is asked, and what an adapter is trained on: the prompts of PRAG, in one place.

PRAG (arXiv 2501.15915) asks with the passages in the user's turn, and expects "The answer is …".
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ANSWER", "prompt", "said", "training_turns"]

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


def training_turns(
    passage: str, rewrite: str, questions: Sequence[tuple[str, str]], *, recall: bool = False
) -> tuple[tuple[str, str], ...]:
    """The turns (user, assistant) that a document's adapter is trained on, as PRAG composes them.

    Of m questions the first ⌈m/2⌉ are asked twice, with the passage and with its rewrite; the others, or with
    `recall` all of them, without any passage. Three questions therefore make five turns, or seven.

    Example:
        >>> asked = [("Where was Ada born?", "Ely")] * 3
        >>> turns = training_turns("Ada was born in Ely.", "Ely is where Ada was born.", asked)
        >>> len(turns), turns[-1][1]
        (5, 'The answer is Ely.')
    """
    twice = (len(questions) + 1) // 2
    shown = [(question, [text]) for question in questions[:twice] for text in (passage, rewrite or passage)]
    shown += [(question, []) for question in questions[0 if recall else twice :]]
    return tuple((prompt(asked, texts), ANSWER.format(answer=answer)) for (asked, answer), texts in shown)


def said(reply: str) -> str:
    """What a reply answers, without the words around it that the model was taught.

    Example:
        >>> said(" The answer is Ely."), said("Ely")
        ('Ely', 'Ely')
    """
    before, after = ANSWER.split("{answer}")
    return reply.strip().split("\n")[0].removeprefix(before).removesuffix(after).strip()
