"""The answer as the front doors give it: the methods' answer, and how it looks in a notebook."""

from __future__ import annotations

from kedge.graphs import answer as core

__all__ = ["Answer"]


class Answer(core.Answer):
    """An answer with citations, or an abstention with its reason.

    `text` is the answer, or `abstention` says why there is none: never both, never neither. `citations` quote
    what supports it, `path` are the triples that lead to it, `trace` is what happened, `ledger` what it cost.
    In a notebook it shows itself as a card.

    Example:
        >>> answer = Answer(question="Who?", method="metakgrag", text="Ada Moss", confidence=0.8)
        >>> answer.answered, str(answer)
        (True, 'Ada Moss')
    """

    def _repr_html_(self) -> str:
        from kedge._views.html import answer_html

        return answer_html(self)
