"""The language model cast: every role played by a chat model, with its prompt in `prompts/`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kedge.agents.decisions import (
    Augmentation,
    Concept,
    Description,
    Gap,
    Judgement,
    Link,
    Plan,
    Reading,
    Support,
    Verification,
)
from kedge.agents.extractive.concepts import concepts as concepts_by_rule
from kedge.agents.grading import batched
from kedge.agents.llm.asking import Asker
from kedge.agents.llm.linking import link_by_model
from kedge.agents.llm.prompting import prompt, quoted, showing
from kedge.agents.llm.quoting import find_quotation, holds, words_of
from kedge.agents.llm.ranking import PointwiseScore, grade_alone
from kedge.agents.llm.replies import (
    CONFIDENCE,
    AugmentReply,
    BatchReply,
    ConceptsReply,
    DescribeReply,
    JudgeReply,
    LocateReply,
    PlanReply,
    ReadReply,
    TriplesReply,
    VerifyReply,
    reason_of,
)
from kedge.errors import DecisionFailed
from kedge.tools.images import Box, shrunk
from kedge.tools.knowledge_base import Chunk, Evidence, Extraction, TripleDraft

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge.agents.llm.ranking import Score
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["LlmCast"]

# Shares in coverage, as the extractive cast has them: the kind of an answer is seldom a thing in the graph,
# and an option need not be reached.
_WEIGHTS = {"kind": 0.25, "option": 0.5}
_UNSAID = 0.5  # what is left of the confidence in an answer whose words no quotation has


@dataclass
class LlmCast:
    """Plays every role by asking a LangChain chat model.

    A reply that is unusable is asked for once more; if that fails, too, the role raises `DecisionFailed`.
    What is quoted to the model is data to it, and what it says it copied is looked for in the text: no
    citation is taken on trust.

    Args:
        model: Any LangChain chat model.
        thinking: Let a thinking model think before it replies. Grades one by one are always think-free.
        score: How `grade` scores passages: one by one from the probabilities of the reply's tokens (`label`,
            `yesno`, `expected`, `merge`), or in re-drawn batches (`batched`).

    Example:
        >>> import asyncio
        >>> from langchain_core.language_models import FakeListChatModel
        >>> model = FakeListChatModel(responses=['{"concepts": [{"text": "Loose Ankles", "kind": "name"}]}'])
        >>> asyncio.run(LlmCast(model).concepts("Who directed Loose Ankles?"))[0].text
        'Loose Ankles'
    """

    model: BaseChatModel
    thinking: bool = False
    score: Score = "expected"
    _asker: Asker = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from kedge.tools.models import ModelClient

        self._asker = Asker(ModelClient.around(self.model), self.thinking)

    async def concepts(self, question: str) -> tuple[Concept, ...]:
        """What the question is about; the rules of the extractive cast, where the model cannot say."""
        role = prompt("concepts")
        try:
            reply = await self._asker.ask(role, ConceptsReply, role.messages(question=question))
        except DecisionFailed:
            return concepts_by_rule(question)
        found: dict[str, Concept] = {}
        for concept in reply.concepts:
            kind = "name" if concept.kind == "option" else concept.kind
            # A name that the question does not have is the model's own idea.
            if concept.text and (kind in ("kind", "relation") or holds(question, concept.text)):
                weight = _WEIGHTS.get(concept.kind, 1.0)
                found.setdefault(
                    concept.text.casefold(), Concept(text=concept.text, kind=kind, weight=weight)
                )
        return tuple(found.values()) or concepts_by_rule(question)

    async def link(self, concepts: Sequence[Concept], base: KnowledgeBase) -> tuple[Link, ...]:
        """Entities with the concepts' names; the model is asked where several fit about as well."""
        return await link_by_model(self._asker, concepts, base)

    async def extract_triples(self, chunk: Chunk) -> Extraction:
        """Triples and names that the model reads in a chunk and that the chunk does mention.

        A chunk that does not fit into the model's context fails: half of it read would pass for all of it.
        """
        reply, cut = await self._asker.ask_about(prompt("extract_triples"), TriplesReply, [chunk])
        if cut:
            where = self._asker.model.where
            raise DecisionFailed(f"it does not fit into the context of {where}", fix="serve a longer one")
        words = words_of(chunk.indexed_text)

        def said(*names: str) -> bool:
            return all(name and words_of(name) <= words for name in names)

        triples = (TripleDraft(t.subject, t.relation, t.object, 0.9) for t in reply.triples if t.relation)
        kept = tuple(dict.fromkeys(t for t in triples if t.subject != t.object and said(t.subject, t.object)))
        return Extraction(kept, tuple(dict.fromkeys(name for name in reply.names if said(name))))

    async def judge(self, question: str, evidence: Sequence[Evidence]) -> Judgement:
        """Whether the evidence is enough to answer the question, in the model's judgement."""
        if not evidence:
            return Judgement(sufficient=False, confidence=1.0, reason="out of corpus")
        role = prompt("judge")
        reply, notes = await self._asker.ask_about(role, JudgeReply, evidence, question=question)
        gaps = tuple(missing.gap() for missing in reply.missing if missing.target)
        sufficient = reply.sufficient and not gaps
        return Judgement(
            sufficient=sufficient,
            confidence=CONFIDENCE[reply.confidence],
            gaps=gaps,
            reason=None if sufficient else reason_of(reply.reason),
            notes=notes,
        )

    async def read(self, question: str, evidence: Sequence[Evidence]) -> Reading:
        """The model's answer, with the quotations that were found where it says it copied them."""
        if not evidence:
            return Reading(answer=None, confidence=1.0, reason="out of corpus")
        role = prompt("read")
        reply, notes = await self._asker.ask_about(role, ReadReply, evidence, question=question)
        return _reading(reply, evidence, notes)

    async def plan(self, question: str, gaps: Sequence[Gap] = ()) -> Plan:
        """Steps that answer the question, or that fill the gaps, in the model's view."""
        role = prompt("plan")
        # A gap may be in a document's words, so it is quoted like a document.
        wanted = [f"Missing: {gap.description}" for gap in gaps]
        messages = role.messages(question=question, passages=quoted(wanted))
        return (await self._asker.ask(role, PlanReply, messages)).plan()

    async def grade(self, question: str, passages: Sequence[Chunk]) -> tuple[float, ...]:
        """The relevance of each passage, 0 to 1, in the order given; see `score`."""
        if self.score == "batched":
            return (await batched(self._grade_batch, question, passages)).mean
        return await _grade_each(self._asker, question, passages, self.score)

    async def verify(self, question: str, answer: str, evidence: Sequence[Evidence]) -> Verification:
        """Whether the evidence says that this is the answer; what is said to be quoted is looked for."""
        if not evidence:
            return Verification(supported=False, confidence=1.0, reason="out of corpus")
        role = prompt("verify")
        reply, notes = await self._asker.ask_about(
            role, VerifyReply, evidence, question=question, answer=answer
        )
        supported = reply.verdict == "supported"
        if supported and not any(find_quotation(item.chunk.text, reply.quotation) for item in evidence):
            supported, notes = False, (*notes, "the sentence said to support the answer is in no passage")
        return Verification(
            supported=supported,
            confidence=CONFIDENCE[reply.confidence],
            reason=None if supported else reason_of(reply.reason, "missing hop"),
            notes=notes,
        )

    async def augment(self, chunk: Chunk) -> Augmentation:
        """A paraphrase, questions whose answers the chunk has in so many words, and names it goes by."""
        reply, _ = await self._asker.ask_about(prompt("augment"), AugmentReply, [chunk])
        pairs = [(pair.question, pair.answer) for pair in reply.questions]
        kept = [pair for pair in pairs if pair[0] and find_quotation(chunk.indexed_text, pair[1])]
        aliases = dict.fromkeys(alias for alias in reply.aliases if alias and alias != chunk.title)
        return Augmentation(rewrite=reply.rewrite, questions=tuple(kept), aliases=tuple(aliases))

    async def describe(
        self, question: str, hints: Sequence[str], images: Sequence[bytes] = ()
    ) -> Description:
        """What the model sees in the images; without images, what it makes of the hints."""
        role = prompt("describe")
        messages = role.messages(question=question, passages=quoted(hints), count=len(images))
        files = [await asyncio.to_thread(shrunk, data) for data in images]
        reply = await self._asker.ask(role, DescribeReply, showing(messages, files))
        if not reply.seen or not reply.description:
            return Description(text=None, notes=("the model sees nothing that answers",))
        return Description(
            text=reply.description, hints=tuple(hints), confidence=CONFIDENCE[reply.confidence]
        )

    async def locate(self, question: str, image: bytes) -> tuple[Box, ...]:
        """Parts of an image that the model would look at more closely, the most important first."""
        role = prompt("locate")
        messages = showing(role.messages(question=question), [await asyncio.to_thread(shrunk, image)])
        reply = await self._asker.ask(role, LocateReply, messages)
        boxes = [Box(*(e / 1000 for e in (p.left, p.top, p.right, p.bottom))) for p in reply.parts]
        return tuple(box for box in boxes if box.left < box.right and box.top < box.bottom)

    async def _grade_batch(self, question: str, passages: Sequence[Chunk]) -> Mapping[int, float]:
        """Grades 0 to 1 by position; a passage that the model passed over has none."""
        role = prompt("grade_batch")
        reply, _ = await self._asker.ask_about(
            role, BatchReply, passages, question=question, count=len(passages)
        )
        return {g.passage - 1: g.grade / 4 for g in reply.grades if g.passage <= len(passages)}


def _reading(reply: ReadReply, evidence: Sequence[Evidence], notes: tuple[str, ...]) -> Reading:
    """The reply as a reading: quotations become spans, and an answer without any is no answer."""
    found = [_support(quotation.passage, quotation.text, evidence) for quotation in reply.quotations]
    support = tuple(dict.fromkeys(item for item in found if item is not None))
    lost = tuple(
        f"quoted, but in no passage: {quotation.text}"
        for quotation, item in zip(reply.quotations, found, strict=True)
        if item is None
    )
    notes, confidence = (*notes, *lost), CONFIDENCE[reply.confidence]
    gaps = tuple(missing.gap() for missing in reply.missing if missing.target)
    if reply.status != "answered" or not reply.answer:
        reason = reason_of(reply.status)
        return Reading(
            answer=None, support=support, confidence=confidence, reason=reason, gaps=gaps, notes=notes
        )
    if not support:
        description = f"The model's answer was {reply.answer}, but no passage holds what it quotes for it."
        gap = Gap(kind="value", target=reply.answer, description=description)
        return Reading(answer=None, reason="out of corpus", gaps=(gap,), notes=notes)
    chunks = {item.chunk.id: item.chunk.text for item in evidence}
    quoted = " ".join(chunks[item.chunk_id][item.start : item.end] for item in support)
    confidence *= len(support) / (len(support) + len(lost))
    if reply.answer.lower() not in ("yes", "no") and not holds(quoted, reply.answer):
        notes, confidence = (*notes, "the answer's words are in no quotation"), confidence * _UNSAID
    return Reading(answer=reply.answer, support=support, confidence=confidence, notes=notes)


def _support(number: int, text: str, evidence: Sequence[Evidence]) -> Support | None:
    """Where a quotation stands: in the passage it is said to be from, or in another one."""
    named = [evidence[number - 1]] if number <= len(evidence) else []
    for item in (*named, *evidence):
        if span := find_quotation(item.chunk.text, text):
            return Support(chunk_id=item.chunk.id, start=span[0], end=span[1])
    return None


async def _grade_each(
    asker: Asker, question: str, passages: Sequence[Chunk], score: PointwiseScore
) -> tuple[float, ...]:
    """Grades one by one; a passage without a usable reply gets the mean of the others, all at once fail."""
    tasks = [grade_alone(asker, question, passage, score) for passage in passages]
    found = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [item for item in found if isinstance(item, BaseException)]
    grades = [item for item in found if isinstance(item, float)]
    serious = next((error for error in errors if not isinstance(error, DecisionFailed)), None)
    if serious or (errors and not grades):
        raise serious or errors[0]
    return tuple(item if isinstance(item, float) else sum(grades) / len(grades) for item in found)
