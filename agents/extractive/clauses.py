"""The clauses of a sentence, read from left to right as subject, verb, objects and prepositional phrases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kedge.agents.extractive.entities import Entities, tidy
from kedge.agents.extractive.lexicon import (
    COUNTRY_OF_DEMONYM,
    EXEMPLIFYING,
    KIN,
    LIGHT,
    LINKING,
    NAMING,
    OPINION,
    PARTICIPLES,
    PERSON_ENDINGS,
    PERSON_NOUNS,
    STOP_WORDS,
    THING_NOUNS,
    TIME_NOUNS,
    UNFULFILLED,
    UNREAL,
    VERBS,
    WORKS,
)
from kedge.agents.extractive.phrases import Phrase, head_noun, kind_words, noun_phrase
from kedge.agents.extractive.spans import lemma
from kedge.agents.extractive.units import Unit
from kedge.tools.knowledge_base.records import TripleDraft

__all__ = ["Clauses"]


@dataclass(slots=True)
class _Argument:
    """A possible subject: what it is called, how sure that is, and the noun of "X's noun"."""

    text: str
    sure: float
    noun: str = ""
    phrase: Phrase | None = None


@dataclass(slots=True)
class _State:
    """Where the reading of a clause stands."""

    candidates: list[_Argument] = field(default_factory=list)
    main: list[_Argument] = field(default_factory=list)
    subject: list[_Argument] = field(default_factory=list)
    verb: str = ""  # relation without preposition; "is" for links
    linking: bool = False
    blocked: bool = False
    complement: str = ""  # kind noun after "is", or common object: what an "of" would belong to
    relation: str = ""  # of the last object, for lists
    listed: str = ""  # tag of the last object: a list goes on with the same
    last_name: str = ""
    last_common: Phrase | None = None
    pending: list[tuple[str, Phrase]] = field(default_factory=list)
    deferred: list[tuple[str, str, float]] = field(default_factory=list)
    joined: bool = False  # candidates stand in a list with "and"
    lost: bool = False  # the subject is a phrase that no argument stands for
    before: str = "."  # what stood before the current unit


class Clauses:
    """Reads the sentences of one chunk; `entities` carries over who is talked about."""

    def __init__(self, text: str, entities: Entities) -> None:
        self.text = text
        self.entities = entities
        self.first = True
        self.units: Sequence[Unit] = ()
        self.found: list[TripleDraft] = []
        self.state = _State()

    def read(self, units: Sequence[Unit]) -> list[TripleDraft]:
        """Triples of one sentence."""
        self.units, self.found, self.state = units, [], _State()
        at = 0
        while at < len(units):
            at = max(self._step(at), at + 1)
            self.state.before = self._tag(at - 1)
        self._remember()
        self.first = False
        return self.found

    def _step(self, at: int) -> int:
        tag = self.units[at].tag
        if tag == "(":
            return self._parenthesis(at)
        if tag in "NDdSPw#":
            return self._noun(at)
        if tag in "BAVG":
            return self._verb(at)
        if tag == "n" or tag == "a":
            return self._verb(at) if self._tag(at + 1) in "BAVGan" else at + 1
        if tag in "it":
            return self._adjunct(at)
        if tag == "R":
            return self._relative(at)
        if tag == "s" or tag == ".":
            self._close()
        return at + 1

    def _tag(self, at: int) -> str:
        return self.units[at].tag if 0 <= at < len(self.units) else "."

    def _close(self) -> None:
        """A subordinator or semicolon: nothing said so far goes on behind it."""
        keep = self.state.main or self.state.candidates
        self._remember()
        self.state = _State(main=keep)

    def _remember(self) -> None:
        for argument in self.state.main[:1]:
            if not argument.noun and argument.sure >= 0.7:
                self.entities.saw_subject(argument.text)

    # Arguments

    def _argument(self, phrase: Phrase) -> _Argument | None:
        """What a phrase refers to, or None when that is unclear or says nothing."""
        if phrase.is_name:
            return _Argument(self._name(phrase.name), 0.95, phrase=phrase)
        if phrase.name is not None and phrase.name.tag == "P":
            who = self.entities.pronoun(phrase.name.low)
            return _Argument(who, 0.8, phrase=phrase) if who else None
        if phrase.is_value:
            return _Argument(tidy(phrase.label), 0.9, phrase=phrase)
        head = head_noun(phrase.words)
        if phrase.owner is not None:
            owner = self._owner(phrase.owner)
            return (
                _Argument(owner, 0.8, lemma(head) if head in KIN else head, phrase)
                if owner and head
                else None
            )
        if phrase.article in {"the", "this"}:
            who = self.entities.description(head)
            if who and len(kind_words(phrase.words)) <= 1:
                return _Argument(who, 0.75, phrase=phrase)
        if any(unit.tag == "N" for unit in phrase.words):
            return _Argument(self._slice(phrase.words), 0.7, phrase=phrase)
        words = kind_words(phrase.words)
        if (
            not words
            or words[-1].low in TIME_NOUNS
            or len(phrase.words) > 6
            or words[-1].low in STOP_WORDS
            or len(words[-1].low) < 3
        ):
            return None
        return _Argument(self._slice(words), 0.6, phrase=phrase)

    def _slice(self, words: Sequence[Unit]) -> str:
        """The text of words that may have gaps between them."""
        return tidy(" ".join(unit.text for unit in words))

    def _name(self, unit: Unit | None) -> str:
        return self.entities.resolve_name(unit.text) if unit is not None else ""

    def _owner(self, owner: Phrase | Unit) -> str | None:
        if isinstance(owner, Unit):
            return self.entities.pronoun(owner.low)
        argument = self._argument(owner)
        named = argument is not None and not argument.noun and (owner.is_name or owner.article == "the")
        return argument.text if argument is not None and named and argument.sure > 0.6 else None

    # Emitting

    def _emit(self, subject: _Argument, relation: str, text: str, sure: float) -> None:
        if subject.phrase is not None and subject.sure <= 0.6 and not self._worth(subject.phrase):
            return
        if not subject.noun and relation and text:
            self.found.append(TripleDraft(subject.text, relation, text, round(subject.sure * sure, 3)))

    def _worth(self, phrase: Phrase) -> bool:
        """Whether a common noun is definite enough to be a subject: `the pump`, not `pumps`."""
        return (
            phrase.article in {"the", "this"}
            and not self.entities.title_is_person
            and self.state.listed in set("ND#")
        )

    def _say(self, relation: str, argument: _Argument) -> None:
        """The relation holds between the subject and `argument`."""
        state = self.state
        if state.blocked or not relation or argument.noun:
            return
        state.relation, state.listed = relation, _kind(argument)
        if not state.subject:
            state.deferred.append((relation, argument.text, argument.sure))
            return
        for subject in state.subject:
            # Small talk is full of things ("I love music"); of speakers only names and dates are kept.
            if argument.sure > 0.6 or subject.text != self.entities.speaker:
                self._emit(subject, relation, argument.text, argument.sure)

    # Nouns

    def _noun(self, at: int) -> int:
        phrase = noun_phrase(self.units, at)
        if phrase is None:
            return at + 1
        self._describe(phrase)
        end = self._introduce(phrase)
        state = self.state
        if state.verb and self._opens_clause(phrase, at):
            self._remember()
            waiting = [] if state.subject else state.deferred
            self.state = state = _State(before=state.before, deferred=waiting)
        if not state.verb:
            self._subject(phrase)
        elif state.before in ",c" and self._appositive(phrase, at):
            pass
        else:
            self._object(phrase, at)
        if phrase.is_name:
            state.last_name = self._name(phrase.name)
        state.last_common = None if phrase.name is not None else phrase
        return end

    def _opens_clause(self, phrase: Phrase, at: int) -> bool:
        """Whether a noun behind a verb and its objects is the subject of a new clause."""
        end = phrase.end
        if self._tag(end) == "(":
            end = self._closing(end) + 1
        while self._tag(end) == "a":
            end += 1
        following = self._tag(end)
        if following in "BA":
            return True
        if following != "V" or (self._tag(at - 1) not in ",cs)aRD-" and not self._is_nominative(phrase)):
            return False
        return not self._is_participle(end)

    @staticmethod
    def _is_nominative(phrase: Phrase) -> bool:
        return (
            phrase.name is not None
            and phrase.name.tag == "P"
            and phrase.name.low in {"he", "she", "i", "they", "we"}
        )

    def _is_participle(self, at: int) -> bool:
        if self._tag(at + 1) in "it":
            return self.units[at].low in PARTICIPLES or self.units[at + 1].low == "by"
        return self.units[at].low in NAMING

    def _subject(self, phrase: Phrase) -> None:
        state = self.state
        if state.candidates and self._beside(phrase):
            return
        if phrase.is_value and state.candidates:
            return
        argument = self._argument(phrase)
        if self._is_nominative(phrase):
            state.candidates = []
        if (
            state.candidates
            and state.candidates[-1].noun
            and state.before == ","
            and argument
            and phrase.is_name
        ):
            # "The last king of Arven, Osric IX,"
            whole = state.candidates.pop()
            self.found.append(TripleDraft(whole.text, whole.noun, argument.text, 0.75))
        if self.first and argument is not None and phrase.is_name and not state.candidates:
            argument = self._title_variant(argument)
        if argument is None or state.before not in ",c":
            state.candidates = []
            state.lost = argument is None
        state.joined = state.joined or state.before == "c"
        if argument is not None and not state.lost:
            state.candidates.append(argument)

    def _beside(self, phrase: Phrase) -> bool:
        """Whether a phrase before the verb describes the subject found, rather than being one more."""
        state = self.state
        if state.before == "c" and state.complement:
            return True
        head = head_noun(phrase.words)
        if state.before == "," and (phrase.article or (head in PERSON_NOUNS and self._of_follows(phrase))):
            return self._apposed(phrase, state.candidates[-1])
        return False

    def _title_variant(self, argument: _Argument) -> _Argument:
        """The long form of the title that opens an article means the title."""
        if argument.text == self.entities.title or not self.entities.is_title_variant(argument.text):
            return argument
        longer = argument.text
        self.entities.alias(longer)
        argument.text = self.entities.title
        self._emit(argument, "also known as", longer, 0.95)
        return argument

    def _apposed(self, phrase: Phrase, to: _Argument) -> bool:
        """`Ada, a British painter,`: what someone is, said behind the name."""
        if to.noun or phrase.name is not None or not phrase.words:
            return False
        self._kinds(to, phrase, 0.85, of_follows=self._of_follows(phrase))
        self.state.complement = head_noun(phrase.words)
        return True

    def _appositive(self, phrase: Phrase, at: int) -> bool:
        """A description behind the last name: `..., a painter` or `..., daughter of X`."""
        state = self.state
        head = head_noun(phrase.words)
        if not state.last_name or phrase.name is not None or phrase.owner is not None or state.before != ",":
            return False
        is_of = self._tag(phrase.end) == "i" and self.units[phrase.end].low == "of"
        singular = phrase.article in {"a", "an", "the"} or is_of
        if self._tag(at - 2) not in "N)" or not singular or head not in PERSON_NOUNS | THING_NOUNS:
            return False
        # Behind a place the description goes back to the subject: "born at Lynn, the son of Ada".
        placed = (
            state.relation.rpartition(" ")[2] in {"in", "at", "near", "from", "to"} and head in PERSON_NOUNS
        )
        to = state.subject[0] if placed and state.subject else _Argument(state.last_name, 0.9)
        if is_of:
            state.subject, state.verb, state.linking, state.complement = [to], "is", True, head
        else:
            self._kinds(to, phrase, 0.85)
        return True

    def _describe(self, phrase: Phrase) -> None:
        """`the novelist Radclyffe Hall`: words before a name that say what it is."""
        if not phrase.is_name or phrase.owner is not None or not phrase.words:
            return
        head = phrase.words[-1].low
        if head in PERSON_NOUNS or head in THING_NOUNS:
            self._kinds(_Argument(self._name(phrase.name), 0.9), phrase, 0.85)

    def _introduce(self, phrase: Phrase) -> int:
        """`his wife Ada`, `his wife, Ada,`, `Jon's novel Kim`: a name and what it is to its owner."""
        head = head_noun(phrase.words)
        if phrase.owner is None or not head:
            return phrase.end
        owner = self._owner(phrase.owner)
        if owner is None:
            return phrase.end
        relation = lemma(head) if head in KIN else self._slice(kind_words(phrase.words)).lower() or head
        if phrase.is_name:
            self._emit(_Argument(owner, 0.85), relation, self._name(phrase.name), 0.95)
        elif head in KIN | PERSON_NOUNS and self._tag(phrase.end) == ",":
            behind = noun_phrase(self.units, phrase.end + 1)
            if behind is not None and behind.is_name and self._tag(behind.end) in ",.)BV":
                self._emit(_Argument(owner, 0.85), relation, self._name(behind.name), 0.9)
        return phrase.end

    def _object(self, phrase: Phrase, at: int) -> None:
        state = self.state
        argument = self._argument(phrase)
        if argument is None or (
            phrase.name is not None and phrase.name.low in {"i", "he", "she", "they", "we"}
        ):
            state.complement = state.relation = ""
            return
        if state.before in ",c" and state.linking and phrase.name is None and state.subject:
            self._list_item(argument, phrase)
            return
        if state.before in ",c" and state.relation:
            # "son of Paul of Corsham, Wiltshire": kin are joined by "and", places by commas.
            kin = state.relation.removesuffix(" of") in KIN and state.before == ","
            if _kind(argument) == state.listed and not kin:
                self._list_item(argument, phrase)
            return
        if state.before in "VBGaAn" or self._tag(at - 1) in "VBGaAn":
            self._first_object(argument, phrase)

    def _list_item(self, argument: _Argument, phrase: Phrase) -> None:
        state = self.state
        if not state.linking or phrase.name is not None:
            self._say(state.relation, argument)
        elif not argument.noun:
            for subject in state.subject:
                self._kinds(subject, phrase, 0.9, of_follows=self._of_follows(phrase))
            state.relation, state.listed, state.complement = "is", "w", self._kind_text(phrase)

    def _first_object(self, argument: _Argument, phrase: Phrase) -> None:
        state = self.state
        if state.blocked:
            return
        if not state.linking:
            state.complement = head_noun(phrase.words) if phrase.name is None and not argument.noun else ""
            owned = bool(state.complement) and self._of_follows(phrase)
            if not owned and (phrase.name is not None or lemma(state.verb) in VERBS - LIGHT):
                self._say(state.verb, argument)
            return
        for subject in state.subject:
            if subject.noun and (phrase.is_name or phrase.is_value):
                self.found.append(TripleDraft(subject.text, subject.noun, argument.text, 0.8))
            elif phrase.name is None and not argument.noun:
                if not self._is_kind(phrase):
                    state.blocked = True
                    return
                self._kinds(subject, phrase, 0.95, of_follows=self._of_follows(phrase))
            elif not argument.noun:
                self._emit(subject, "is", argument.text, 0.85)
        state.relation, state.listed = "is", _kind(argument)
        state.complement = "" if phrase.name is not None else self._kind_text(phrase)
        if phrase.owner is not None and phrase.name is None and argument.noun:
            for subject in state.subject:
                self._emit(subject, f"{argument.noun} of", argument.text, 0.85)

    def _of_follows(self, phrase: Phrase) -> bool:
        """Whether "of" (or the rest of a broken compound) goes on behind a phrase."""
        if self._tag(phrase.end) == "-" and self.units[phrase.end].start == self.units[phrase.end - 1].end:
            return True
        return self._tag(phrase.end) == "i" and self.units[phrase.end].low == "of"

    @staticmethod
    def _is_kind(phrase: Phrase) -> bool:
        """Whether what follows "is" is a noun: "is free", "is similar" say no kind."""
        head = head_noun(phrase.words)
        return (
            bool(phrase.article) or head in PERSON_NOUNS or head in THING_NOUNS or lemma(head) in PERSON_NOUNS
        )

    def _kind_text(self, phrase: Phrase) -> str:
        words = kind_words(phrase.words)[-2:]
        if words and words[-1].low in KIN:
            words = words[-1:]
        return self._slice(words).lower() if words else head_noun(phrase.words)

    def _kinds(self, subject: _Argument, phrase: Phrase, sure: float, *, of_follows: bool = False) -> None:
        """What a phrase says about its subject: its kind, its country, its year."""
        if subject.noun:
            return
        words = kind_words(phrase.words)
        head = head_noun(phrase.words)
        for unit in phrase.words:
            if unit.tag == "D" and len(unit.text) == 4:
                self._emit(subject, "released in" if head in WORKS else "year", unit.text, sure)
            elif unit.tag == "w" and (places := _countries(unit.text)):
                for place in places:
                    self._emit(subject, "country", place, sure)
        if words and not of_follows and self._fits(subject, words[-1].low):
            self._emit(subject, "is", self._slice(words), sure)
        if subject.text == self.entities.title and head:
            self.entities.kinds.add(head)

    def _fits(self, subject: _Argument, head: str) -> bool:
        """Whether the noun can be a kind of its subject: of a person only what a person can be."""
        if len(head) < 3:
            return False
        entities = self.entities
        if entities.speaker:
            return head in PERSON_NOUNS or head in THING_NOUNS
        about_person = subject.text == (entities.title if entities.title_is_person else entities.speaker)
        return not about_person or head in PERSON_NOUNS or head.endswith(PERSON_ENDINGS)

    # Verbs

    def _verb(self, at: int) -> int:
        end, verb = self._group(at)
        state = self.state
        reduced = self._choose_subject(at, verb)
        if verb is None or verb.blocked or reduced is None:
            state.blocked = True
        else:
            state.blocked = False
            participle = (
                verb.passive or (reduced and not verb.active) or self._is_bare_participle(at, end, verb)
            )
            state.verb = verb.low if participle else verb.base
            state.linking = verb.base == "be" or (verb.base in LINKING and not verb.passive)
            if state.linking:
                state.verb = "is"
        state.verb = state.verb or "?"
        state.relation = state.complement = ""
        if not state.blocked:
            self._flush()
        return end

    def _is_bare_participle(self, at: int, end: int, verb: _Verb) -> bool:
        return end - at == 1 and self.units[at].tag == "V" and (verb.low == "born" or self._is_participle(at))

    def _group(self, at: int) -> tuple[int, _Verb | None]:
        """A verb group: auxiliaries, adverbs, negation, and the verb that carries the meaning."""
        be = unreal = negated = False
        auxiliary = ""
        while (tag := self._tag(at)) in "BAan":
            low = self.units[at].low
            be = be or tag == "B"
            unreal = unreal or low in UNREAL
            negated = negated or tag == "n"
            auxiliary = low if tag == "A" else auxiliary
            at += 1
        blocked = unreal or negated
        if self._tag(at) not in "VG":
            if be:
                return at, _Verb("be", "is", passive=False, active=True, blocked=blocked)
            if auxiliary in {"have", "has", "had"}:
                return at, _Verb("have", "have", passive=False, active=True, blocked=blocked)
            return at, None
        unit = self.units[at]
        base = lemma(unit.low)
        blocked = blocked or base in OPINION
        if self._tag(at + 1) == "t" and self._tag(at + 2) == "V" and not (be and unit.tag == "V"):
            second = lemma(self.units[at + 2].low)
            base = f"{base} to {second}" if base in UNFULFILLED else second
            return at + 3, _Verb(base, base, passive=False, active=True, blocked=blocked)
        passive = be and unit.tag == "V"
        low = unit.low if unit.tag == "V" or base == "star" else base
        return at + 1, _Verb(
            base, low, passive=passive, active=unit.tag == "G" or bool(auxiliary), blocked=blocked
        )

    def _choose_subject(self, at: int, verb: _Verb | None) -> bool | None:
        """Settle whose verb this is. True: of a noun right before it (`a film directed`). None: unknown."""
        state = self.state
        if not state.verb:
            # Without "and" only the first is the subject: "Ada Reed, O.S.A., was".
            state.candidates = state.candidates if state.joined else state.candidates[:1]
            state.subject = state.main = state.candidates
            if state.before == "t":
                return None
            # Without a subject only "Born in Lynn, ..." waits for one; "Looking forward to it" does not.
            if not state.candidates and not (state.before == "." and self._tag(at + 1) in "it"):
                return None if self._tag(at) != "V" or state.pending else False
            return False
        if state.before in "RA":
            return False
        if state.before in ",c":
            if "," in (state.before, self._tag(at - 2)):
                state.subject = state.main
            return False if state.subject else None
        if state.before in "Nw)D" and self._tag(at) in "VG":
            return self._reduced(at, verb)
        if state.before == "i" and self._tag(at) == "G":
            return False
        return False if state.before in "a" else None

    def _reduced(self, at: int, verb: _Verb | None) -> bool | None:
        """`a film directed by`, `Casino, directed by`: a participle that belongs to the noun before it."""
        state = self.state
        if state.linking and state.complement and state.before != "N":
            return True
        if state.last_name and state.before in "N)" and verb is not None and self._is_participle(at):
            if not state.relation.endswith(" by"):
                state.subject = [_Argument(state.last_name, 0.75)]
            return True
        return None

    def _flush(self) -> None:
        """What was said before the subject came: `In 1912`, `Born in Lynn`."""
        state = self.state
        if not state.subject:
            return
        for relation, text, sure in state.deferred:
            for subject in state.subject:
                self._emit(subject, relation, text, sure * 0.9)
        state.deferred = []
        for preposition, phrase in state.pending:
            argument = self._argument(phrase)
            if argument is not None and phrase.is_value and not state.linking:
                for subject in state.subject:
                    self._emit(subject, f"{state.verb} {preposition}", argument.text, 0.8)
        state.pending = []

    def _relative(self, at: int) -> int:
        state = self.state
        if self._tag(at - 1) == "i" or self.units[at].low in {"whose", "whom", "when", "where"}:
            self._close()
            return at + 1
        if self._tag(at + 1) not in "BAVan":
            # "the film that he made": the noun before is an object of what follows.
            self._close()
            return at + 1
        if not state.verb:
            # "Ada, who was born in Lynn, moved": nothing is read inside, the subject stays.
            return self._skip_relative(at)
        behind = self._tag(at - 2) if self._tag(at - 1) == "," else self._tag(at - 1)
        if self.units[at].low == "which" and state.relation.endswith(" by"):
            return at + 1
        if behind == "N" and state.last_name:
            state.subject = [_Argument(state.last_name, 0.8)]
        elif not (state.linking and state.complement):
            state.subject, state.blocked = [], True
            return self._skip_relative(at)
        return at + 1

    def _skip_relative(self, at: int) -> int:
        end = at + 1
        while end < len(self.units) and self._tag(end) not in ",.":
            end += 1
        return end

    # Prepositions

    def _adjunct(self, at: int) -> int:
        state = self.state
        preposition = self.units[at].low
        phrase = noun_phrase(self.units, at + 1)
        if phrase is None:
            return at + 1
        end = phrase.end
        if state.verb and not phrase.is_value and self._tag(end) in "BA" and self._tag(at - 1) in ",c":
            return at + 1
        self._describe(phrase)
        self._introduce(phrase)
        argument = self._argument(phrase)
        if not state.verb:
            self._before_verb(preposition, phrase, argument)
        elif argument is not None and not argument.noun:
            self._after_verb(preposition, phrase, argument)
        else:
            state.complement = state.relation = ""
        if phrase.is_name:
            state.last_name = self._name(phrase.name)
        return end

    def _before_verb(self, preposition: str, phrase: Phrase, argument: _Argument | None) -> None:
        state = self.state
        if (
            preposition == "of"
            and state.last_common is not None
            and argument is not None
            and state.candidates
        ):
            noun = head_noun(state.last_common.words)
            named = phrase.is_name or argument.text == self.entities.title
            state.candidates = [_Argument(argument.text, 0.8, noun)] if named and noun else []
        elif not state.candidates and phrase.name is not None:
            state.pending.append((preposition, phrase))
        elif state.complement and state.candidates and phrase.is_name and argument is not None:
            for subject in state.candidates:
                self._emit(subject, f"{state.complement} {preposition}", argument.text, 0.8)
        elif state.candidates and not state.candidates[-1].noun and state.last_common is not None:
            state.candidates, state.lost = [], True

    def _after_verb(self, preposition: str, phrase: Phrase, argument: _Argument) -> None:
        state = self.state
        if preposition in EXEMPLIFYING:
            state.complement = state.relation = ""
            return
        common = phrase.name is None
        if common and argument.sure <= 0.6 and preposition not in {"as", "of", "from"}:
            state.complement = state.relation = ""
            return
        if (preposition == "of" and state.before == "N") or (
            preposition == "by" and state.before not in "VaD,"
        ):
            return
        if common and (
            state.verb not in {"die", "serve", "work", "act", "known", "suffer"} or len(phrase.words) > 3
        ):
            state.complement = state.relation = ""
            return
        if preposition == "to" and phrase.is_value and phrase.name is not None and phrase.name.tag == "D":
            preposition = "until"
        if phrase.is_value and phrase.name is not None and phrase.name.tag == "#":
            state.relation = ""
            return
        relation = f"{state.complement or state.verb} {preposition}"
        if preposition == "of" and state.complement and not state.linking:
            relation = f"{state.verb} {state.complement} of"
        elif state.complement and not state.linking:
            relation = f"{state.verb} {preposition}"
        if state.verb == "?" or (
            state.linking and not state.complement and (preposition == "of" or phrase.is_value)
        ):
            return
        if state.linking and not state.complement and state.before not in "Ba":
            return
        if preposition == "of" and (
            state.before == "," or (not state.complement and state.before not in "Va")
        ):
            return
        self._say(relation, argument)
        state.complement = state.complement if state.linking else ""

    # Parentheses

    def _closing(self, at: int) -> int:
        """The index of the parenthesis that closes the one at `at`, or of the end."""
        depth = 0
        for index in range(at, min(len(self.units), at + 80)):
            depth += {"(": 1, ")": -1}.get(self.units[index].tag, 0)
            if depth == 0:
                return index
        return min(len(self.units), at + 80)

    def _parenthesis(self, at: int) -> int:
        close = self._closing(at)
        inside = [unit for unit in self.units[at + 1 : close] if unit.tag != "a"]
        state = self.state
        subject = None
        if self._tag(at - 1) == "N":
            first = [c for c in state.candidates if c.text == self.entities.title]
            subject = (first or state.candidates)[-1] if not state.verb and state.candidates else None
            if subject is None and state.last_name:
                subject = _Argument(state.last_name, 0.9)
        if subject is not None and not subject.noun and inside:
            self._aside(subject, inside)
        return close + 1

    def _aside(self, subject: _Argument, inside: Sequence[Unit]) -> None:
        """Dates of a life, a year, another name: what parentheses behind a name hold."""
        whens = [unit for unit in inside if unit.tag == "D"]
        lows = {unit.low for unit in inside}
        if not whens:
            if len(inside) == 1 and inside[0].tag == "N":
                self._emit(subject, "also known as", tidy(inside[0].text), 0.8)
            return
        if {"born", "b", "died", "d"} & lows:
            self._life_events(subject, inside)
        elif any(unit.tag == "-" for unit in inside):
            self._life_span(subject, inside, whens)
        elif len(inside) == 1:
            self._emit(subject, "year", whens[0].text, 0.8)

    def _life_events(self, subject: _Argument, inside: Sequence[Unit]) -> None:
        event = ""
        for index, unit in enumerate(inside):
            if unit.low in {"born", "b", "died", "d"}:
                event = "born" if unit.low[0] == "b" else "died"
            elif unit.tag == "D" and event:
                self._emit(subject, _dated(event, unit), unit.text, 0.95)
            elif unit.tag == "N" and event and index:
                if inside[index - 1].low in {"in", "at", "near"}:
                    self._emit(subject, f"{event} in", tidy(unit.text), 0.9)
                elif inside[index - 1].low == "born":
                    self._emit(subject, "also known as", tidy(unit.text), 0.85)
            elif unit.tag == "-" and event == "born":
                event = "died"

    def _life_span(self, subject: _Argument, inside: Sequence[Unit], whens: Sequence[Unit]) -> None:
        person = subject.text == self.entities.title and self.entities.title_is_person
        detailed = any(len(unit.text) > 4 for unit in whens)
        first, last = ("born", "died") if person or detailed else ("from", "until")
        dash = next(index for index, unit in enumerate(inside) if unit.tag == "-")
        for index, unit in enumerate(inside):
            if unit.tag == "D":
                event = first if index < dash else last
                self._emit(
                    subject, _dated(event, unit) if event in {"born", "died"} else event, unit.text, 0.9
                )


@dataclass(frozen=True, slots=True)
class _Verb:
    base: str
    low: str
    passive: bool
    active: bool
    blocked: bool


def _dated(event: str, unit: Unit) -> str:
    return (
        f"{event} on" if any(c.isalpha() for c in unit.text) and len(unit.text.split()) > 2 else f"{event} in"
    )


def _kind(argument: _Argument) -> str:
    if argument.phrase is None or argument.phrase.name is None:
        return "w"
    return "N" if argument.phrase.name.tag == "P" else argument.phrase.name.tag


def _countries(word: str) -> list[str]:
    return [
        COUNTRY_OF_DEMONYM[part] for part in word.replace("- ", "-").split("-") if part in COUNTRY_OF_DEMONYM
    ]
