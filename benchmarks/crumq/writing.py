"""A language model as the writer of questions: topics, questions about groups of pages, marks.

Whatever it says is checked: quotations are looked for in their pages, numbers are bounded by their forms, and
a question that loses a name when it is reworded stays as it was. Replies that cannot be used are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, Field

from kedge.agents.extractive.names import find_names
from kedge.agents.extractive.spans import tokens
from kedge.agents.llm.asking import Asker
from kedge.agents.llm.prompting import Prompt, prompt
from kedge.agents.llm.quoting import find_quotation, holds
from kedge.agents.llm.replies import Line, Name, Quotation, Sentence
from kedge.benchmarks.crumq.composing import draft_id
from kedge.benchmarks.crumq.corpus import Page, as_evidence
from kedge.benchmarks.crumq.grouping import Group
from kedge.benchmarks.crumq.records import FORMATS, LENGTHS, TYPES, Item, Marks, Support
from kedge.benchmarks.datasets import Passage
from kedge.benchmarks.harness.drawing import drawn, pick
from kedge.errors import DecisionFailed
from kedge.tools.models import ModelClient

__all__ = ["Judge", "Writer"]

MOST = 5  # questions for a group
PREMISES = {
    "none": "none",
    "false premise": "each question takes for granted something that the passages contradict; the "
    "answer says what is wrong with it",
    "unverifiable premise": "each question rests on a claim that only the last passage bears out",
}
PROMPTS = ("topic", "same", "write", "reword", "compare", "marks")


class TopicReply(BaseModel):
    """What a page is about."""

    topic: Name


class SameReply(BaseModel):
    """Whether two topics are one."""

    explanation: Line = ""
    same: bool


class QuestionReply(BaseModel):
    """A question; its quotations come first, so that it follows from them."""

    quotations: Annotated[tuple[Quotation, ...], Field(max_length=8)]
    hops: Annotated[int, Field(ge=1, le=8)]
    question: Sentence
    answer: Sentence


class QuestionsReply(BaseModel):
    """Questions about a group of pages."""

    questions: Annotated[tuple[QuestionReply, ...], Field(max_length=MOST)]


class RewordReply(BaseModel):
    """A question in other words."""

    question: Sentence


class CompareReply(BaseModel):
    """How an answer compares with the known one."""

    explanation: Line = ""
    verdict: Literal["same", "plausible", "different"]


class MarksReply(BaseModel):
    """Marks by the passages in view."""

    explanation: Line = ""
    hops: Annotated[int, Field(ge=0, le=8)]
    necessity: Annotated[int, Field(ge=0, le=3)]
    sufficiency: Annotated[int, Field(ge=0, le=2)]
    correctness: Annotated[int, Field(ge=0, le=2)]
    uniqueness: Annotated[int, Field(ge=0, le=2)]


class VerdictReply(BaseModel):
    """What a reply to an unanswerable question does."""

    verdict: Literal["answered", "refused", "clarification"]
    acceptable: bool


@dataclass
class Writer:
    """Plays the model's part in the pipeline.

    Args:
        chat: Any LangChain chat model; best one of another family than the methods that are scored.
        seed: Of types, formats and lengths.
    """

    chat: BaseChatModel
    seed: int = 0
    _asker: Asker = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._asker = Asker(ModelClient.around(self.chat))

    @property
    def model(self) -> str:
        """Which model this is."""
        return self._asker.model.where

    @property
    def prompts(self) -> dict[str, int]:
        """The versions of all prompts."""
        return {name: _prompt(name).version for name in PROMPTS}

    async def named(self, passage: Passage) -> Mapping[str, Any]:
        """The topic of a passage: its title, where the model names none."""
        try:
            reply, _ = await self._asker.ask_about(_prompt("topic"), TopicReply, as_evidence([passage]))
        except DecisionFailed as error:
            return {"topic": passage.title or passage.text[:80], "failed": error.message}
        return {"topic": reply.topic or passage.title}

    async def entails(self, one: str, other: str) -> bool:
        """Whether two topics entail each other; a reply that cannot be used says no."""
        form = _prompt("same")
        try:
            return (await self._asker.ask(form, SameReply, form.messages(first=one, second=other))).same
        except DecisionFailed:
            return False

    async def reworded(self, item: Item) -> Mapping[str, Any]:
        """The question in other words, as long as every name is still in it and the answer is not."""
        form = _prompt("reword")
        try:
            reply = await self._asker.ask(form, RewordReply, form.messages(question=item.question))
        except DecisionFailed as error:
            return {"item": item.model_dump(), "failed": error.message}
        new = reply.question
        given = item.format != "comparison" and any(holds(new, a) for a in item.answers if len(a) > 1)
        if not new.endswith("?") or given or not all(holds(new, name) for name in item.starts):
            return {"item": item.model_dump(), "failed": "a name was lost, or the answer given away"}
        return {"item": item.model_copy(update={"question": new, "id": draft_id(new)}).model_dump()}

    async def questions(self, group: Group) -> Mapping[str, Any]:
        """Questions about a group of pages, of a drawn type, format and length of the answer."""
        kind, form, length = (
            pick(self.seed, choices, name, group.id)
            for name, choices in (("type", TYPES), ("format", FORMATS), ("length", LENGTHS))
        )
        chance = drawn(self.seed, "premise", group.id)
        premise = "false premise" if chance < 0.1 else "unverifiable premise" if chance < 0.2 else "none"
        asked = {"type": kind, "format": form, "length": length, "premise": PREMISES[premise], "most": MOST}
        pages = as_evidence([page.passage for page in group.pages])
        try:
            reply, _ = await self._asker.ask_about(_prompt("write"), QuestionsReply, pages, **asked)
        except DecisionFailed as error:
            return {"items": [], "failed": error.message}
        shape = {"type": kind, "format": form, "length": length}
        made = [_item(question, group.pages, shape, premise) for question in reply.questions]
        return {"items": [item.model_dump() for item in made if item], "refused": made.count(None)}

    async def compared(self, item: Item, answer: str) -> int:
        """Whether an answer is the known one: 1 yes, 0 perhaps, -1 no.

        Raises:
            DecisionFailed: The model does not say.
        """
        form = _prompt("compare")
        messages = form.messages(question=item.question, known=item.answers[0], other=answer)
        reply = await self._asker.ask(form, CompareReply, messages)
        return {"same": 1, "plausible": 0, "different": -1}[reply.verdict]

    async def marks(self, item: Item, texts: Mapping[str, Passage]) -> Marks:
        """Marks with all pages in view, and with the internal ones alone.

        Raises:
            DecisionFailed: The model does not say.
        """
        documents = {support.document: support.side for support in item.supports}
        inside = [name for name, side in documents.items() if side == "internal"]
        whole = await self._marked(item, [texts[name] for name in documents])
        part = await self._marked(item, [texts[name] for name in inside]) if inside else None
        return Marks(
            **whole.model_dump(exclude={"explanation"}),
            internal_necessity=part.necessity if part else 0,
            internal_sufficiency=part.sufficiency if part else 0,
            notes=(whole.explanation,) if whole.explanation else (),
        )

    async def _marked(self, item: Item, passages: Sequence[Passage]) -> MarksReply:
        asked = {"question": item.question, "answer": item.answers[0] if item.answers else "none"}
        reply, _ = await self._asker.ask_about(_prompt("marks"), MarksReply, as_evidence(passages), **asked)
        return reply


@dataclass
class Judge:
    """A language model that says what replies do, beside the exact checks."""

    chat: BaseChatModel
    _asker: Asker = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._asker = Asker(ModelClient.around(self.chat))

    async def verdict(self, question: str, reply: str) -> VerdictReply:
        """What a reply to an unanswerable question does.

        Raises:
            DecisionFailed: The model does not say.
        """
        form = _prompt("verdict")
        return await self._asker.ask(form, VerdictReply, form.messages(question=question, reply=reply))

    async def same(self, question: str, known: str, other: str) -> bool:
        """Whether an answer says the same as the known one.

        Raises:
            DecisionFailed: The model does not say.
        """
        form = _prompt("compare")
        messages = form.messages(question=question, known=known, other=other)
        return (await self._asker.ask(form, CompareReply, messages)).verdict == "same"


def _item(reply: QuestionReply, pages: Sequence[Page], shape: Mapping[str, Any], premise: str) -> Item | None:
    """The question with its supports; nothing, unless every page is quoted, and quoted rightly."""
    supports: dict[str, Support] = {}
    for quotation in reply.quotations:
        page = pages[quotation.passage - 1] if quotation.passage <= len(pages) else None
        span = page and find_quotation(page.text, quotation.text)
        if page is None or not span:
            return None
        quote = page.text[span[0] : span[1]]
        supports.setdefault(page.id, Support(document=page.id, side=page.side, quote=quote))
    if len(supports) != len(pages) or reply.hops != len(pages) or not reply.answer or not reply.question:
        return None
    external = sum(page.side == "external" for page in pages) / len(pages)
    reason = "false premise" if premise == "false premise" else None
    names = [name.text for name in find_names(reply.question, tokens(reply.question), [])]
    return Item.model_validate(
        {
            "id": draft_id(reply.question),
            "question": reply.question,
            "answers": [reply.answer],
            "kind": "written" if premise == "none" else premise,
            "reason": reason or ("out of corpus" if external == 1 else "missing hop"),
            "hops": len(pages),
            "external": external,
            "supports": list(supports.values()),
            "starts": names,
            **shape,
        }
    )


def _prompt(name: str) -> Prompt:
    return prompt(name, "kedge.benchmarks.crumq")
