"""What a question asks: its kind, the type of answer, its names, and the questions folded inside it.

A question is understood with a handful of patterns of English over closed word lists. What no pattern
covers is still a question with content words, names and an expected type, which is enough to read with.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kedge.agents.extractive._expecting import WH, expectation_of, focus_of, measure_of
from kedge.agents.extractive._vocabulary import (
    COMPARATIVES,
    EXPECTATIONS,
    GENERIC,
    KIN_IN_STEPS,
    NEGATIONS,
    REFERRING,
    RELATIONAL,
    Expects,
)
from kedge.agents.extractive.language import (
    STOP_WORDS,
    Span,
    lemma,
    names,
    singular,
    tokens,
    without_possessive,
)
from kedge.agents.extractive.lexicon import AUXILIARIES, COUNTRY_OF_DEMONYM, PREPOSITIONS, VERBS

__all__ = ["Comparison", "Description", "Question", "QuestionKind", "analyse"]

QuestionKind = Literal["span", "yes-no", "comparison", "explanation"]

# Nobody asks with more; a pasted document is cut before patterns run over it.
MAX_QUESTION: Final = 600


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two things and what is asked of both.

    `asked` is a question with `{}` for the thing. `operator`: the thing with the lowest or highest value
    is the answer, the values must be the same, both must be true, or the one that is true is the answer.
    """

    operands: tuple[str, str]
    operator: Literal["low", "high", "same", "both", "either", "before", "after"]
    asked: str


@dataclass(frozen=True, slots=True)
class Description:
    """A part of a question that stands for a name, `phrase`, and the question that finds the name."""

    phrase: str
    question: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question understood.

    `focus` is the noun asked for ("director", "capital"), `measure` what a number counts or
    measures ("ships" in "how many ships", "heavy" in "how heavy"), `keys` the content words outside the
    names, `dangling` a pronoun that nothing in the question explains ("When did *he* die?").
    """

    text: str
    kind: QuestionKind
    expects: Expects
    asked_with: str = ""
    focus: str = ""
    measure: str = ""
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    negated: bool = False
    plural: bool = False
    dangling: str = ""
    comparison: Comparison | None = None
    description: Description | None = None


def analyse(question: str, known: Sequence[str] = ()) -> Question:
    """Understand a question; anything is accepted, and only the first 600 characters are looked at.

    `known` names are taken as names whatever they look like.

    Example:
        >>> q = analyse("Where was the director of Loose Ankles buried?")
        >>> q.kind, q.expects, q.description
        ('span', 'place', Description(phrase='the director of Loose Ankles', \
question='Who is the director of Loose Ankles?', name='Loose Ankles'))
    """
    text = _together(_unfold_kinship(_clean(question)))
    words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text)
    lowered = [word.lower() for word in words]
    found = _names(text, known)
    asked_with, position = _question_word(lowered)
    comparison = _comparison(text)
    focus = focus_of(text, asked_with)
    expects = expectation_of(asked_with, focus, lowered[position + 1 : position + 3])
    words_left = _content(text, found)
    kind: QuestionKind = "span"
    if comparison is not None:
        kind = "comparison"
    elif lowered and not asked_with and lowered[0] in AUXILIARIES:
        kind, expects = "yes-no", "yes-no"
    elif _explains(asked_with, expects) or (found and not words_left and asked_with and not focus):
        kind = "explanation"
    return Question(
        text=text,
        kind=kind,
        expects=expects,
        asked_with=asked_with,
        focus=focus,
        measure=measure_of(text, focus) if expects == "number" else "",
        names=found,
        keys=words_left,
        negated=any(word in NEGATIONS or word.endswith("n't") for word in lowered),
        plural=bool(focus) and focus.endswith("s") and singular(focus) != focus,
        dangling=_dangling(lowered, found),
        comparison=comparison,
        description=None if comparison else _description(text, kind),
    )


def _explains(asked_with: str, expects: Expects) -> bool:
    return asked_with == "why" or (asked_with == "how" and expects == "phrase")


def _clean(question: str) -> str:
    head = unicodedata.normalize("NFC", question[: 4 * MAX_QUESTION])
    printable = "".join(c if c.isprintable() else " " for c in head)
    return " ".join(printable.replace("’", "'").split())[:MAX_QUESTION]


# --- names and words ---------------------------------------------------------------------------------------

_SMALL = r"(?:of|the|and|de|la|le|du|del|von|van|der|den|di|da|in|on|for|to|a|an|at|y|et|'n')"
_CAPITAL = r"(?:[A-Z0-9À-ÖØ-ÞĀ-ſ][^\s,;?!]*)"
_TITLE = rf"{_CAPITAL}(?:,? (?:{_SMALL} ){{0,2}}{_CAPITAL}| \([^)]*\))*"
_QUOTED = re.compile(r"[\"“”«»]([^\"“”«»]{2,100})[\"“”«»]")


def _names(text: str, known: Sequence[str]) -> tuple[str, ...]:
    quoted = [match.strip(" ,.?!") for match in _QUOTED.findall(text)]
    rest = _QUOTED.sub(" , ", text)
    found = [*quoted, *(_bracketed(rest, name) for name in names(rest, known))]
    opening = text.split(" ", 1)[0].strip("?,.").lower()
    return tuple(
        dict.fromkeys(n for n in found if n and n.lower() != opening and n.lower() not in _NOT_NAMES)
    )


def _bracketed(text: str, name: Span) -> str:
    """A name with the brackets that tell it from others: "Carol (2015 film)"."""
    first, _, last = name.text.rpartition(" ")
    if first and last in COUNTRY_OF_DEMONYM:  # "Is Ada Lund Danish?"
        return first
    brackets = re.match(r" \([^)]*\)", text[name.end :])
    return name.text + brackets.group() if brackets else name.text


_NOT_NAMES: Final = frozenset(
    {*WH, *AUXILIARIES, "the", "in", "i", "name", "list", "tell", "give", "ad", "bc"}
)


def _question_word(words: list[str]) -> tuple[str, int]:
    """The word that asks, and where: the first one, unless the sentence opens as a statement."""
    if words and words[0] in AUXILIARIES:
        return "", 0
    for position, word in enumerate(words):
        relative = word in ("who", "which", "where", "when", "whose") and position > 1
        if word in WH and not relative:
            return word, position
    for position in range(len(words) - 1, -1, -1):
        if words[position] in WH:
            return words[position], position
    return "", 0


def _content(text: str, found: tuple[str, ...]) -> tuple[str, ...]:
    """The words that carry meaning, outside the names, as they are written."""
    for name in sorted(found, key=len, reverse=True):
        text = text.replace(name, " ")
    written = (without_possessive(token.text) for token in tokens(text))
    return tuple(dict.fromkeys(w for w in written if w[:1].isalnum() and w.lower() not in _PLAIN))


_PLAIN: Final = (
    STOP_WORDS | GENERIC | frozenset((*WH, *AUXILIARIES, "name", "names", "both", "kind", "type", "list"))
)


def _dangling(words: list[str], found: tuple[str, ...]) -> str:
    """A pronoun with no name and no noun before it that it could mean."""
    if found:
        return ""
    for position, word in enumerate(words[:8]):
        if word in REFERRING:
            expletive = word == "it" and (
                {"that", "to", "possible", "called"} & set(words[position + 1 : position + 4])
                or words[:2] in (["what", "time"], ["what", "day"])
            )
            before = [w for w in words[:position] if w not in WH and w not in AUXILIARIES and w != "the"]
            return "" if expletive or len(before) > 1 else word
    return ""


# --- comparisons -------------------------------------------------------------------------------------------

_AUX = r"(?:Are|Were|Is|Was|Do|Does|Did|Have|Has|Had)"
_EITHER = (
    rf"(?P<a>(?:\"[^\"]+\"|{_TITLE})),? or "
    r"(?:the )?(?:(?:film|movie|book|song) )?(?P<b>[A-Z0-9\"À-ÖØ-ÞĀ-ſ].*?)\??$"
)
_OR = re.compile(rf"(?P<body>.+?)(?:[,:;] (?:between |out of )?| between | out of )(?:the )?{_EITHER}")
_OR_BARE = re.compile(rf"(?P<body>.+? [a-z]+) {_EITHER}")
_BETWEEN = re.compile(
    rf"(?:Between|Of|Out of|From) (?P<a>{_TITLE}),? (?:and|or) (?P<b>{_TITLE}),? "
    r"(?P<body>(?:who|which|what)\b.+?)\??$"
)
_BOTH = re.compile(
    rf"{_AUX} (?P<head>(?:[a-z,]+ )*)(?P<a>\"[^\"]+\"|{_TITLE}?),? and "
    rf"(?:the (?:[a-z]+ )?)?(?:[a-z]+ of )?(?:films? |the )?(?P<b>\"[^\"]+\"|{_TITLE}),? "
    r"(?P<rest>[a-z].+?)\??$"
)
_ORDER = re.compile(
    r"(?:Did|Was|Were|Had|Has|Does) (?P<one>\S.{12,}?) (?P<op>before|after) (?P<other>(?:\S+ ){2,}.+?)\??$"
)
_ROLE = re.compile(
    r"\b(?:has|have|had|having|with|whose) (?:the |a |an |their )?([a-z]+?)s?\b"
    r"(?= (?:who|that|is|was|were|are|born|died|from|die|of)\b)"
)
_SAME = re.compile(r"\b(?:the )?same (?P<what>[a-z]+)(?: (?P<rest>.+))?")


def _comparison(text: str) -> Comparison | None:
    for pattern in (_BETWEEN, _OR, _OR_BARE):
        match = pattern.match(text)
        if match:
            return _choice(match["body"].strip(" ,"), (match["a"], match["b"]))
    match = _BOTH.match(text)
    if match and (agreement := _agreement(match)):
        return agreement
    match = _ORDER.match(text)
    return Comparison((match["one"], match["other"]), match["op"], "{}") if match else None  # type: ignore[arg-type]


def _choice(body: str, operands: tuple[str, str]) -> Comparison | None:
    """ "Who was born first, A or B?": the operand with the lowest or highest value, or the one that fits."""
    words = re.findall(r"[a-z'-]+", body.lower())
    if not words or not ({*WH} & set(words) or words[0] in AUXILIARIES):
        return None
    role = _ROLE.search(body)
    place = f"the {role.group(1)} of {{}}" if role else "{}"
    compared = next(
        (w for w, after in zip(words, [*words[1:], ""], strict=True) if _compares(w, after)), None
    )
    operands = (_operand(operands[0]), _operand(operands[1]))
    if compared is None:
        # "Which play is set ..." has its verb behind a noun that is spelt like one.
        start = next((i for i, word in enumerate(words) if i and word in AUXILIARIES), 0) or next(
            (i for i, word in enumerate(words) if i and lemma(word) in VERBS), 0
        )
        if not start or words[0] in AUXILIARIES:
            return None
        predicate = body.split(" ", start)[-1]
        be = words[start] if words[start] in ("is", "was") else ""
        asked = (
            f"{be.capitalize()} {{}} {predicate.removeprefix(be).strip()}?"
            if be
            else f"Did {{}} {predicate}?"
        )
        return Comparison(operands, "either", asked)
    operator, scale = COMPARATIVES[compared]
    if scale == "length" and {"lived", "live", "life"} & set(words):
        return Comparison(operands, operator, "How long did {} live?")
    return Comparison(operands, operator, _asked(words, compared, scale, place, person=_of_person(words)))


def _of_person(words: list[str]) -> bool:
    return words[0] == "who" or any(EXPECTATIONS.get(word) == "person" for word in words[1:4])


def _compares(word: str, following: str) -> bool:
    return word in COMPARATIVES and not (word in ("more", "most", "less") and following in COMPARATIVES)


def _asked(words: list[str], compared: str, scale: str, thing: str, *, person: bool) -> str:
    """The question whose answer is compared, with `thing` for what it is asked of."""
    content = set(words)
    if scale == "date":
        if {"died", "die", "death", "dies"} & content:
            return f"When did {thing} die?"
        ages = {"older", "younger", "oldest", "youngest"}
        if {"born", "birth"} & content or (compared in ages and (person or thing != "{}")):
            return f"When was {thing} born?"
        for verb in ("founded", "established", "built", "opened", "formed", "created", "started", "completed",
                     "published", "signed", "launched", "invented", "discovered"):  # fmt: skip
            if verb in content:
                return f"When was {thing} {verb}?"
        return (
            f"When was {thing} released?"
            if "film" in content or "out" in content
            else f"When was {thing} released or founded?"
        )
    if scale == "number":
        after = words[words.index(compared) + 1 :]
        noun = " ".join(word for word in after[:2] if word not in (*AUXILIARIES, "than", "in", "of", "for"))
        return f"How many {noun} does {thing} have?"
    noun = next((word for word in words if EXPECTATIONS.get(word) == "number"), scale)
    return f"What is the {noun} of {thing}?"


def _agreement(match: re.Match[str]) -> Comparison | None:
    """ "Are A and B both ...?": the same value, or a predicate true of both."""
    head, rest = match["head"], match["rest"]
    of = re.search(r"\b([a-z]+?)s? of\b", head) if "both of" not in head else None
    role = of or _ROLE.search(rest)
    thing = f"the {role.group(1)} of {{}}" if role and role.group(1) not in ("film", "one") else "{}"
    operands = (_operand(match["a"]), _operand(match["b"]))
    same = _SAME.search(rest)
    if same:
        what = same["what"]
        if what in ("country", "nationality", "nation", "citizenship"):
            return Comparison(operands, "same", f"What country is {thing} from?")
        before = rest[: same.start()].strip()
        verb, _, preposition = before.partition(" ")
        if what == "place" and verb.endswith(("ed", "t", "n")):
            return Comparison(operands, "same", f"Where was {thing} {verb}?")
        if what in ("year", "date", "day", "time"):
            return Comparison(operands, "same", f"When was {thing} {rest.split(' ')[0]}?")
        if preposition == "by" and verb.endswith(("ed", "t", "n")):
            return Comparison(operands, "same", f"By which {what} was {thing} {verb}?")
        if before.split(" ")[0].endswith(("ed", "t", "n")):  # "built by the same yard"
            return Comparison(operands, "same", f"Which {what} was {thing} {before}?")
        return Comparison(operands, "same", f"What {what} is {thing} in?")
    if (
        "both" in head.split()
        or re.match(r"(?:\w+ )?both\b", rest)
        or match[0].startswith(("Are", "Were", "Do", "Have"))
    ):
        auxiliary = {"are": "Is", "were": "Was", "do": "Does", "have": "Has"}.get(
            match[0].split()[0].lower(), "Did"
        )
        predicate = re.sub(r"\bboth ?", "", rest)
        return Comparison(operands, "both", f"{auxiliary} {thing} {predicate}?")
    return None


def _operand(name: str) -> str:
    return name.strip(' ,?"').removeprefix("the ")


# --- questions inside questions ----------------------------------------------------------------------------

_NAMED = rf"(?:\"[^\"]+\"|{_TITLE})"
_KINDS = (
    r"(?:(?:the )?(?:film|movie|song|book|novel|album|series|show|game|video game|company|band|play|city"
    r"|country|town) )?"
)
_OF = re.compile(rf"\b(?:[Tt]he )?(?P<role>(?:[a-z-]+ )?[a-z-]+) of (?:the )?{_KINDS}(?P<name>{_NAMED})")
_POSSESSIVE = re.compile(rf"(?P<name>{_NAMED})'s? (?P<role>[a-z-]+)\b")
_CLAUSE = re.compile(
    r"\bthe (?P<noun>(?:(?!of |the )[A-Za-z-]+ ){0,3}?[a-z]+)"
    r"(?P<link> (?:who|that|which|where|in which)\b"
    r"| (?=(?:once |first |later )?"
    r"(?:[a-z]+ed|built|cast|made|written|led|run|kept|won|sung|held|sold|bought)"
    r" (?:by|in|at|with|for|from|on)\b))"
    r"(?P<clause> ?[^,?]{6,}?)(?=,|\?|$)"
)


_APART: Final = re.compile(
    r"(?P<head>(?:(?:On|In|At|From) (?:which|what) [a-z]+|When|Where|How|Why) (?:was|were|is|are|did|does))"
    r" (?P<noun>the [a-z][^,?]*?) (?P<verb>[a-z]+(?:ed|n|t|e)) (?P<clause>(?:who|that|which) [^?]+)\?*"
)


def _together(text: str) -> str:
    """A relative clause put back behind its noun: "the engineer born who" as "the engineer who ... born"."""
    match = _APART.fullmatch(text)
    if match is None or lemma(match["verb"]) not in VERBS or match["verb"] in AUXILIARIES:
        return text
    if {*WH, "that"} & set(match["noun"].split()):
        return text
    return f"{match['head']} {match['noun']} {match['clause'].strip()} {match['verb']}?"


def _unfold_kinship(text: str) -> str:
    for compound, (outer, inner) in KIN_IN_STEPS.items():
        if compound in text:
            text = re.sub(rf"({_NAMED})'s {compound}", rf"the {outer} of the {inner} of \1", text)
            text = re.sub(rf"(?:the )?{compound} of ", f"the {outer} of the {inner} of ", text)
    return text


def _description(text: str, kind: QuestionKind) -> Description | None:
    """The innermost description that stands for a name, if something is asked beyond it."""
    for pattern in (_OF, _POSSESSIVE):
        for match in reversed(list(pattern.finditer(text))):
            role = match["role"].split()[-1]
            if role in RELATIONAL and _asks_more(text, match):
                wh = "Who" if EXPECTATIONS.get(role) == "person" or role == "spouse" else "What"
                return Description(match[0], f"{wh} is the {role} of {match['name']}?", match["name"])
    clause = _CLAUSE.search(_without_last_verb(text))
    if clause and PREPOSITIONS & set(clause["noun"].split()):
        return None
    if clause and kind == "span" and _asks_more(text, clause) and not {*WH} & set(clause["clause"].split()):
        return Description(clause[0].strip(), _clause_question(clause))
    return None


def _without_last_verb(text: str) -> str:
    """In "When did the yard that A founded close?" the last word is the verb of the outer question."""
    match = re.fullmatch(
        r"(?P<rest>(?:(?:On|In|At|From) (?:which|what) \w+|When|Where|How|Why) \w+ .*? (?P<before>[\w']+))"
        r" (?P<verb>[a-z]+)(?P<to> to [a-z]+)?\?*", text
    )  # fmt: skip
    if match is None or match["before"] in AUXILIARIES or lemma(match["verb"]) not in VERBS:
        return text
    clause = re.search(r"\b(?:who|that|which|where) (.+)", match["rest"])
    if clause and not match["to"] and not any(map(_verbal, clause[1].split())):
        return text  # "the academy where she studied"
    return match["rest"]


def _verbal(word: str) -> bool:
    return word in AUXILIARIES or (word.islower() and lemma(word) in VERBS)


def _clause_question(match: re.Match[str]) -> str:
    noun, link, clause = match["noun"], match["link"].strip(), match["clause"].strip()
    if not link:  # "the newspaper founded by"
        return f"Which {noun} was {clause}?"
    if link in ("where", "in which"):
        return f"In which {noun} {clause}?"
    if noun.split()[-1] in ("man", "woman", "person", "boy", "girl"):
        return f"Who {clause}?"
    return f"Which {noun} {clause}?"


def _asks_more(text: str, match: re.Match[str]) -> bool:
    """Whether a relation is left in the question when the description is taken out."""
    rest = f"{text[: match.start()]} {text[match.end() :]}"
    return any(w not in _PLAIN and w not in ("full", "real") for w in re.findall(r"[a-z]+", rest.lower()))
