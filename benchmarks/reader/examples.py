"""What the reader learns from: questions with a passage, and what is to be read there.

Public sets give questions that people asked; `making` adds questions made from passages. What is kept aside
is kept aside here: the articles of `REPORTED` and `CALIBRATION`, by title and by paragraph, everything of
HotpotQA-500 and LiHua-World, and a fifth of the multi-hop questions, by the hash of their ids.
"""

from __future__ import annotations

import random
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Final

from kedge.agents.extractive._excerpts import together
from kedge.agents.extractive.language import sentences
from kedge.benchmarks.datasets import Passage, hotpotqa, musique, passages, squad_passages, two_wiki
from kedge.benchmarks.datasets.questions import squad_paragraphs
from kedge.benchmarks.datasets.rows import json_rows
from kedge.benchmarks.reader.making import asked_of_facts, clozes, exchanged
from kedge.benchmarks.reader.record import Example

__all__ = ["CALIBRATION", "REPORTED", "held_aside", "squad_examples", "training"]

REPORTED: Final = (
    "1973 oil crisis",
    "Amazon rainforest",
    "French and Indian War",
    "Jacksonville, Florida",
    "Prime number",
    "Private school",
)
CALIBRATION: Final = ("Ctenophora", "Fresno, California", "Warsaw")
SQUAD: Final = ("extractive_qa/squad2_25articles.json", "extractive_qa/squad11_13articles.json")
CORPORA: Final = (
    "multihop_qa/hotpot100/corpus.json",
    "multihop_qa/musique100/corpus.json",
    "multihop_qa/2wiki500/corpus.jsonl",
    "multihop_qa/distractors/2wiki_corpus_6119.json",
)
REPORTED_CORPUS: Final = "multihop_qa/hotpot500/corpus.jsonl"
# Passages beside the gold ones that a multi-hop question is shown with.
DISTRACTORS: Final = 3


def held_aside(question_id: str) -> bool:
    """Whether a question of a multi-hop set is for calibration alone: a fifth of them, by hash.

    Example:
        >>> [held_aside(letter) for letter in "abcd"]
        [True, False, True, False]
    """
    return blake2b(question_id.encode(), digest_size=2).digest()[0] % 5 == 0


def training(data: Path, seed: int) -> Iterator[Example]:
    """All examples to learn from, in an order that depends on the seed alone."""
    chance = random.Random(seed)
    aside = {_letters(p.text) for p in squad_passages(data / SQUAD[0]) if p.title in REPORTED + CALIBRATION}
    aside |= {_letters(p.text) for p in passages(data / REPORTED_CORPUS)}
    titles = {p.title for p in passages(data / REPORTED_CORPUS)}
    for path in SQUAD:
        found = squad_examples(data / path)
        yield from (
            e for e in found if e.title not in REPORTED + CALIBRATION and _letters(e.text) not in aside
        )
    own = [p for p in squad_passages(data / SQUAD[0]) if p.title not in REPORTED + CALIBRATION]
    own += squad_passages(data / SQUAD[1])
    wide = [p for path in CORPORA for p in passages(data / path) if p.title not in titles]
    own, wide = ([p for p in texts if _letters(p.text) not in aside] for texts in (own, wide))
    yield from _elsewhere(data, own, chance)
    yield from _beside(data, own, chance)
    several = chain.from_iterable(read(data, aside, chance) for read in (_hotpot, _musique, _two_wiki))
    yield from (e for e in several if e.title not in REPORTED + CALIBRATION and _letters(e.text) not in aside)
    yield from _polar(data)
    yield from asked_of_facts(data / "multihop_qa/2wiki500", titles, chance)
    yield from clozes([*own, *wide], chance)


def squad_examples(path: Path) -> Iterator[Example]:
    """Every question of a file in the format of SQuAD with its paragraph."""
    for paragraph, passage in squad_paragraphs(path):
        for item in paragraph.rows("qas"):
            spans = {
                (start := answer.get(int, "answer_start"), start + len(answer.get(str, "text")))
                for answer in item.rows("answers")
            }
            if item.find(bool, "is_impossible", False):
                yield Example("squad", item.get(str, "question"), passage.title, passage.text)
            else:
                yield Example(
                    "squad",
                    item.get(str, "question"),
                    passage.title,
                    passage.text,
                    tuple(sorted(spans)),
                    relevant=True,
                )


def _elsewhere(data: Path, own: Sequence[Passage], chance: random.Random) -> Iterator[Example]:
    """Questions that their passage does not answer, made of questions that theirs does.

    A quarter is asked of another paragraph of its article, the one that shares most words with it; a quarter
    has a name exchanged for another of the paragraph, or loses the sentences with the answer.
    """
    by_title: dict[str, list[Passage]] = {}
    for passage in own:
        by_title.setdefault(passage.title, []).append(passage)
    for example in chain.from_iterable(squad_examples(data / path) for path in SQUAD):
        if example.title not in by_title:
            continue
        answers = {example.text[start:end] for start, end in example.spans}
        others = [
            passage
            for passage in by_title.get(example.title, ())
            if passage.text != example.text and not _holds(passage.text, answers)
        ]
        if answers and chance.random() < 0.25:
            question = exchanged(example.question, example.text, chance)
            rest = _without(example.text, answers)
            if question is not None:
                yield replace(example, source="altered", question=question, spans=(), relevant=None)
            elif rest:
                yield replace(example, source="altered", text=rest, spans=(), relevant=None)
        if answers and others and chance.random() < 0.25:
            asked = _words(example.question)
            found = max(chance.sample(others, min(8, len(others))), key=lambda p: len(asked & _words(p.text)))
            yield Example("elsewhere", example.question, found.title, found.text, relevant=False)


def _hotpot(data: Path, aside: Container[str], chance: random.Random) -> Iterator[Example]:
    folder = data / "multihop_qa/hotpot100"
    texts = {p.title: p for p in passages(folder / "corpus.json")}
    for question in hotpotqa(folder / "questions.json"):
        if not held_aside(question.id):
            gold = [texts[title] for title in question.gold]
            everything = [*texts.values()]
            yield from _of_several(question.question, question.answers, gold, everything, aside, chance)


def _musique(data: Path, aside: Container[str], chance: random.Random) -> Iterator[Example]:
    """The questions and, better for one passage, the steps that they are made of."""
    path = data / "multihop_qa/musique100/questions.json"
    everything = list(passages(data / "multihop_qa/musique100/corpus.json"))
    for question, item in zip(musique(path), json_rows(path), strict=True):
        if held_aside(question.id):
            continue
        given = [
            Passage("", p.get(str, "title"), p.get(str, "paragraph_text")) for p in item.rows("paragraphs")
        ]
        answers: list[str] = []
        gold: list[Passage] = []
        for step in item.rows("question_decomposition"):
            text = step.get(str, "question")
            for number, answer in enumerate(answers, start=1):
                text = text.replace(f"#{number}", answer)
            answers.append(step.get(str, "answer"))
            gold.append(given[step.get(int, "paragraph_support_idx")])
            if " >> " in text:  # "Lilu >> religion", a relation of a knowledge base
                subject, _, relation = text.partition(" >> ")
                text = f"What is the {relation} of {subject}?"
            yield from _of_several(text, (answers[-1],), gold[-1:], everything, aside, chance)
        yield from _of_several(question.question, question.answers, gold, everything, aside, chance)


def _two_wiki(data: Path, aside: Container[str], chance: random.Random) -> Iterator[Example]:
    folder = data / "multihop_qa/2wiki500"
    texts = {p.id: p for p in passages(folder / "corpus.jsonl")}
    for question in two_wiki(folder / "questions.jsonl"):
        if not held_aside(question.id):
            gold = [texts[chunk] for chunk in question.gold]
            everything = [*texts.values()]
            yield from _of_several(question.question, question.answers, gold, everything, aside, chance)


def _of_several(
    question: str,
    answers: Sequence[str],
    gold: Sequence[Passage],
    everything: Sequence[Passage],
    aside: Container[str],
    chance: random.Random,
) -> Iterator[Example]:
    """A question asked of each passage that supports it, of some that do not, and of several as one text:
    of all that support it, twice, and of one that does with one that does not.
    """
    verdict = answers[0].lower() if answers[0].lower() in ("yes", "no") else None
    for passage in gold:
        yield Example(
            "multihop",
            question,
            passage.title,
            passage.text,
            () if verdict else _places(answers, passage.text),
            relevant=True,
            known=verdict is None,
            title_answers=not verdict and passage.title in answers,
        )
    asked = _words(question)
    others = [p for p in chance.sample(everything, 60) if p not in gold]
    others.sort(key=lambda p: -len(asked & _words(f"{p.title} {p.text}")))
    for passage in others[:DISTRACTORS]:
        if not _holds(passage.text, answers):
            yield Example("multihop", question, passage.title, passage.text, relevant=False)
    gold = [passage for passage in gold if _letters(passage.text) not in aside]
    others = [passage for passage in others if _letters(passage.text) not in aside]
    for _ in range(2 if len(gold) > 1 else 0):
        text = _together(chance.sample(gold, len(gold)))
        yield Example(
            "together", question, "", text, () if verdict else _places(answers, text), polarity=verdict
        )
    if len(gold) > 1 and not verdict:
        for one, other in zip(chance.sample(gold, 2), others, strict=False):
            text = _together(chance.sample([one, other], 2))
            yield Example("together", question, "", text, _places(answers, text))


def _beside(data: Path, own: Sequence[Passage], chance: random.Random) -> Iterator[Example]:
    """A sixth of the questions of SQuAD, asked of their paragraph and another of the article as one text."""
    by_title: dict[str, list[Passage]] = {}
    for passage in own:
        by_title.setdefault(passage.title, []).append(passage)
    for example in chain.from_iterable(squad_examples(data / path) for path in SQUAD):
        if example.title not in by_title or chance.random() > 1 / 6:
            continue
        answers = {example.text[start:end] for start, end in example.spans}
        paragraph = Passage("", example.title, example.text)
        other = chance.choice(by_title[example.title])
        if other.text != example.text and not _holds(other.text, answers):
            text = _together(chance.sample([paragraph, other], 2))
            spans = _places(answers, text)
            yield replace(example, source="together", title="", text=text, spans=spans, relevant=None)


def _together(several: Iterable[Passage]) -> str:
    return together([(passage.title, passage.text) for passage in several])


def _polar(data: Path) -> Iterator[Example]:
    """StrategyQA: yes or no, from facts that are enough to tell."""
    for item in json_rows(data / "decomposition/strategyqa_train.json"):
        verdict = "yes" if item.get(bool, "answer") else "no"
        text = " ".join(item.texts("facts"))
        yield Example(
            "polar", item.get(str, "question"), item.get(str, "term"), text, relevant=True, polarity=verdict
        )


def _without(text: str, answers: Iterable[str]) -> str:
    """The sentences that hold no answer."""
    kept = [text[start:end] for start, end in sentences(text)]
    return " ".join(sentence for sentence in kept if not _holds(sentence, answers))


def _holds(text: str, answers: Iterable[str]) -> bool:
    return any(answer in text for answer in answers)


def _places(answers: Iterable[str], text: str) -> tuple[tuple[int, int], ...]:
    """Where the answers stand as whole words; in the first three sentences that hold one."""
    found = [
        match.span()
        for answer in answers
        for match in re.finditer(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE)
    ]
    holding = [
        bounds for bounds in sentences(text) if any(bounds[0] <= start < bounds[1] for start, _ in found)
    ]
    last = holding[:3][-1][1] if holding else 0
    return tuple(sorted(span for span in set(found) if span[1] <= last))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{4,}", text.lower()))


def _letters(text: str) -> str:
    """What a paragraph is known by: its first letters and digits."""
    return "".join(re.findall(r"\w", text.casefold())[:60])
