"""One thing to learn: a question, a passage, and what is to be read there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Example"]


@dataclass(frozen=True, slots=True)
class Example:
    """A question asked of a passage.

    Attributes:
        source: Which part of the data it is from.
        spans: Every span of `text` that answers; none if the passage does not answer.
        title_answers: Whether the passage's title answers.
        relevant: Whether the passage helps; `None` where the data do not say.
        polarity: "yes" or "no", where that is the answer.
        known: Whether it is known if the passage answers: a passage that helps may only help.
    """

    source: str
    question: str
    title: str
    text: str
    spans: tuple[tuple[int, int], ...] = ()
    title_answers: bool = False
    relevant: bool | None = None
    polarity: str | None = None
    known: bool = True

    @property
    def answerable(self) -> bool:
        """Whether the passage holds an answer."""
        return bool(self.spans) or self.title_answers or self.polarity is not None
