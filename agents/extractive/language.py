"""What the rules read in English text: tokens, sentences, names, dates, numbers, stems.

Pure functions over strings. Spans are character offsets; results are in the order of the text and do not
overlap. Any string is accepted, and time grows linearly with it.
"""

from __future__ import annotations

from kedge.agents.extractive.lexicon import STOP_WORDS
from kedge.agents.extractive.names import bare_title, names
from kedge.agents.extractive.spans import Span, lemma, singular, stem, tokens, without_possessive
from kedge.agents.extractive.values import Date, Moment, Number, dates, numbers
from kedge.tools.knowledge_base.chunking import sentences

__all__ = [
    "STOP_WORDS",
    "Date",
    "Moment",
    "Number",
    "Span",
    "bare_title",
    "dates",
    "lemma",
    "names",
    "numbers",
    "sentences",
    "singular",
    "stem",
    "tokens",
    "without_possessive",
]
