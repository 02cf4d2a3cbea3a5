"""Questions made from passages, so that the reader is not limited by the questions that people asked.

A cloze takes a date, number or name out of a sentence and asks for it in the sentence's own words, a few of
them dropped. The same question asked after the sentence is removed, or with one of its names exchanged for
another of the passage's kind, has no answer. Facts that somebody's model read off a passage give short
questions about one property, and so does a property that the passage does not tell.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from kedge.agents.extractive.language import dates, names, numbers, sentences
from kedge.benchmarks.datasets import Passage, passages
from kedge.benchmarks.datasets.rows import json_rows
from kedge.benchmarks.reader.record import Example

__all__ = ["asked_of_facts", "clozes", "exchanged"]

LONGEST: Final = 28  # words of a made question
DROPPED: Final = 0.15  # share of its words that are left out
QUESTIONS: Final = {
    "date of birth": ("When was {} born?", "What is the date of birth of {}?", "In what year was {} born?"),
    "date of death": ("When did {} die?", "What is the date of death of {}?"),
    "place of birth": ("Where was {} born?", "What is the place of birth of {}?"),
    "place of death": ("Where did {} die?", "What is the place of death of {}?"),
    "place of burial": ("Where is {} buried?", "Where was the place of burial of {}?"),
    "publication date": ("When was {} released?", "In what year did {} come out?"),
    "inception": ("When was {} founded?", "In what year was {} established?"),
    "director": ("Who directed {}?", "Who is the director of {}?", "Which director made {}?"),
    "performer": ("Who performed {}?", "Who is the performer of {}?", "Which artist recorded {}?"),
    "composer": ("Who composed {}?", "Who wrote the music of {}?"),
    "screenwriter": ("Who wrote {}?", "Who is the screenwriter of {}?"),
    "producer": ("Who produced {}?", "Who was the producer of {}?"),
    "production company": ("Which company produced {}?",),
    "founded by": ("Who founded {}?", "Who is the founder of {}?"),
    "country of origin": ("What country is {} from?", "Which country does {} come from?"),
    "country of citizenship": ("What nationality is {}?", "Which country is {} from?"),
    "father": ("Who is {}'s father?", "Who was the father of {}?"),
    "mother": ("Who is {}'s mother?", "Who was the mother of {}?"),
    "spouse": ("Who was {} married to?", "Who is the spouse of {}?", "Who was {}'s husband or wife?"),
    "sibling": ("Who is a sibling of {}?", "Who was the brother or sister of {}?"),
    "child": ("Who is the child of {}?",),
    "occupation": ("What was {}'s occupation?", "What does {} do?", "What is {} known as?"),
    "employer": ("Who employed {}?", "Where did {} work?"),
    "educated at": ("Where did {} study?", "Which school did {} attend?"),
    "award received": ("Which award did {} receive?", "What did {} win?"),
    "member of": ("Which group did {} belong to?", "What is {} a member of?"),
    "location": ("Where is {}?", "Where is {} located?"),
    "genre": ("What genre is {}?",),
    "based on": ("What is {} based on?",),
    "publisher": ("Who published {}?",),
}  # fmt: skip


def asked_of_facts(folder: Path, without: Collection[str], chance: random.Random) -> Iterator[Example]:
    """Questions for the facts of 2WikiMultiHopQA's passages, and as many that the passage does not answer."""
    texts = {passage.id: passage for passage in passages(folder / "corpus.jsonl")}
    facts: dict[str, list[tuple[str, str, tuple[int, int]]]] = {}
    for item in json_rows(folder / "llm_triples.jsonl"):
        chunk, span = item.get(str, "chunk_id"), item.data["obj_span"]
        relation = item.get(str, "relation").replace("_", " ")
        relation = {"directed by": "director", "nationality": "country of citizenship"}.get(
            relation, relation
        )
        if span and relation in QUESTIONS and texts[chunk].title not in without:
            facts.setdefault(chunk, []).append((item.get(str, "subject"), relation, (span[0], span[1])))
    for chunk, told in facts.items():
        passage = texts[chunk]
        grouped: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for subject, relation, span in told:
            grouped.setdefault((subject, relation), []).append(span)
        for (subject, relation), spans in grouped.items():
            text = chance.choice(QUESTIONS[relation]).format(subject)
            yield Example("fact", text, passage.title, passage.text, tuple(sorted(spans)), relevant=True)
        subject = chance.choice(told)[0]
        untold = [r for r in QUESTIONS if (subject, r) not in grouped and r not in {r for _, r in grouped}]
        for relation in chance.sample(untold, 2):
            text = chance.choice(QUESTIONS[relation]).format(subject)
            yield Example("fact", text, passage.title, passage.text)


def clozes(texts: Sequence[Passage], chance: random.Random) -> Iterator[Example]:
    """Up to three questions a passage, each with or without its answer."""
    for passage in texts:
        bounds = sentences(passage.text)
        if len(bounds) < 2 or len(passage.text) > 2_500:
            continue
        for start, end in chance.sample(bounds, min(3, len(bounds))):
            yield from _asked_of_sentence(passage, start, end, chance)


def _asked_of_sentence(passage: Passage, start: int, end: int, chance: random.Random) -> Iterator[Example]:
    sentence = passage.text[start:end]
    options = [(span, word) for span, word in _blanks(sentence) if span[1] - span[0] < len(sentence) / 2]
    if not options:
        return
    (first, last), word = chance.choice(options)
    answer = sentence[first:last]
    question = _question(sentence, first, last, word, chance)
    if question is None:
        return
    spans = tuple(m.span() for m in re.finditer(rf"(?<!\w){re.escape(answer)}(?!\w)", passage.text))
    own = tuple(span for span in spans if start <= span[0] < end)
    if not own:
        return
    made = Example("cloze", question, passage.title, passage.text, own, relevant=True)
    yield made
    if len(spans) == len(own) and chance.random() < 0.5:
        rest = f"{passage.text[:start]}{passage.text[end:].lstrip()}"
        yield replace(made, text=rest, spans=(), relevant=None)
    elif (other := exchanged(question, passage.text, chance)) is not None:
        yield replace(made, question=other, spans=(), relevant=None)


def _blanks(sentence: str) -> list[tuple[tuple[int, int], str]]:
    """What can be asked for, and with which words."""
    found: list[tuple[tuple[int, int], str]] = []
    when = dates(sentence)
    found += [((d.start, d.end), "In what year" if len(d.text) == 4 else "When") for d in when]
    found += [((n.start, n.end), "How many") for n in numbers(sentence)]
    for name in names(sentence):
        if not any(start < name.end and name.start < end for (start, end), _ in found):
            placed = re.search(r"\b(?:in|at|near|from) (?:the )?$", sentence[: name.start])
            found.append(((name.start, name.end), "Where" if placed else "What"))
    return found


def _question(sentence: str, first: int, last: int, word: str, chance: random.Random) -> str | None:
    """The sentence around a blank as a question: the question word first, then the clause, with gaps."""
    before, after = sentence[:first], sentence[last:]
    before = re.sub(r"\b(?:in|on|at|of|by|from|since|until|near)(?: the)? $", "", before)
    left = re.split(r"[;:()]", before)[-1].split()[-LONGEST // 2 :]
    right = re.split(r"[;:()]", after)[0].strip(" .,").split()[: LONGEST // 2]
    kept = [w.strip('",') for w in (*left, *right) if chance.random() > DROPPED]
    if len(kept) < 4:
        return None
    if word == "What" and not left:
        word = chance.choice(("Who", "What", "Which"))
    return f"{word} {' '.join(kept)}?"


def exchanged(question: str, text: str, chance: random.Random) -> str | None:
    """The question with one of its names exchanged for another one of the passage."""
    inside = [name for name in names(question) if name.start > 0]
    others = [name.text for name in names(text) if name.text not in question]
    if not inside or not others:
        return None
    name = chance.choice(inside)
    return f"{question[: name.start]}{chance.choice(others)}{question[name.end :]}"
