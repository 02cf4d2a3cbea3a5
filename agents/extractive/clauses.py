"""The clauses of a sentence, read from left to right as subject, verb, objects and prepositional phrases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kedge.agents.extractive.arguments import Argument, name_of, refer
from kedge.agents.extractive.descriptions import Fact, aside, kinship
from kedge.agents.extractive.entities import Entities
from kedge.agents.extractive.lexicon import LINKING, NOMINATIVE, PERSON_NOUNS, THING_NOUNS
from kedge.agents.extractive.phrases import (
    Phrase,
    VerbGroup,
    head_noun,
    is_participle,
    noun_phrase,
    of_follows,
    verb_group,
)
from kedge.agents.extractive.statements import Clause
from kedge.agents.extractive.units import Unit, tag_at
from kedge.tools.knowledge_base.records import TripleDraft

__all__ = ["Clauses"]

_LONGEST_PARENTHESIS = 80


class Clauses:
    """Reads the sentences of one chunk; `entities` carries over who is talked about.

    The methods that take a unit's index return the index to go on from.
    """

    def __init__(self, entities: Entities) -> None:
        self.entities = entities
        self._opening = True
        self._begin(())

    def read(self, units: Sequence[Unit]) -> list[TripleDraft]:
        """Triples of one sentence."""
        self._begin(units)
        at = 0
        while at < len(units):
            at = max(self._step(at), at + 1)
            self._clause.before = self._tag(at - 1)
        self._remember_subject()
        self._opening = False
        return self._found

    def _begin(self, units: Sequence[Unit]) -> None:
        self._units = units
        self._found: list[TripleDraft] = []
        self._clause = Clause(self.entities, self._found)

    def _step(self, at: int) -> int:
        tag = self._tag(at)
        if tag == "(":
            return self._parenthesis(at)
        if tag in "NDdSPw#":
            return self._noun(at)
        if tag in "BAVG" or (tag in "na" and self._tag(at + 1) in "BAVGan"):
            return self._verb(at)
        if tag in "it":
            return self._adjunct(at)
        if tag == "R":
            return self._relative(at)
        if tag in "s.":
            self._close()
        return at + 1

    def _tag(self, at: int) -> str:
        return tag_at(self._units, at)

    def _close(self) -> None:
        """A subordinator or semicolon: nothing said so far goes on behind it."""
        self._remember_subject()
        kept = self._clause.main or self._clause.candidates
        self._clause = Clause(self.entities, self._found, main=kept)

    def _remember_subject(self) -> None:
        for argument in self._clause.main[:1]:
            if not argument.noun and argument.sure >= 0.7:
                self.entities.saw_subject(argument.text)

    # Nouns

    def _noun(self, at: int) -> int:
        phrase = noun_phrase(self._units, at)
        if phrase is None:
            return at + 1
        self._read_inside(phrase)
        if self._clause.verb and self._opens_clause(phrase):
            self._remember_subject()
            waiting = [] if self._clause.subject else self._clause.deferred
            self._clause = Clause(self.entities, self._found, self._clause.before, deferred=waiting)
        clause = self._clause
        if not clause.verb:
            self._subject(phrase)
        elif clause.before not in ",c" or not self._is_apposition(phrase):
            clause.read_object(phrase, self._tag(at - 1), unfinished=of_follows(self._units, phrase))
        if phrase.is_name:
            clause.last_name = name_of(phrase, self.entities)
        clause.last_common = phrase if phrase.is_common else None
        return phrase.end

    def _read_inside(self, phrase: Phrase) -> None:
        """What a phrase says by itself: `the novelist Radclyffe Hall`, `his wife Ada`."""
        if phrase.is_name and phrase.owner is None and phrase.words:
            head = phrase.words[-1].low
            if head in PERSON_NOUNS or head in THING_NOUNS:
                self._clause.describe(Argument(name_of(phrase, self.entities), 0.9), phrase, 0.85)
        if found := kinship(self._units, phrase, self.entities):
            owner, fact = found
            self._clause.add(Argument(owner, 0.85), fact)

    def _opens_clause(self, phrase: Phrase) -> bool:
        """Whether a noun behind a verb and its objects is the subject of a new clause."""
        end = phrase.end
        if self._tag(end) == "(":
            end = self._closing(end) + 1
        while self._tag(end) == "a":
            end += 1
        if self._tag(end) in "BA":
            return True
        begins = self._tag(phrase.start - 1) in ",cs)aRD-" or _is_nominative(phrase)
        return self._tag(end) == "V" and begins and not is_participle(self._units, end)

    # Subjects

    def _subject(self, phrase: Phrase) -> None:
        clause = self._clause
        if clause.candidates and (self._is_beside_subject(phrase) or phrase.is_value):
            return
        argument = refer(phrase, self.entities)
        if _is_nominative(phrase):
            clause.candidates = []
        if clause.candidates and argument is not None and phrase.is_name:
            whole = clause.candidates[-1]
            if whole.noun and clause.before == ",":
                # "The last king of Arven, Osric IX,"
                clause.candidates.pop()
                clause.name_noun(whole, argument.text, 0.75)
        if self._opening and argument is not None and phrase.is_name and not clause.candidates:
            argument = self._title_for(argument)
        if argument is None or clause.before not in ",c":
            clause.candidates = []
            clause.lost = argument is None
        clause.joined = clause.joined or clause.before == "c"
        if argument is not None and not clause.lost:
            clause.candidates.append(argument)

    def _is_beside_subject(self, phrase: Phrase) -> bool:
        """Whether a phrase before the verb describes the subject found: `Ada, a British painter,`."""
        clause = self._clause
        if clause.before == "c" and clause.complement:
            return True
        unfinished = of_follows(self._units, phrase)
        head = head_noun(phrase.words)
        subject = clause.candidates[-1]
        opens = phrase.article or (head in PERSON_NOUNS and unfinished)
        if clause.before != "," or not opens or subject.noun or not phrase.is_common or not phrase.words:
            return False
        clause.describe(subject, phrase, 0.85, unfinished=unfinished)
        clause.complement = head
        return True

    def _title_for(self, argument: Argument) -> Argument:
        """The long form of the title that opens an article means the title."""
        longer, title = argument.text, self.entities.title
        if longer == title or not self.entities.is_title_variant(longer):
            return argument
        self.entities.alias(longer)
        argument = replace(argument, text=title)
        self._clause.add(argument, Fact("also known as", longer, 0.95))
        return argument

    def _is_apposition(self, phrase: Phrase) -> bool:
        """A description behind the last name, which is read: `..., a painter` or `..., daughter of X`."""
        clause = self._clause
        if not clause.last_name or not phrase.is_common or phrase.owner is not None or clause.before != ",":
            return False
        head = head_noun(phrase.words)
        is_of = self._tag(phrase.end) == "i" and self._units[phrase.end].low == "of"
        singular = phrase.article in {"a", "an", "the"} or is_of
        if self._tag(phrase.start - 2) not in "N)" or not singular or head not in PERSON_NOUNS | THING_NOUNS:
            return False
        # Behind a place the description goes back to the subject: "born at Lynn, the son of Ada".
        placed = clause.relation.rpartition(" ")[2] in {"in", "at", "near", "from", "to"}
        to = Argument(clause.last_name, 0.9)
        if placed and head in PERSON_NOUNS and clause.subject:
            to = clause.subject[0]
        if is_of:
            clause.subject, clause.verb, clause.linking, clause.complement = [to], "is", True, head
        else:
            clause.describe(to, phrase, 0.85)
        return True

    # Verbs

    def _verb(self, at: int) -> int:
        end, verb = verb_group(self._units, at)
        clause = self._clause
        reduced = self._choose_subject(at, understood=verb is not None)
        clause.blocked = verb is None or verb.blocked or reduced is None
        if verb is not None and not clause.blocked:
            participle = (
                verb.passive or (reduced and not verb.active) or self._is_bare_participle(at, end, verb)
            )
            clause.linking = verb.base == "be" or (verb.base in LINKING and not verb.passive)
            clause.verb = "is" if clause.linking else verb.low if participle else verb.base
        clause.verb = clause.verb or "?"
        clause.relation = clause.complement = ""
        if not clause.blocked:
            clause.say_waiting()
        return end

    def _is_bare_participle(self, at: int, end: int, verb: VerbGroup) -> bool:
        alone = end - at == 1 and self._tag(at) == "V"
        return alone and (verb.low == "born" or is_participle(self._units, at))

    def _choose_subject(self, at: int, *, understood: bool) -> bool | None:
        """Settle whose verb this is. True: of a noun right before it (`a film directed`). None: unknown."""
        clause = self._clause
        if not clause.verb:
            return self._first_verb(at)
        if clause.before in ",c":
            if "," in (clause.before, self._tag(at - 2)):
                clause.subject = clause.main
            return False if clause.subject else None
        if clause.before in "Nw)D" and self._tag(at) in "VG":
            return self._reduced(at, understood=understood)
        goes_on = clause.before in "RAa" or (clause.before == "i" and self._tag(at) == "G")
        return False if goes_on else None

    def _first_verb(self, at: int) -> bool | None:
        clause = self._clause
        # Without "and" only the first is the subject: "Ada Reed, O.S.A., was".
        clause.candidates = clause.candidates if clause.joined else clause.candidates[:1]
        clause.subject = clause.main = clause.candidates
        if clause.before == "t":
            return None
        # Without a subject only "Born in Lynn, ..." waits for one; "Looking forward to it" does not.
        if not clause.candidates and not (clause.before == "." and self._tag(at + 1) in "it"):
            return None if self._tag(at) != "V" or clause.pending else False
        return False

    def _reduced(self, at: int, *, understood: bool) -> bool | None:
        """`a film directed by`, `Casino, directed by`: a participle that belongs to the noun before it."""
        clause = self._clause
        if clause.linking and clause.complement and clause.before != "N":
            return True
        named = clause.last_name and clause.before in "N)"
        if named and understood and is_participle(self._units, at):
            if not clause.relation.endswith(" by"):
                clause.subject = [Argument(clause.last_name, 0.75)]
            return True
        return None

    def _relative(self, at: int) -> int:
        clause = self._clause
        low = self._units[at].low
        if self._tag(at - 1) == "i" or low in {"whose", "whom", "when", "where"}:
            self._close()
            return at + 1
        if self._tag(at + 1) not in "BAVan":
            # "the film that he made": the noun before is an object of what follows.
            self._close()
            return at + 1
        if not clause.verb:
            # "Ada, who was born in Lynn, moved": nothing is read inside, the subject stays.
            return self._behind_relative(at)
        if low == "which" and clause.relation.endswith(" by"):
            return at + 1
        noun_at = at - 2 if self._tag(at - 1) == "," else at - 1
        if self._tag(noun_at) == "N" and clause.last_name:
            clause.subject = [Argument(clause.last_name, 0.8)]
        elif not (clause.linking and clause.complement):
            clause.subject, clause.blocked = [], True
            return self._behind_relative(at)
        return at + 1

    def _behind_relative(self, at: int) -> int:
        end = at + 1
        while self._tag(end) not in ",.":
            end += 1
        return end

    # Prepositions and parentheses

    def _adjunct(self, at: int) -> int:
        clause = self._clause
        phrase = noun_phrase(self._units, at + 1)
        if phrase is None:
            return at + 1
        opens_clause = self._tag(phrase.end) in "BA" and self._tag(at - 1) in ",c"
        if clause.verb and not phrase.is_value and opens_clause:
            return at + 1
        self._read_inside(phrase)
        clause.read_adjunct(self._units[at].low, phrase)
        if phrase.is_name:
            clause.last_name = name_of(phrase, self.entities)
        return phrase.end

    def _parenthesis(self, at: int) -> int:
        close = self._closing(at)
        inside = [unit for unit in self._units[at + 1 : close] if unit.tag != "a"]
        subject = self._named_before(at)
        if subject is not None and not subject.noun:
            person = subject.text == self.entities.title and self.entities.title_is_person
            for fact in aside(inside, person=person):
                self._clause.add(subject, fact)
        return close + 1

    def _named_before(self, at: int) -> Argument | None:
        """What a name right before a parenthesis refers to."""
        clause = self._clause
        if self._tag(at - 1) != "N":
            return None
        if not clause.verb and clause.candidates:
            titles = [c for c in clause.candidates if c.text == self.entities.title]
            return (titles or clause.candidates)[-1]
        return Argument(clause.last_name, 0.9) if clause.last_name else None

    def _closing(self, at: int) -> int:
        """The index of the parenthesis that closes the one at `at`, or of the end."""
        depth, end = 0, min(len(self._units), at + _LONGEST_PARENTHESIS)
        for index in range(at, end):
            depth += {"(": 1, ")": -1}.get(self._tag(index), 0)
            if depth == 0:
                return index
        return end


def _is_nominative(phrase: Phrase) -> bool:
    return phrase.name is not None and phrase.tag == "P" and phrase.name.low in NOMINATIVE
