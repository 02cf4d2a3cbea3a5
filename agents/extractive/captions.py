"""Questions of what a figure or a table shows: its caption says that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from kedge.agents.decisions import Reading, Support
from kedge.tools.knowledge_base.records import Evidence

__all__ = ["shown"]

CERTAIN: Final = 0.9  # confidence in the caption of a figure that is named
_VERB: Final = r"(?:show|depict|illustrate|present|display|describe)"
_ASKED: Final = re.compile(
    rf"(?:what (?:does|do|is|are|can be)|what's|(?:please )?describe)(?: {_VERB}(?:n|e?d)| seen)?"
    r"(?: in| on| by)?(?: the)?"
    r" (fig(?:ure)?|table|chart|exhibit|graph|map|image|plate|box)\.? ?([a-z]?\d+(?:\.\d+)*)"
    rf"(?: {_VERB}| about)?(?: (?:in|of) (?:the|this) \w+)?\W*",
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def shown(question: str, evidence: Sequence[Evidence]) -> Reading | None:
    """The first sentence of the caption, where a question asks what a figure shows and no more.

    Pictures come before texts, which may hold the caption as well.

    Example:
        >>> from kedge.tools.knowledge_base.records import Chunk
        >>> text = "Picture on page 2\\nFig. 3: Catches by year. Cod is red."
        >>> found = [Evidence(Chunk(1, "d", "a.pdf", "a", "", text, 0, len(text), "image"), 1, "")]
        >>> shown("What does Figure 3 show?", found).answer, shown("Who drew Figure 3?", found)
        ('Catches by year', None)
    """
    asked = _ASKED.fullmatch(question.strip())
    if asked is None:
        return None
    kind = asked[1].lower().removesuffix("ure")
    caption = re.compile(
        rf"(?im:^{kind}\w*\.?\s*{re.escape(asked[2])})(?:\s*[:.|–—-]\s*|\s+(?=[A-Z]))(?P<text>\S.*)"
    )
    for item in sorted(evidence, key=lambda item: item.chunk.kind != "image"):
        if said := caption.search(item.chunk.text):
            support = Support(chunk_id=item.chunk.id, start=said.start(), end=said.end())
            answer = _SENTENCE_END.split(said["text"])[0].rstrip(" .")
            return Reading(answer=answer, support=(support,), confidence=CERTAIN)
    return None
