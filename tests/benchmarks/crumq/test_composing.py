"""Facts, the questions composed of them, and the checks on those."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.benchmarks.crumq import composing
from kedge.benchmarks.crumq.checking import faults, leaks, shortcuts
from kedge.benchmarks.crumq.composing import chains, compose
from kedge.benchmarks.crumq.facts import Fact, read_facts
from kedge.benchmarks.crumq.index import Index, aliases, spellings
from kedge.benchmarks.crumq.quality import good, marked
from kedge.benchmarks.crumq.records import Item, Marks, length_of
from kedge.benchmarks.crumq.senses import SENSES
from kedge.benchmarks.crumq.wording import BANNED, asked, premised
from kedge.benchmarks.datasets import Passage
from kedge.tools.knowledge_base import Triple
from tests.benchmarks.crumq._corpus import corpus, facts, pages

SIDES = {page.id: page.side for page in pages()}
TEXTS = {passage.id: passage for passage in corpus()}
EVERYTHING = Index(corpus())
INSIDE = Index(page.passage for page in pages() if page.side == "internal")


def drafts() -> list[Item]:
    return compose(facts(), SIDES, wanted=400, seed=3)


def bridges() -> list[Item]:
    return list(composing._bridges(facts(), SIDES, chains(facts(), 3), 3))


def bridge() -> Item:
    return next(d for d in bridges() if d.answers == ("Saltmarsh",))


def triple(*said: str, confidence: float = 0.9) -> Triple:
    return Triple(1, *said, 1, confidence)


def of(facts_of: dict[str, tuple[Fact, ...]], about: str) -> dict[str, str]:
    return {fact.sense.name: fact.object for fact in facts_of.get(about, ())}


def test_a_date_is_also_a_year_and_a_fact_leads_on_where_others_say_more() -> None:
    found = facts()
    ada = of(dict(found.of), "ada quill")
    assert ada["birth date"] == "3 June 1902"
    assert ada["birth year"] == "1902"
    assert ada["birthplace"] == "Saltmarsh"
    [director] = [f for f in found.of["lantern hill"] if f.sense.name == "director"]
    assert (director.target, director.quote) == ("ada quill", TEXTS["lantern"].text)
    assert found.works["lantern hill"] == "film"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (triple("Hesk", "founded by", "Ada Moss"), True),
        (triple("Hesk", "founded by", "Ada Moss", confidence=0.5), False),  # the rules were not sure
        (triple("Hesk", "founded by", "Eve Moss"), False),  # not in the text
        (triple("Hesk", "likes", "Ada Moss"), False),  # no sense
        (triple("Bo Pell", "married to", "Ada Moss"), True),  # about another, whom the sentence names
        (triple("Pell", "married to", "Ada Moss"), False),  # that could be anybody
        (triple("Ada Moss", "founder of", "Hesk"), True),  # read backwards
    ],
)
def test_what_is_a_fact(said: Triple, kept: bool) -> None:
    page = Passage("h", "Hesk", "Hesk was founded by Ada Moss. Bo Pell was married to Ada Moss.")
    found = read_facts([page], [("h", said)])
    assert bool([fact for held in found.of.values() for fact in held]) == kept


def test_two_values_are_none_and_a_shared_title_is_nobodys() -> None:
    page = Passage("h", "Hesk", "Hesk was founded by Ada Moss. Hesk was founded by Bo Pell.")
    both = [("h", triple("Hesk", "founded by", name)) for name in ("Ada Moss", "Bo Pell")]
    assert not read_facts([page], both).of["hesk"]
    namesake = Passage("i", "Hesk (film)", "A film.")
    assert "hesk" not in read_facts([page, namesake], both[:1]).of


def test_a_parent_is_told_by_the_parents_own_text() -> None:
    child = Passage("c", "Cy Dask", "Cy Dask was a son of Eva Dask.")
    mother = Passage("m", "Eva Dask", "Eva Dask was born in 1850. She sailed; her ship sank.")
    told = [("c", triple("Cy Dask", "son of", "Eva Dask")), ("m", triple("Eva Dask", "born in", "1850"))]
    assert of(dict(read_facts([child, mother], told).of), "cy dask") == {"mother": "Eva Dask"}
    silent = Passage("m", "Eva Dask", "Eva Dask was born in 1850.")
    assert of(dict(read_facts([child, silent], told).of), "cy dask") == {}


def test_chains_lead_from_document_to_document() -> None:
    found = chains(facts(), 3)
    assert {tuple(fact.document for fact in chain) for chain in found if len(chain) == 2} == {
        ("lantern", "ada"),
        ("ferry", "ada"),
    }
    assert all(len({fact.document for fact in chain}) == len(chain) for chain in found)


def test_every_draft_is_well_made_and_needs_an_external_document_or_a_flaw() -> None:
    made = drafts()
    assert {draft.kind for draft in made} >= {
        "bridge",
        "difference",
        "comparison",
        "conjunction",
        "under-specified",
    }
    for draft in made:
        assert faults(draft, TEXTS) == []
        assert draft.external > 0 or draft.reason in ("false premise", "under-specified")
        assert draft.hops == len({support.document for support in draft.supports})
    assert len({draft.id for draft in made}) == len(made)


def test_a_bridge_asks_for_what_the_last_document_says() -> None:
    draft = bridge()
    assert [support.document for support in draft.supports] in (["lantern", "ada"], ["ferry", "ada"])
    assert "Ada Quill" not in draft.question
    assert (draft.hops, draft.external, draft.reason) == (2, 0.5, "missing hop")


def test_a_difference_is_the_difference() -> None:
    for draft in drafts():
        if draft.kind == "difference":
            years = [int(s.object) for s in draft.supports if s.object.isdigit()]
            assert str(abs(years[0] - years[-1])) == draft.answers[0]


def test_who_came_first_came_first() -> None:
    for draft in drafts():
        if draft.kind == "comparison":
            years = {s.subject: int(s.object) for s in draft.supports if s.object.isdigit()}
            assert years[draft.answers[0]] == min(years.values())


def test_a_false_premise_names_somebody_else_of_the_same_sense() -> None:
    found = [draft for draft in drafts() if draft.kind == "false premise"]
    assert found
    for draft in found:
        work, person = draft.starts
        assert work in draft.question
        assert person in draft.question
        assert draft.answers == ()
        assert not leaks(draft, INSIDE, EVERYTHING)
        true = draft.model_copy(update={"starts": ("Lantern Hill", "Ada Quill")})
        assert leaks(true, INSIDE, EVERYTHING) == ["lantern"]


def test_the_same_seed_gives_the_same_questions_and_another_one_other_words() -> None:
    assert drafts() == drafts()
    other = compose(facts(), SIDES, wanted=400, seed=4)
    assert {d.question for d in other} != {d.question for d in drafts()}


@pytest.mark.parametrize("sense", SENSES.values(), ids=lambda sense: sense.name)
def test_wordings_are_sentences(sense: object) -> None:
    from kedge.benchmarks.crumq.senses import Sense

    assert isinstance(sense, Sense)
    assert all(text.count("{x}") == 1 for text in (*sense.nouns, *sense.questions))
    assert all(text[0].isupper() and text.endswith("?") for text in sense.questions)
    assert all(text[0].islower() for text in sense.nouns)
    assert not any(BANNED.search(text) for text in (*sense.nouns, *sense.questions))


@given(st.sampled_from(sorted(SENSES)), st.integers(0, 50))
def test_questions_are_tidy(name: str, seed: int) -> None:
    fact = Fact("d", "x", "X", SENSES[name], "Y", "Y")
    for question in (
        asked(fact, "Who Cares?", seed),
        premised(fact, "Ada Quill", "the director of Lantern Hill", seed),
        premised(fact, "Ada Quill", "the director of Lantern Hill", seed, conditional=True),
    ):
        assert question.endswith("?")
        assert not re.search(r"\?\?|,\?|  |\{|,,", question)


# Checks


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"question": "Where was she born, according to the text?"}, "says 'according to'"),
        ({"question": "Was the director of Lantern Hill born in Saltmarsh?"}, "holds its answer"),
        ({"question": "Where was the director of Lantern Hill born"}, "not one question"),
        ({"hops": 3}, "number of hops"),
        ({"length": "3-4 sentences"}, "not of 3-4 sentences"),
    ],
)
def test_faults_are_found(change: dict[str, object], fault: str) -> None:
    assert not faults(bridge(), TEXTS)
    found = faults(bridge().model_copy(update=change), TEXTS)
    assert [fault in told for told in found].count(True) == 1


def test_a_quotation_that_is_not_there_is_found() -> None:
    draft = bridge()
    lost = draft.supports[0].model_copy(update={"quote": "Nobody said this."})
    assert faults(draft.model_copy(update={"supports": (lost, draft.supports[1])}), TEXTS)


@pytest.mark.parametrize(
    ("text", "leaking"),
    [
        ("Ada Quill came from Saltmarsh.", True),
        ("Quill, a daughter of SALTMARSH, went to sea.", True),  # by her last name, in other letters
        ("The director of Lantern Hill was born in Saltmarsh.", True),  # the answer beside the start
        ("Saltmarsh has a pier.", False),
        ("Ada Quill had a dog.", False),
        ("Quillan lives in Saltmarsh.", False),  # part of a longer word
    ],
)
def test_leaks_are_found_wherever_they_are(text: str, leaking: bool) -> None:
    extra = Passage("x", "Notes", text)
    inside = Index([*(p.passage for p in pages() if p.side == "internal"), extra])
    assert leaks(bridge(), inside, EVERYTHING) == (["x"] if leaking else [])


def test_a_year_leaks_the_date() -> None:
    draft = next(d for d in bridges() if d.answers == ("3 June 1902",))
    inside = Index([Passage("x", "Notes", "Ada Quill, who was 29 in 1931, was born in 1902.")])
    assert leaks(draft, inside, EVERYTHING) == ["x"]


def test_a_document_that_answers_alone_is_a_shortcut() -> None:
    draft = bridge()
    start = draft.starts[0]
    told = Passage("x", "Ada Quill", f"Ada Quill of Saltmarsh directed {start}.")
    everything = Index([*corpus(), told])
    assert not shortcuts(draft, EVERYTHING)
    assert shortcuts(draft, everything) == ["x"]
    marks = marked(draft, TEXTS, everything, leaking=False)
    assert (marks.necessity, marks.sufficiency, marks.correctness) == (0, 2, 2)
    assert not good(marks, draft.hops)
    assert good(marked(draft, TEXTS, EVERYTHING, leaking=False), draft.hops, strict=True)


def test_a_document_that_repeats_another_is_not_needed() -> None:
    texts = {**TEXTS, "ada": Passage("ada", "Ada Quill", f"{TEXTS['ada'].text} She directed Ferry Night.")}
    draft = next(
        d for d in drafts() if d.kind == "bridge" and [s.document for s in d.supports] == ["ferry", "ada"]
    )
    marks = marked(draft, texts, Index(texts.values()), leaking=False)
    assert marks.hops == 1
    assert not good(marks, draft.hops)


@pytest.mark.parametrize("name", ["necessity", "sufficiency", "correctness", "uniqueness"])
def test_each_mark_can_fail(name: str) -> None:
    best = Marks(necessity=3, sufficiency=2, correctness=2, uniqueness=2, internal_necessity=0,
                 internal_sufficiency=0, hops=2)  # fmt: skip
    assert good(best, 2)
    assert not good(best.model_copy(update={name: 0}), 2)
    assert not good(best.model_copy(update={"internal_sufficiency": 2}), 2)
    assert not good(best.model_copy(update={"internal_necessity": 2}), 2)


@given(
    st.lists(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=30), min_size=1, max_size=6),
    st.data(),
)
def test_the_index_finds_what_a_scan_finds(texts: list[str], data: st.DataObject) -> None:
    from kedge.benchmarks.crumq.index import words_of

    index = Index(Passage(str(n), "", text) for n, text in enumerate(texts))
    words = [word for text in texts for word in words_of(text)]
    if words:
        phrase = data.draw(st.sampled_from(words))
        wanted = words_of(phrase)
        scanned = [
            str(n)
            for n, text in enumerate(texts)
            if any(words_of(text)[at : at + len(wanted)] == wanted for at in range(len(words_of(text))))
        ]
        assert index.saying((phrase,)) == sorted(scanned)


def test_names_and_dates_go_by_several_forms() -> None:
    assert aliases("John, Count of Hesk", person=True) == ("John, Count of Hesk",)
    assert spellings("June 12, 1929")[1:] == ("12 June 1929", "June 12 1929", "1929")
    assert spellings("Hesk") == ("Hesk",)


@pytest.mark.parametrize(
    ("answer", "length"),
    [("1388", "1-2 words"), ("the old pier of Hesk", "3-8 words"), ("It burnt down.", "one sentence"),
     ("It burnt. Ada left.", "two sentences"), ("A b. C d. E f.", "3-4 sentences")],
)  # fmt: skip
def test_lengths(answer: str, length: str) -> None:
    assert length_of(answer) == length
