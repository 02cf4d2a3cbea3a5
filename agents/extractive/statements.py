"""What one clause says: its subject, verb, objects and adjuncts become triples here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from kedge.agents.extractive.arguments import VAGUE, Argument, refer
from kedge.agents.extractive.descriptions import Fact, is_kind, kind_text, kinds
from kedge.agents.extractive.entities import Entities
from kedge.agents.extractive.lexicon import EXEMPLIFYING, KIN, LIGHT, NOMINATIVE, TELLING_BEFORE, VERBS
from kedge.agents.extractive.phrases import Phrase, head_noun
from kedge.agents.extractive.spans import lemma
from kedge.tools.knowledge_base.records import TripleDraft

__all__ = ["Clause"]

# With a common noun as object these say something to remember.
_TELLING: Final = VERBS - LIGHT


@dataclass(slots=True)
class Clause:
    """Where the reading of a clause stands. What it says goes to `found`, which all clauses share.

    First come `candidates`; the verb makes them the `subject`, and what follows is said of that.
    """

    entities: Entities
    found: list[TripleDraft]
    before: str = "."  # tag of what stood before the current unit
    candidates: list[Argument] = field(default_factory=list)
    joined: bool = False  # candidates stand in a list with "and"
    lost: bool = False  # the subject is a phrase that no argument stands for
    main: list[Argument] = field(default_factory=list)  # the subject of the first verb
    subject: list[Argument] = field(default_factory=list)
    verb: str = ""  # relation without preposition; "is" for links, "?" for one that is not understood
    linking: bool = False
    blocked: bool = False  # what follows is not said to be so
    complement: str = ""  # kind noun after "is", or common object: what an "of" would belong to
    relation: str = ""  # of the last object, for lists
    listed: str = ""  # tag of the last object: a list goes on with the same
    last_name: str = ""
    last_common: Phrase | None = None
    # Said before there was a subject: "In 1912", "Born in Lynn".
    pending: list[tuple[str, Phrase]] = field(default_factory=list)
    deferred: list[Fact] = field(default_factory=list)

    # What is found

    def add(self, subject: Argument, fact: Fact) -> None:
        """A triple, if its subject is one that can have triples."""
        if subject.noun or not fact.relation or not fact.object:
            return
        if subject.phrase is not None and subject.sure <= VAGUE and not self._is_definite(subject.phrase):
            return
        sure = round(subject.sure * fact.sure, 3)
        self.found.append(TripleDraft(subject.text, fact.relation, fact.object, sure))

    def _is_definite(self, phrase: Phrase) -> bool:
        """Whether a common noun is definite enough to be a subject: `the pump`, not `pumps`."""
        return (
            phrase.article in {"the", "this"}
            and not self.entities.title_is_person
            and self.listed in {"N", "D", "#"}
        )

    def name_noun(self, whole: Argument, text: str, sure: float) -> None:
        """`The capital of Arven is Tarn`: what the noun of something is."""
        self.found.append(TripleDraft(whole.text, whole.noun, text, sure))

    def describe(self, subject: Argument, phrase: Phrase, sure: float, *, unfinished: bool = False) -> None:
        """What a phrase says about its subject: its kind, its country, its year."""
        if subject.noun:
            return
        for fact in kinds(subject, phrase, sure, self.entities, unfinished=unfinished):
            self.add(subject, fact)
        head = head_noun(phrase.words)
        if subject.text == self.entities.title and head:
            self.entities.kinds.add(head)

    def _say(self, relation: str, argument: Argument) -> None:
        """The relation holds between the subject and `argument`."""
        if self.blocked or not relation or argument.noun:
            return
        self.relation, self.listed = relation, argument.tag
        if not self.subject:
            self.deferred.append(Fact(relation, argument.text, argument.sure))
            return
        for subject in self.subject:
            # Small talk is full of things ("I love music"); of speakers only names and dates are kept.
            if argument.sure > VAGUE or subject.text != self.entities.speaker:
                self.add(subject, Fact(relation, argument.text, argument.sure))

    def say_waiting(self) -> None:
        """What was said before the subject came: `In 1912`, `Born in Lynn`."""
        if not self.subject:
            return
        for relation, text, sure in self.deferred:
            for subject in self.subject:
                self.add(subject, Fact(relation, text, sure * 0.9))
        self.deferred = []
        for preposition, phrase in self.pending:
            argument = refer(phrase, self.entities)
            if argument is not None and phrase.is_value and not self.linking:
                for subject in self.subject:
                    self.add(subject, Fact(f"{self.verb} {preposition}", argument.text, 0.8))
        self.pending = []

    def _forget_object(self) -> None:
        self.complement = self.relation = ""

    # Objects

    def read_object(self, phrase: Phrase, last: str, *, unfinished: bool) -> None:
        """A noun phrase behind the verb; `last` is the tag right before it, `unfinished`: "of" follows."""
        argument = refer(phrase, self.entities)
        if argument is None or (phrase.name is not None and phrase.name.low in NOMINATIVE):
            self._forget_object()
            return
        in_list = self.before in ",c"
        if in_list and self.linking and phrase.is_common and self.subject:
            self._list_item(argument, phrase, unfinished=unfinished)
        elif in_list and self.relation:
            # "son of Paul of Corsham, Wiltshire": kin are joined by "and", places by commas.
            kin = self.relation.removesuffix(" of") in KIN and self.before == ","
            if argument.tag == self.listed and not kin:
                self._list_item(argument, phrase, unfinished=unfinished)
        elif (self.before in "VBGaAn" or last in "VBGaAn") and not self.blocked:
            if self.linking:
                self._complement(argument, phrase, unfinished=unfinished)
            else:
                self._first_object(argument, phrase, unfinished=unfinished)

    def _list_item(self, argument: Argument, phrase: Phrase, *, unfinished: bool) -> None:
        if not self.linking or not phrase.is_common:
            self._say(self.relation, argument)
        elif not argument.noun:
            for subject in self.subject:
                self.describe(subject, phrase, 0.9, unfinished=unfinished)
            self.relation, self.listed, self.complement = "is", "w", kind_text(phrase)

    def _first_object(self, argument: Argument, phrase: Phrase, *, unfinished: bool) -> None:
        """`married Ada`, `won the prize`: with "of" behind it a common noun is part of the relation."""
        self.complement = head_noun(phrase.words) if phrase.is_common and not argument.noun else ""
        if self.complement and unfinished:
            return
        if not phrase.is_common or lemma(self.verb) in _TELLING:
            self._say(self.verb, argument)

    def _complement(self, argument: Argument, phrase: Phrase, *, unfinished: bool) -> None:
        """What follows "is"."""
        for subject in self.subject:
            if subject.noun and (phrase.is_name or phrase.is_value):
                self.name_noun(subject, argument.text, 0.8)
            elif phrase.is_common and not argument.noun:
                if not is_kind(phrase):
                    self.blocked = True
                    return
                self.describe(subject, phrase, 0.95, unfinished=unfinished)
            elif not argument.noun:
                self.add(subject, Fact("is", argument.text, 0.85))
        self.relation, self.listed = "is", argument.tag
        self.complement = kind_text(phrase) if phrase.is_common else ""
        if phrase.is_common and argument.noun:
            for subject in self.subject:
                self.add(subject, Fact(f"{argument.noun} of", argument.text, 0.85))

    # Adjuncts

    def read_adjunct(self, preposition: str, phrase: Phrase) -> None:
        """A preposition with its noun phrase."""
        argument = refer(phrase, self.entities)
        if not self.verb:
            self._before_verb(preposition, phrase, argument)
        elif argument is not None and not argument.noun:
            self._after_verb(preposition, phrase, argument)
        else:
            self._forget_object()

    def _before_verb(self, preposition: str, phrase: Phrase, argument: Argument | None) -> None:
        if preposition == "of" and self.last_common is not None and argument is not None and self.candidates:
            noun = head_noun(self.last_common.words)
            named = phrase.is_name or argument.text == self.entities.title
            self.candidates = [Argument(argument.text, 0.8, noun)] if named and noun else []
        elif not self.candidates and not phrase.is_common:
            self.pending.append((preposition, phrase))
        elif self.complement and self.candidates and phrase.is_name and argument is not None:
            for subject in self.candidates:
                self.add(subject, Fact(f"{self.complement} {preposition}", argument.text, 0.8))
        elif self.candidates and not self.candidates[-1].noun and self.last_common is not None:
            self.candidates, self.lost = [], True

    def _after_verb(self, preposition: str, phrase: Phrase, argument: Argument) -> None:
        vague = phrase.is_common and argument.sure <= VAGUE
        if preposition in EXEMPLIFYING or (vague and preposition not in {"as", "of", "from"}):
            self._forget_object()
        elif (preposition == "of" and self.before == "N") or (
            preposition == "by" and self.before not in "VaD,"
        ):
            return  # belongs to the noun before it
        elif phrase.is_common and (self.verb not in TELLING_BEFORE or len(phrase.words) > 3):
            self._forget_object()
        elif phrase.tag == "#":
            self.relation = ""
        elif not self._hangs_loose(preposition, phrase):
            until = preposition == "to" and phrase.tag == "D"
            self._say(self._relation_with("until" if until else preposition), argument)
            self.complement = self.complement if self.linking else ""

    def _hangs_loose(self, preposition: str, phrase: Phrase) -> bool:
        """Whether it is not clear what the adjunct belongs to."""
        if self.verb == "?":
            return True
        of = preposition == "of"
        bare_link = self.linking and not self.complement
        if bare_link and (of or phrase.is_value or self.before not in "Ba"):
            return True
        return of and (self.before == "," or (not self.complement and self.before not in "Va"))

    def _relation_with(self, preposition: str) -> str:
        """`born in`, `capital of`, `take command of`."""
        if self.linking or not self.complement:
            return f"{self.complement or self.verb} {preposition}"
        return f"{self.verb} {self.complement} of" if preposition == "of" else f"{self.verb} {preposition}"
