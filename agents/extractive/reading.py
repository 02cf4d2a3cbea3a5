"""Reading an answer out of evidence: a span, a sentence, yes or no; or the reason why there is none.

A question is read in steps that a person could follow. A description ("the director of X") is resolved
first and replaced by the name found; a comparison asks the same question of both things and compares the
values; what remains asks for one span, sentence or truth value, and is read from the sentences that speak
of its names in its words. An answer is given only if the weighed features say that it is probably right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from kedge.agents.decisions import AbstentionReason, Gap, Reading, Support
from kedge.agents.extractive._candidates import (
    COUNTRY,
    Candidate,
    listed,
    propose,
    title_candidate,
    value_at,
)
from kedge.agents.extractive._excerpts import excerpts, placed
from kedge.agents.extractive._gaps import gap_of, slot_of, topic_of
from kedge.agents.extractive._kinds import full_name, heads
from kedge.agents.extractive._passages import Passage, Passages, fold, key_of
from kedge.agents.extractive._premises import ambiguous, contradicted, disagreeing, mistaken, undecided
from kedge.agents.extractive._values import moment, value, verdict
from kedge.agents.extractive._vocabulary import COUNTRIES, NEGATIONS
from kedge.agents.extractive._weights import (
    ANSWERED,
    RANK,
    READ_RIGHT,
    RIGHT,
    SPAN,
    SUPPORTED,
    TOGETHER_RIGHT,
    chance,
    weigh,
)
from kedge.agents.extractive.language import tokens
from kedge.agents.extractive.questions import Comparison, Question, analyse
from kedge.tools.encoders import Encoder, FloatArray, PassageReader
from kedge.tools.knowledge_base.records import Evidence, entity_key

__all__ = ["phrases", "read"]

# Sentences that are encoded for one question: twelve took twice the time for the same answers (see _weights).
ENCODED: Final = 6
# Sentences that spans are taken from.
SEARCHED: Final = 6
# Chunks that the reader reads for one question.
READ: Final = 8
# Phrases of the reader that are weighed.
LIKELY: Final = 12
# Questions inside questions.
MAX_DEPTH: Final = 3
# A value is not taken from a passage that is about something else than the one thing asked about.
ABOUT: Final = 0.45
# From here on a sentence may deny or affirm something of a namesake's family.
NAMESAKE: Final = 0.3
LONGEST_NAME: Final = 8
# A question with so many words outside its name may be about something that it only describes.
FAR: Final = 3


async def read(
    question: str, evidence: Sequence[Evidence], encoder: Encoder, reader: PassageReader
) -> Reading:
    """The answer that the evidence supports, with exact quotations; or the reason why it supports none."""
    session = _Session(evidence, encoder, reader)
    result = await session.answer(analyse(question))
    if isinstance(result, _Missing):
        return Reading(answer=None, reason=result.reason, gaps=result.gaps, confidence=result.confidence)
    return Reading(answer=result.answer, support=result.support, confidence=result.confidence)


async def phrases(
    question: str, evidence: Sequence[Evidence], encoder: Encoder, reader: PassageReader
) -> list[Candidate]:
    """What the reader reads for the question as it stands: what `READ_RIGHT` is fitted on."""
    return await _Session(evidence, encoder, reader).phrases(analyse(question))


@dataclass(frozen=True, slots=True)
class _Found:
    answer: str
    support: tuple[Support, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class _Missing:
    reason: AbstentionReason
    gaps: tuple[Gap, ...]
    confidence: float = 0.5


_Ranked = tuple[Passage, dict[str, float]]


class _Session:
    """One reading: the passages, cut once, and the vectors, made once each."""

    def __init__(self, evidence: Sequence[Evidence], encoder: Encoder, reader: PassageReader) -> None:
        self.passages = Passages(evidence)
        self._reader = reader
        self._kinds = heads(self.passages.all)
        self._encoder = encoder
        self._vectors: dict[str, FloatArray] = {}

    async def answer(self, question: Question, depth: int = 0) -> _Found | _Missing:
        if not self.passages.all:
            gap = gap_of("entity", topic_of(question), "", "No document was found that could be read.")
            return _Missing("out of corpus", (gap,), 1.0)
        if question.dangling:
            text = f"The question says “{question.dangling}” without saying who or what is meant."
            return _Missing("under-specified", (gap_of("entity", question.dangling, "", text),), 0.9)
        if question.comparison is not None:
            return await self._compare(question, question.comparison, depth)
        if question.description is not None and depth < MAX_DEPTH:
            return await self._chain(question, depth)
        return await self._direct(question)

    # --- questions made of questions -----------------------------------------------------------------------

    async def _chain(self, question: Question, depth: int) -> _Found | _Missing:
        """Resolve the description, put the name found in its place and read on, or read the whole at once."""
        description = question.description
        assert description is not None  # noqa: S101
        known = (description.name,) if description.name else ()
        inner = await self.answer(analyse(description.question, known), depth + 1)
        if isinstance(inner, _Found) and len(inner.answer.split()) > LONGEST_NAME:
            inner = self._lacking(question, (), (), 1.0 - inner.confidence)  # a sentence stands for no name
        if isinstance(inner, _Missing):
            return await self._at_once(question) or inner
        outer_question = analyse(
            question.text.replace(description.phrase, inner.answer), known=(inner.answer,)
        )
        outer = await self.answer(outer_question, depth + 1)
        if isinstance(outer, _Found):
            support = tuple(dict.fromkeys((*outer.support, *inner.support)))
            return _Found(outer.answer, support, min(inner.confidence, outer.confidence))
        direct = await self._at_once(question)
        if direct is not None and entity_key(direct.answer) != entity_key(inner.answer):
            return direct
        slot = slot_of(outer_question)
        text = (
            f"The documents found say who or what {description.phrase} is ({inner.answer}), "
            f"but nothing on {slot} of {inner.answer}."
        )
        reason: AbstentionReason = "missing hop" if outer.reason == "out of corpus" else outer.reason
        return _Missing(reason, (gap_of("relation", inner.answer, slot, text),), outer.confidence)

    async def _at_once(self, question: Question) -> _Found | None:
        """An answer to the whole question, taken for one whose description no reading resolved."""
        direct = await self._direct(question)
        return direct if isinstance(direct, _Found) and direct.confidence >= ANSWERED["whole"] else None

    async def _compare(self, question: Question, comparison: Comparison, depth: int) -> _Found | _Missing:
        if comparison.operator in ("before", "after"):
            return await self._order(comparison)
        results: list[_Found] = []
        for operand in comparison.operands:
            result = await self._property(comparison.asked.replace("{}", operand), operand, depth)
            if isinstance(result, _Missing):
                text = f"The documents found do not answer: {comparison.asked.replace('{}', operand)}"
                return _Missing(
                    "missing hop", (gap_of("value", operand, slot_of(question), text),), result.confidence
                )
            results.append(result)
        first, second = results
        if comparison.operator == "same" and "country" in comparison.asked:
            first, second = (replace(r, answer=self._countries(r)) for r in (first, second))
        answer = verdict(comparison, first.answer, second.answer, (first.confidence, second.confidence))
        if answer is None:
            text = f"The values found do not decide: {first.answer} and {second.answer}."
            return _Missing("missing hop", (gap_of("value", comparison.operands[0], "", text),))
        support = tuple(dict.fromkeys((*first.support, *second.support)))
        return _Found(answer, support, min(first.confidence, second.confidence))

    def _countries(self, found: _Found) -> str:
        """All countries that the sentence read names, since people and films may have several."""
        texts = [p.text for p in self.passages.all if _quote(p) in found.support[:2]]
        return "|".join(
            dict.fromkeys(COUNTRIES[m.group()] for t in texts[:1] for m in COUNTRY.finditer(t[:200]))
        )

    async def _property(self, asked: str, operand: str, depth: int) -> _Found | _Missing:
        if asked.startswith("How long did") and asked.endswith("live?"):
            born = await self.answer(analyse(f"When was {operand} born?", known=(operand,)), depth + 1)
            died = await self.answer(analyse(f"When did {operand} die?", known=(operand,)), depth + 1)
            if isinstance(born, _Missing):
                return born
            if isinstance(died, _Missing):
                return died
            first, last = value(born.answer), value(died.answer)
            years = last - first if first is not None and last is not None else 0.0
            return _Found(
                f"{years:.3f}", (*born.support, *died.support), min(born.confidence, died.confidence)
            )
        return await self.answer(analyse(asked, known=(operand,)), depth + 1)

    async def _order(self, comparison: Comparison) -> _Found | _Missing:
        """Whether one event came before another: their dates, or their places in one text, are compared."""
        found: list[tuple[float, Passage]] = []
        for event in comparison.operands:
            best = await self._best(analyse(event))
            if best is None or best[0] < ANSWERED["event"]:
                gap = gap_of(
                    "relation", event, "", f"The documents found do not say that “{event}” happened."
                )
                return _Missing("missing hop", (gap,), 0.6)
            found.append(best)
        (first_score, first), (second_score, second) = found
        moments = [moment(passage) for passage in (first, second)]
        if first.chunk.id == second.chunk.id:
            earlier = first.number <= second.number
        elif None in moments:
            gap = gap_of(
                "value", comparison.operands[0], "date", "The documents found do not date both events."
            )
            return _Missing("missing hop", (gap,), 0.6)
        else:
            earlier = bool(moments[0] <= moments[1])  # type: ignore[operator]
        answer = "yes" if earlier == (comparison.operator == "before") else "no"
        return _Found(answer, (_quote(first), _quote(second)), min(1.0, first_score, second_score))

    # --- one question --------------------------------------------------------------------------------------

    async def _direct(self, question: Question) -> _Found | _Missing:
        unknown = [name for name in question.names if not self.passages.known(name)]
        if question.names and len(unknown) == len(question.names):
            gaps = tuple(gap_of("entity", n, "", f"No document found mentions {n}.") for n in unknown)
            return _Missing("out of corpus", gaps, 0.95)
        if question.kind == "yes-no":
            return await self._polar(question)
        return await self._span(question, unknown)

    async def _span(self, question: Question, unknown: Sequence[str]) -> _Found | _Missing:
        ranked = await self._sentences(question)
        near = self._relevant(question, ranked)
        denials = (*(contradicted(question, p) for p, _ in near), mistaken(question, self.passages))
        if (denied := next(filter(None, denials), None)) is not None:
            return _Missing("false premise", (denied,), 0.7)
        ruled = self._proposals(question, near)
        found = _distinct([*await self.phrases(question), *self._ruled(question, ruled, ranked)])
        unclear = ambiguous(question, found, self.passages) or undecided(question, found)
        if unclear is not None:
            return _Missing("under-specified", (unclear,), 0.7)
        if (conflict := disagreeing(question, ruled)) is not None:
            return _Missing("conflicting evidence", (conflict,), 0.7)
        if found and found[0].chance >= ANSWERED["read"]:
            best = found[0]
            span = Support(chunk_id=best.passage.chunk.id, start=best.start, end=best.end)
            support = tuple(dict.fromkeys((span, _quote(best.passage))))
            return _Found(self._whole(question, best, found), support, best.chance)
        if question.kind == "explanation":
            return await self._sentence(question, unknown)
        return self._lacking(question, unknown, ranked, found[0].chance if found else 0.0)

    async def phrases(self, question: Question) -> list[Candidate]:
        """What the reader reads in the chunks of the nearest sentences, and in those that lead the evidence
        together; with how probably it is right.
        """
        ranked = await self._sentences(question)
        keys = [key_of(word) for word in question.keys]
        nearest = {p.chunk.id: p.chunk for _, p in self.passages.ranked(question, keys)}
        parts = excerpts(list(nearest.values())[:READ], self.passages.chunks)
        readings = await self._reader.read(question.text, [part.given for part in parts])
        asked = fold(question.text)
        found = []
        for place, features in placed(parts, readings):
            sentence = self.passages.at(place.chunk, 0 if place.in_title else place.start)
            if sentence is None or not self._may_answer(question, sentence, ranked):
                continue
            start, end = (sentence.start, sentence.end) if place.in_title else place[1:3]
            text = place.text
            if question.expects in ("date", "number"):  # whose forms and units the rules know
                span = value_at(question, sentence, start, end)
                if place.in_title or span is None:
                    continue
                (start, end), text = span, place.chunk.text[slice(*span)]
            if fold(text) not in asked:
                found.append(Candidate(text, start, end, sentence, features))
        likely = sorted(found, key=lambda candidate: -candidate.features["score"])[:LIKELY]
        cosines = await self._cosines(question.text, [candidate.passage for candidate in likely])
        weighed = []
        for candidate, cosine in zip(likely, cosines, strict=True):
            features = candidate.features | {"cosine": cosine}
            weights = TOGETHER_RIGHT if features["together"] else READ_RIGHT
            weighed.append(replace(candidate, features=features, chance=chance(weights, features)))
        return weighed

    def _may_answer(self, question: Question, passage: Passage, ranked: Sequence[_Ranked]) -> bool:
        """Whether a sentence speaks of what is asked, for a short question about one thing."""
        if len(question.names) != 1 or len(question.keys) >= FAR:
            return True
        about = self.passages.names_in((passage,), question.names) >= ABOUT
        return about and self._supported(question, passage, ranked) >= ANSWERED["supported"]

    def _proposals(self, question: Question, near: Sequence[_Ranked]) -> list[Candidate]:
        """What the rules propose, best first."""
        keys = [key_of(word) for word in question.keys]
        found: list[Candidate] = []
        for passage, features in near:
            title = title_candidate(question, passage, features, self._kinds)
            found += [*propose(question, keys, passage, features, self._kinds), *filter(None, (title,))]
        return sorted(found, key=lambda candidate: -weigh(SPAN, candidate.features))

    def _ruled(
        self, question: Question, scored: Sequence[Candidate], ranked: Sequence[_Ranked]
    ) -> list[Candidate]:
        """The best candidate of the rules, with how probably it is right."""
        if not scored:
            return []
        best = scored[0]
        supported = self._supported(question, best.passage, ranked, best.features["pattern"])
        if supported < ANSWERED["supported"]:
            return []
        return [replace(best, chance=chance(RIGHT, self._certainty(question, scored, supported)))]

    def _whole(self, question: Question, best: Candidate, scored: Sequence[Candidate]) -> str:
        """The best span as an answer: the sentence that explains, all of a list, a first name made full."""
        if question.kind == "explanation":
            return best.passage.text
        if question.plural:
            return listed(best, scored)
        if question.expects == "person":
            return full_name(best.text, best.passage.chunk.title, self.passages.all, self._kinds)
        return best.text

    def _relevant(self, question: Question, ranked: Sequence[_Ranked]) -> list[_Ranked]:
        """The passages that an answer may come from: about the one thing named, or a link away from it."""
        if not question.names:
            return list(ranked[:SEARCHED])
        if len(question.names) > 1:
            named = [passage for passage, features in ranked if features["about"] > 0.0]
            if len(question.keys) >= FAR:
                return list(ranked[:SEARCHED])
            return [
                item
                for item in ranked
                if item[0] in named or any(self.passages.linked(p, item[0], question.names) for p in named)
            ][:SEARCHED]
        about = [passage for passage, features in ranked if features["about"] >= ABOUT]
        far = len(question.keys) >= FAR
        return [
            item
            for item in ranked
            if item[0] in about
            or (far and any(self.passages.linked(p, item[0], question.names) for p in about))
        ][:SEARCHED]

    def _certainty(
        self, question: Question, scored: Sequence[Candidate], supported: float
    ) -> dict[str, float]:
        best = scored[0]
        top = weigh(SPAN, best.features)
        other = next(
            (weigh(SPAN, c.features) for c in scored if entity_key(c.text) != entity_key(best.text)), top - 4
        )
        return {
            "score": top / 10.0,
            "margin": min(1.0, (top - other) / 4.0),
            "pattern": max(0.0, best.features["pattern"]),
            "typed": float(question.expects != "phrase"),
            "supported": supported,
        }

    def _supported(
        self, question: Question, passage: Passage, ranked: Sequence[_Ranked], stated: float = 0.0
    ) -> float:
        """How probably the passage, with the best one of a linked document, speaks of all that is asked.

        A pattern that states the answer (`stated`) speaks of it without its word: "(1912 – 1986)".
        """
        cosine = next((features["cosine"] for p, features in ranked if p is passage), 0.0)
        others = (p for p, _ in ranked if self.passages.linked(passage, p, question.names))
        pair = (passage, next(others, passage))
        if not question.keys and passage.number == 0:  # a text opens by saying who or what its title is
            stated = float(self.passages.names_in((passage,), question.names) >= 1.0)
        features = {
            "cosine": cosine,
            "overlap": max(stated, self.passages.overlap(pair, [key_of(word) for word in question.keys])),
            "about": self.passages.names_in(pair, question.names) if question.names else 0.5,
        }
        return chance(SUPPORTED, features)

    async def _sentence(self, question: Question, unknown: Sequence[str]) -> _Found | _Missing:
        ranked = await self._sentences(question)
        passage = ranked[0][0]
        if not question.keys:  # "Who was X?"
            passage = next((p for p, f in ranked if p.number == 0 and f["about"] >= 1.0), passage)
        confidence = self._supported(question, passage, ranked)
        if confidence < ANSWERED["supported"]:
            return self._lacking(question, unknown, ranked, confidence)
        return _Found(passage.text, (_quote(passage),), confidence)

    async def _polar(self, question: Question) -> _Found | _Missing:
        ranked = await self._sentences(question)
        passage = ranked[0][0]
        confidence = self._supported(question, passage, ranked)
        denied = contradicted(question, passage)
        if denied is None and confidence < ANSWERED["supported"]:
            return self._lacking(question, [], ranked, confidence)
        others = [n for n in question.names if self.passages.name_in(passage, n) < NAMESAKE]
        topic = next((n for n in question.names if n not in others), passage.chunk.title)
        if denied is None and others:
            text = f"The documents found about {topic} do not connect it with {others[0]}."
            return _Missing("missing hop", (gap_of("relation", others[0], slot_of(question), text),), 0.6)
        negative = denied is not None or (_negated(passage, question) != question.negated)
        return _Found(
            "no" if negative else "yes", (_quote(passage),), max(confidence, 0.6 if denied else 0.0)
        )

    def _lacking(
        self, question: Question, unknown: Sequence[str], ranked: Sequence[_Ranked], confidence: float
    ) -> _Missing:
        """Why the passages do not answer, in words that a search can go on from."""
        slot = slot_of(question)
        if unknown:
            gaps = tuple(
                gap_of("entity", name, slot, f"No document found mentions {name}.") for name in unknown
            )
            return _Missing("missing hop", gaps, 1.0 - confidence)
        topic = topic_of(question)
        best = max((features["overlap"] for _, features in ranked), default=1.0)
        if not question.names and best < ANSWERED["corpus"]:
            gap = gap_of("entity", topic, slot, f"Nothing found is about {topic}.")
            return _Missing("out of corpus", (gap,), 1.0 - confidence)
        near = f"The documents found mention {topic}, but nothing on {slot}."
        text = near if slot != topic else f"Nothing found says what is asked: {topic}."
        return _Missing("missing hop", (gap_of("relation", topic, slot, text),), 1.0 - confidence)

    # --- sentences -----------------------------------------------------------------------------------------

    async def _best(self, question: Question) -> tuple[float, Passage] | None:
        ranked = await self._sentences(question)
        if not ranked:
            return None
        passage = ranked[0][0]
        return self._supported(question, passage, ranked), passage

    async def _sentences(self, question: Question) -> list[_Ranked]:
        """The sentences nearest to the question with their features, best first."""
        keys = [key_of(word) for word in question.keys]
        near = [passage for _, passage in self.passages.ranked(question, keys)[:ENCODED]]
        cosines = await self._cosines(question.text, near)
        scored = []
        for passage, cosine in zip(near, cosines, strict=True):
            features = {
                "cosine": cosine,
                "overlap": self.passages.overlap((passage,), keys),
                "about": self.passages.names_in((passage,), question.names),
                "opening": float(passage.number == 0),
            }
            scored.append((passage, features))
        order = sorted(range(len(scored)), key=lambda i: (-weigh(RANK, scored[i][1]), i))
        return [scored[i] for i in order]

    async def _cosines(self, question: str, passages: Sequence[Passage]) -> list[float]:
        texts = list(dict.fromkeys([question, *(_in_context(p) for p in passages)]))
        new = [text for text in texts if text not in self._vectors]
        if new:
            vectors = await self._encoder.encode(new)
            self._vectors.update(zip(new, np.nan_to_num(vectors), strict=True))
        asked = self._vectors[question]
        return [float(asked @ self._vectors[_in_context(p)]) for p in passages]


def _distinct(found: Sequence[Candidate]) -> list[Candidate]:
    """Of candidates that say the same, the most probable; in order of their chances."""
    same: dict[str, Candidate] = {}
    for candidate in sorted(found, key=lambda candidate: -candidate.chance):
        same.setdefault(entity_key(candidate.text), candidate)
    return list(same.values())


def _in_context(passage: Passage) -> str:
    """What is encoded: a sentence under its title says more than one full of pronouns alone."""
    text = passage.text[:200]
    return text if passage.chunk.title and passage.chunk.title in text else f"{passage.chunk.title}: {text}"


def _quote(passage: Passage) -> Support:
    return Support(chunk_id=passage.chunk.id, start=passage.start, end=passage.end)


def _negated(passage: Passage, question: Question) -> bool:
    """Whether a negation stands close to the words that the question shares with the passage."""
    words = tokens(passage.text)
    wanted = {key_of(word) for word in question.keys}
    shared = [i for i, t in enumerate(words) if t.text[0].isalnum() and key_of(t.text) in wanted]
    denying = [
        i for i, t in enumerate(words) if t.text.lower() in NEGATIONS or t.text.lower().endswith("n't")
    ]
    return any(0 < i - j <= 4 for i in shared for j in denying)
