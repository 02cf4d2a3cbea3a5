"""Questions composed of facts, without a language model: chains, comparisons, differences, premises.

Each kind is a generator of drafts. What a draft is worth is decided later: here only what it says must be
right, and its documents must be those that it needs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice

from kedge.agents.decisions import AbstentionReason
from kedge.benchmarks.crumq.facts import Fact, Facts
from kedge.benchmarks.crumq.records import Format, Item, Kind, Side, Type, length_of
from kedge.benchmarks.crumq.senses import OF_WORKS
from kedge.benchmarks.crumq.wording import asked, called, event, first_of, noun, premised
from kedge.benchmarks.harness.drawing import drawn
from kedge.tools.knowledge_base import entity_key

__all__ = ["SHARES", "Chain", "chains", "compose", "draft_id"]

Chain = tuple[Fact, ...]
Sides = Mapping[str, Side]

# How much of a set each kind is; guesses pay best in comparisons, so there are few of them.
SHARES: Mapping[Kind, float] = {
    "bridge": 0.60,
    "difference": 0.12,
    "conjunction": 0.08,
    "false premise": 0.08,
    "unverifiable premise": 0.04,
    "under-specified": 0.04,
    "comparison": 0.04,
}
_PER_START = 3  # questions that begin at one document, so that a set is not about a few of them
_PARTNERS = 12  # how many partners are tried for a comparison


def compose(facts: Facts, sides: Sides, *, wanted: int, seed: int, hops: int = 4) -> list[Item]:
    """About `wanted` drafts, in the shares of their kinds, over as many splits of documents as there are.

    Args:
        facts: What the documents say.
        sides: The side of each document.
        wanted: How many drafts; fewer where the documents do not hold more.
        seed: Of all that is drawn.
        hops: The longest chain, in documents; questions about two chains join up to six.
    """
    prefixes = chains(facts, hops - 1)
    ends = _dated(facts, prefixes)
    makers: Mapping[Kind, Callable[[], Iterable[Item]]] = {
        "bridge": lambda: _bridges(facts, sides, prefixes, seed),
        "difference": lambda: _pairs(facts, sides, ends, seed, "difference"),
        "conjunction": lambda: _conjunctions(facts, sides, ends, seed),
        "false premise": lambda: _false_premises(facts, sides, seed),
        "unverifiable premise": lambda: _unverifiable(facts, sides, seed),
        "under-specified": lambda: _under_specified(facts, sides, seed),
        "comparison": lambda: _pairs(facts, sides, ends, seed, "comparison"),
    }
    found: list[Item] = []
    for kind, share in SHARES.items():
        candidates = list(islice(makers[kind](), 40 * wanted))
        found += _spread(candidates, round(share * wanted), seed)
    return found


def chains(facts: Facts, longest: int) -> list[Chain]:
    """All chains of facts in which each leads to the document of the next; no document comes twice."""
    starts: list[Chain] = [(fact,) for held in facts.of.values() for fact in held if fact.target is not None]
    found: list[Chain] = list(starts)
    grown = starts
    for _ in range(longest - 1):
        grown = [
            (*chain, fact) for chain in grown for fact in _further(facts, chain) if fact.target is not None
        ]
        found += grown
    return found


def draft_id(question: str, corpus: str = "internal") -> str:
    """The id of a question: the same question always has the same."""
    return blake2b(f"{corpus}\n{question}".encode(), digest_size=6).hexdigest()


def _item(
    question: str,
    kind: Kind,
    needed: Sequence[Fact],
    sides: Sides,
    answers: Sequence[str] = (),
    *,
    asks: Type = "multi-step reasoning",
    form: Format = "factual",
    reason: AbstentionReason | None = None,
    starts: Sequence[str] = (),
) -> Item:
    supports = tuple(fact.support(sides[fact.document]) for fact in dict.fromkeys(needed))
    documents = {support.document: support.side for support in supports}
    external = sum(side == "external" for side in documents.values()) / len(documents)
    return Item(
        id=draft_id(question),
        question=question,
        answers=tuple(dict.fromkeys(answers)),
        kind=kind,
        reason=reason or ("out of corpus" if external == 1 else "missing hop"),
        type=asks,
        format=form,
        length=length_of(answers[0]) if answers else "1-2 words",
        hops=len(documents),
        external=external,
        supports=supports,
        starts=tuple(starts),
    )


def _bridges(facts: Facts, sides: Sides, prefixes: Sequence[Chain], seed: int) -> Iterator[Item]:
    for chain in prefixes:
        for last in _further(facts, chain):
            needed = (*chain, last)
            if any(sides[fact.document] == "external" for fact in needed):
                phrase = noun(chain, facts, seed)
                form: Format = "attribute" if last.sense.range in ("year", "date") else "factual"
                yield _item(asked(last, phrase, seed), "bridge", needed, sides, (last.object, *last.others),
                            form=form, starts=(chain[0].subject,))  # fmt: skip


def _dated(facts: Facts, prefixes: Sequence[Chain]) -> list[Chain]:
    """Chains that end in the year of an event."""
    alone: list[Chain] = [(fact,) for held in facts.of.values() for fact in held]
    longer: list[Chain] = [
        (*chain, fact) for chain in prefixes if len(chain) < 3 for fact in _further(facts, chain)
    ]
    return [chain for chain in (*alone, *longer) if event(chain[-1], "it")]


def _phrase(chain: Chain, facts: Facts, seed: int) -> str:
    """What the last fact of a chain is about."""
    return noun(chain[:-1], facts, seed) if len(chain) > 1 else called(chain[0], facts, seed)


def _pairs(facts: Facts, sides: Sides, ends: Sequence[Chain], seed: int, kind: Kind) -> Iterator[Item]:
    """Two chains that end in years: which comes first, or how many years lie between them."""
    order = sorted(ends, key=lambda chain: drawn(seed, kind, *(_key(fact) for fact in chain)))
    for place, one in enumerate(order):
        mine = {fact.about for fact in one}
        for other in order[place + 1 : place + 1 + _PARTNERS]:
            needed = (*one, *other)
            documents = {fact.document for fact in needed}
            years = int(one[-1].object), int(other[-1].object)
            if (
                len(documents) != len(needed)
                or mine & {fact.target for fact in other}
                or years[0] == years[1]
            ):
                continue
            if not any(sides[document] == "external" for document in documents):
                continue
            a, b = _phrase(one, facts, seed), _phrase(other, facts, seed)
            starts = (one[0].subject, other[0].subject)
            if kind == "difference" and abs(years[0] - years[1]) <= 300:
                span = abs(years[0] - years[1])
                answers = (str(span), f"{span} year{'s' * (span > 1)}")
                question = f"How many years lie between {event(one[-1], a)} and {event(other[-1], b)}?"
                yield _item(question, kind, needed, sides, answers, form="numeric",
                            asks="integration of knowledge", starts=starts)  # fmt: skip
            elif kind == "comparison" and one[-1].sense == other[-1].sense:
                first, phrase = (one, a) if years[0] < years[1] else (other, b)
                if which := first_of(one[-1], a, b, seed):
                    yield _item(which, kind, needed, sides, (first[-1].subject, phrase), form="comparison",
                                asks="critical analysis", starts=starts)  # fmt: skip


def _conjunctions(facts: Facts, sides: Sides, ends: Sequence[Chain], seed: int) -> Iterator[Item]:
    """One of several works of somebody, told from the others by its year, which another document gives."""
    years: defaultdict[str, list[Chain]] = defaultdict(list)
    for chain in ends:
        years[chain[-1].object].append(chain)
    for maker, works in _together(facts):
        for fact in works:
            released = _one(facts, fact.about, "release year")
            alike = [_one(facts, other.about, "release year") for other in works]
            if (
                released is None
                or sum(other is None or other.object == released.object for other in alike) > 1
            ):
                continue
            own = {work.document for work in works}
            partners = [
                c for c in years[released.object]
                if c[-1].sense.name != "release year" and not own & {f.document for f in c}
            ]  # fmt: skip
            if not partners:
                continue
            partner = min(partners, key=lambda c: drawn(seed, fact.about, *(_key(f) for f in c)))
            when = f"in the year of {event(partner[-1], _phrase(partner, facts, seed))}"
            work = facts.works.get(fact.about, "work")
            question = f"Which {work} {fact.sense.clause.format(x=maker)} was released {when}?"
            needed = (fact, released, *partner)
            if any(sides[f.document] == "external" for f in needed):
                starts = (maker, partner[0].subject)
                yield _item(question, "conjunction", needed, sides, (fact.subject,), starts=starts,
                            asks="integration of knowledge")  # fmt: skip


def _together(facts: Facts) -> Iterator[tuple[str, list[Fact]]]:
    """People with several works of one sense."""
    made: defaultdict[tuple[str, str], list[Fact]] = defaultdict(list)
    for held in facts.of.values():
        for fact in held:
            if fact.sense.clause and fact.sense.range == "person":
                made[fact.sense.name, entity_key(fact.object)].append(fact)
    for works in made.values():
        if len(works) > 1:
            yield works[0].object, works


def _false_premises(facts: Facts, sides: Sides, seed: int) -> Iterator[Item]:
    """Somebody of the right kind in the wrong place: a question about a person who did not do it."""
    by_sense: defaultdict[str, list[Fact]] = defaultdict(list)
    for known in facts.of.values():
        for fact in known:
            if fact.target is not None:
                by_sense[fact.sense.name].append(fact)
    for held in by_sense.values():
        order = sorted(held, key=lambda fact: drawn(seed, "premise", _key(fact)))
        for true, other in zip(order, [*order[1:], *order[:1]], strict=True):
            if entity_key(true.object) == entity_key(other.object) or sides[true.document] == "external":
                continue
            lasts = [fact for fact in _further(facts, (other,)) if fact.document != true.document]
            persons = {entity_key(name) for name in (true.subject, *(fact.object for fact in lasts))}
            if not lasts or entity_key(other.object) in persons:
                continue
            last = min(lasts, key=lambda fact: drawn(seed, true.about, _key(fact)))
            question = premised(last, other.object, noun((true,), facts, seed), seed)
            yield _item(question, "false premise", (true, last), sides, reason="false premise",
                        asks="critical analysis", starts=(true.subject, other.object))  # fmt: skip


def _unverifiable(facts: Facts, sides: Sides, seed: int) -> Iterator[Item]:
    """A premise that only external documents bear out, and a question that only they answer."""
    for held in facts.of.values():
        for fact in held:
            lasts = [last for last in _further(facts, (fact,)) if sides[last.document] == "external"]
            if not lasts or sides[fact.document] != "external":
                continue
            last = min(lasts, key=lambda other: drawn(seed, fact.about, _key(other)))
            premise = noun((fact,), facts, seed)
            question = premised(last, fact.object, premise, seed, conditional=True)
            answers, starts = (last.object, *last.others), (fact.subject, fact.object)
            yield _item(question, "unverifiable premise", (fact, last), sides, answers, starts=starts,
                        asks="critical analysis", form="conditional")  # fmt: skip


def _under_specified(facts: Facts, sides: Sides, seed: int) -> Iterator[Item]:
    """A description that fits several works of different years."""
    for maker, works in _together(facts):
        dated = [(fact, _one(facts, fact.about, "release year")) for fact in works]
        inside = [(fact, year) for fact, year in dated if year and sides[fact.document] == "internal"]
        if len({year.object for _, year in inside}) < 2:
            continue
        kinds = {facts.works.get(fact.about, "work") for fact, _ in inside}
        what = kinds.pop() if len(kinds) == 1 else "work"
        last = inside[0][1]
        question = asked(last, f"the {what} {inside[0][0].sense.clause.format(x=maker)}", seed)
        needed = [part for pair in inside[:6] for part in pair]
        yield _item(question, "under-specified", needed, sides, reason="under-specified",
                    asks="critical analysis", form="attribute", starts=(maker,))  # fmt: skip


def _further(facts: Facts, chain: Chain) -> list[Fact]:
    """What other documents say of the person whom a chain leads to, and does not lead back."""
    documents = {fact.document for fact in chain}
    names = {fact.about for fact in chain}
    return [
        fact
        for fact in facts.of.get(chain[-1].target or "", ())
        if fact.sense.name not in OF_WORKS
        and fact.document not in documents
        and entity_key(fact.object) not in names
    ]


def _one(facts: Facts, about: str, sense: str) -> Fact | None:
    return next((fact for fact in facts.of.get(about, ()) if fact.sense.name == sense), None)


def _key(fact: Fact) -> str:
    return f"{fact.about} {fact.sense.name} {fact.object}"


def _spread(candidates: Sequence[Item], wanted: int, seed: int) -> list[Item]:
    """So many of the candidates, evenly over the splits of documents, few from the same start."""
    splits: defaultdict[tuple[int, int], list[Item]] = defaultdict(list)
    for item in sorted(candidates, key=lambda item: drawn(seed, "spread", item.id)):
        splits[round(item.external * item.hops), item.hops].append(item)
    kept: dict[str, Item] = {}
    used: defaultdict[str, int] = defaultdict(int)
    while splits and len(kept) < wanted:
        for split in sorted(splits):
            while splits[split]:
                item = splits[split].pop()
                if item.id not in kept and all(used[name] < _PER_START for name in item.starts):
                    kept[item.id] = item
                    for name in item.starts:
                        used[name] += 1
                    break
            if not splits[split]:
                del splits[split]
            if len(kept) == wanted:
                break
    return list(kept.values())
