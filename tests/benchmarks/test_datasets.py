"""Data sets: tiny files in their official formats, and the real ones where they are at hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kedge.benchmarks import datasets as ds
from kedge.errors import LoadError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeBase
from kedge.tools.knowledge_base.records import TripleDraft

HOTPOT: dict[str, Any] = {
    "_id": "5a8b",
    "question": "Where was its master born?",
    "answer": "Little Tamsin",
    "type": "bridge",
    "level": "hard",
    "supporting_facts": [["Grey Petrel", 0], ["Ines Marrick", 1], ["Ines Marrick", 2]],
    "context": [["Grey Petrel", ["A barque.", " She was lost."]], ["Ines Marrick", ["A master."]]],
}
MUSIQUE: dict[str, Any] = {
    "id": "3hop1__1_2_3",
    "question": "When was it lit?",
    "answer": "1856",
    "answer_aliases": ["the year 1856", "1856"],
    "answerable": True,
    "question_decomposition": [{"id": n, "question": "?", "answer": "!"} for n in range(3)],
    "paragraphs": [
        {"idx": 0, "title": "Hesk", "paragraph_text": "An island.", "is_supporting": True},
        {"idx": 1, "title": "Hesk", "paragraph_text": "A mountain.", "is_supporting": False},
    ],
}
SQUAD: dict[str, Any] = {
    "version": "v2.0",
    "data": [
        {
            "title": "Skerrivane_Light",
            "paragraphs": [
                {
                    "context": "It has 184 steps.",
                    "qas": [
                        {
                            "id": "a",
                            "question": "How many steps?",
                            "is_impossible": False,
                            "answers": [
                                {"text": "184", "answer_start": 7},
                                {"text": "184", "answer_start": 7},
                                {"text": "184 steps", "answer_start": 7},
                            ],
                        },
                        {
                            "id": "b",
                            "question": "How many goats?",
                            "is_impossible": True,
                            "answers": [],
                            "plausible_answers": [{"text": "184", "answer_start": 7}],
                        },
                    ],
                }
            ],
        }
    ],
}


def lines(path: Path, *items: object) -> Path:
    path.write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    return path


def array(path: Path, *items: object) -> Path:
    path.write_text(json.dumps(list(items), indent=1), "utf-8")
    return path


def test_hotpotqa_in_its_official_form(tmp_path: Path) -> None:
    [question] = ds.hotpotqa(array(tmp_path / "hotpot_dev.json", HOTPOT))
    assert question.id == "5a8b"
    assert question.answers == ("Little Tamsin",)
    assert question.gold == ("Grey Petrel", "Ines Marrick")
    assert (question.kind, question.hops, question.extra["level"]) == ("bridge", 2, "hard")


def test_two_wiki_in_both_forms_and_with_absent_support(tmp_path: Path) -> None:
    official = {**HOTPOT, "type": "bridge_comparison", "evidences": [["a", "b", "c"]]}
    chunked = {
        "id": "x",
        "question": "?",
        "answer": "Cold Ferris",
        "hop_type": "inference",
        "hop_count": 2,
        "gold_support_chunk_ids": ["c1", "c4"],
        "gold_triples": [["a", "b", "c"]],
    }
    absent = {**chunked, "id": "y", "absent_support_titles": ["Hesk"]}
    del absent["gold_support_chunk_ids"]
    first, second, third = ds.two_wiki(lines(tmp_path / "q.jsonl", official, chunked, absent))
    assert (first.hops, first.gold) == (4, ("Grey Petrel", "Ines Marrick"))
    assert (second.hops, second.gold, second.answers) == (2, ("c1", "c4"), ("Cold Ferris",))
    assert (third.answerable, third.answers, third.gold) == (False, (), ())
    assert third.extra["outside"] == ["Cold Ferris"]


def test_musique_counts_its_steps_and_keeps_aliases_once(tmp_path: Path) -> None:
    twin = {**MUSIQUE, "answerable": False}
    first, second = ds.musique(lines(tmp_path / "musique_full.jsonl", MUSIQUE, twin))
    assert (first.hops, first.kind, first.answers) == (3, "3hop1", ("1856", "the year 1856"))
    assert first.gold == (ds.passage_id("Hesk", "An island."),)
    assert (second.answerable, second.answers) == (False, ())
    assert (second.id, second.extra["twin"]) == ("3hop1__1_2_3/unanswerable", "3hop1__1_2_3")


def test_squad_drops_repeated_answers_and_knows_impossible_questions(tmp_path: Path) -> None:
    path = tmp_path / "dev-v2.0.json"
    path.write_text(json.dumps(SQUAD), "utf-8")
    first, second = ds.squad(path)
    [passage] = ds.squad_passages(path)
    assert first.answers == ("184", "184 steps")
    assert first.gold == second.gold == (passage.id,)
    assert (second.answerable, second.answers) == (False, ())
    assert (passage.title, passage.text) == ("Skerrivane Light", "It has 184 steps.")


def test_lihua_turns_insufficient_information_into_no_answer(tmp_path: Path) -> None:
    common = {"question": "?", "type": "Single", "evidence": ""}
    yes = {**common, "id": "1", "answer": "Yes", "answerable": True, "evidence_doc_ids": ["d1", "d2", "d1"]}
    no = {
        **common,
        "id": "2",
        "answer": "Insufficient information",
        "answerable": False,
        "evidence_doc_ids": [],
    }
    first, second = ds.lihua(lines(tmp_path / "q.jsonl", yes, no))
    assert (first.answers, first.gold, first.hops) == (("Yes",), ("d1", "d2"), 2)
    assert (second.answers, second.answerable, second.hops) == ((), False, None)


def test_metaqa_in_both_forms(tmp_path: Path) -> None:
    item = {
        "id": "m",
        "question": "who directed [Hesk]",
        "topic_entity": "Hesk",
        "hops": 1,
        "answers": ["A", "B"],
    }
    [question] = ds.metaqa(lines(tmp_path / "qa.jsonl", {**item, "kb_exact": True}))
    assert (question.answers, question.extra["all_answers"]) == (("A", "B"), True)
    official = tmp_path / "qa_dev.txt"
    official.write_text("who directed [Hesk]\tA|B\n", "utf-8")
    [plain] = ds.metaqa(official)
    assert (plain.id, plain.answers, plain.extra["topic_entity"]) == ("qa_dev-0", ("A", "B"), "Hesk")


def test_graph_questions_are_made_readable_and_keep_their_paths(tmp_path: Path) -> None:
    conjunction = {
        "id": "C-1",
        "question": "which player in Tigres_UANL is from Mexico ?",
        "gold_paths": [[["Tigres_UANL", "plays_in_club_inverse", "Alan_PULIDO"]], [["Mexico", "p", "o"]]],
        "answer": "Alan_PULIDO",
        "all_answers": ["Carlos_SALCIDO", "Alan_PULIDO"],
    }
    [question] = ds.wc2014(lines(tmp_path / "c.jsonl", conjunction))
    assert question.question == "which player in Tigres UANL is from Mexico ?"
    assert question.answers == ("Carlos SALCIDO", "Alan PULIDO")
    assert (question.kind, question.hops) == ("conjunction", 1)
    assert question.extra["gold_paths"] == conjunction["gold_paths"]
    chain = {
        "id": "PQ",
        "question": "?",
        "gold_path": [["a_b", "r", "c"], ["c", "r", "d"]],
        "answer": "d",
        "all_answers": ["d"],
    }
    [two] = ds.pathquestion(lines(tmp_path / "p.jsonl", chain))
    assert (two.kind, two.hops, two.extra["gold_path"][0][0]) == ("path", 2, "a_b")


def test_passages_in_every_form(tmp_path: Path) -> None:
    rows = [{"chunk_id": "c0", "source_title": "Hesk", "text": "An island."}] * 2
    assert list(ds.passages(lines(tmp_path / "a.jsonl", *rows))) == [ds.Passage("c0", "Hesk", "An island.")]
    anonymous = ds.Passage(ds.passage_id("Hesk", "An island."), "Hesk", "An island.")
    assert list(ds.passages(array(tmp_path / "b.json", {"title": "Hesk", "text": "An island."}))) == [
        anonymous
    ]
    pooled = tmp_path / "c.json"
    pooled.write_text(json.dumps({"Hesk": ["An", " island."]}, indent=2), "utf-8")
    assert list(ds.passages(pooled)) == [anonymous]


def test_kb_tsv_turns_inverse_facts_round_and_says_them_once(tmp_path: Path) -> None:
    path = tmp_path / "kb.tsv"
    path.write_text(
        "Alan_PULIDO\tplays_in_club\tTigres_UANL\n"
        "Tigres_UANL\tplays_in_club_inverse\tAlan_PULIDO\n"
        "Tigres_UANL\t~plays_in_club\tCarlos_SALCIDO\n",
        "utf-8",
    )
    first, second = ds.kb_tsv(path)
    assert first == ds.Fact("Alan_PULIDO", "plays_in_club", "Tigres_UANL")
    assert second.draft == TripleDraft("Carlos SALCIDO", "plays in club", "Tigres UANL")


def test_openie_leaves_out_what_is_no_triple(tmp_path: Path) -> None:
    path = tmp_path / "openie_gpt35.json"
    entry = {
        "title": "Hesk",
        "text": "An island.",
        "extracted_entities": ["Hesk", "Hesk"],
        "extracted_triples": [["Hesk", "is", "island"], ["Hesk", "is"], ["Hesk", "", "x"]],
    }
    path.write_text(json.dumps({"docs": [entry]}), "utf-8")
    [item] = ds.openie(path)
    assert item.triples == (TripleDraft("Hesk", "is", "island"),)
    assert item.mentions == ("Hesk",)
    assert item.passage.id == ds.passage_id("Hesk", "An island.")


@pytest.mark.parametrize(
    ("reader", "name", "content", "place", "what"),
    [
        (ds.hotpotqa, "q.jsonl", '{"_id": "1"\n', ":1", "not JSON"),
        (ds.hotpotqa, "q.jsonl", '{"_id": "1", "question": "?"}\n', ":1", "'answer'"),
        (ds.hotpotqa, "q.json", '[{"_id": 5}]', ", item 1", "not str"),
        (ds.hotpotqa, "q.json", "[7]", ", item 1", "not an object"),
        (ds.lihua, "q.jsonl", '\n{"answerable": 1}\n', ":2", "not bool"),
        (ds.kb_tsv, "kb.tsv", "a\tb\tc\nd\te\n", ":2", "not 3 cells"),
        (ds.passages, "c.json", '{\n"Hesk": "text"\n}', "", "not a list of sentences"),
        (ds.passages, "c.jsonl", "", "", "empty"),
        (ds.squad, "s.json", '{"data": [{"title": "x", "paragraphs": [3]}]}', ", data 1", "not an object"),
    ],
)
def test_errors_name_the_file_and_the_place(
    tmp_path: Path,
    reader: Callable[[Path], Iterator[object]],
    name: str,
    content: str,
    place: str,
    what: str,
) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(LoadError) as raised:
        list(reader(path))
    assert f"{path}{place}" in str(raised.value)
    assert what in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_a_load_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"no\.jsonl: No such file"):
        list(ds.musique(tmp_path / "no.jsonl"))


def test_files_that_are_not_utf8_are_a_load_error(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_bytes(b'{"id": "\xff"}')
    with pytest.raises(LoadError, match="not UTF-8"):
        list(ds.musique(tmp_path / "q.jsonl"))


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as opened:
        yield opened


async def test_triples_follow_their_passages_into_the_base(tmp_path: Path, base: KnowledgeBase) -> None:
    corpus = [
        {"chunk_id": "c0", "source_title": "Hesk", "text": "Hesk is an island."},
        {"chunk_id": "c1", "source_title": "Averrin", "text": "Averrin is a town."},
    ]
    triple = {"chunk_id": "c0", "subject": "hesk", "relation": "kind", "object": "island", "subj_id": "e1"}
    lines(tmp_path / "corpus.jsonl", *corpus)
    lines(tmp_path / "llm_triples.jsonl", {**triple, "llm_confidence": 0.5})
    lines(tmp_path / "entities.jsonl", {"entity_id": "e1", "canonical_name": "Isle of Hesk"})
    report = await ds.add_two_wiki(base, tmp_path)
    assert (report.added, report.triples) == (2, 1)
    [stored] = base.triples(entity="Isle of Hesk")
    assert (stored.relation, stored.object, stored.confidence) == ("kind", "island", 0.5)
    [chunk] = base.chunks([stored.chunk_id])
    assert chunk.text == "Hesk is an island."
    assert base.document("c0").title == "Hesk"
    again = await ds.add_two_wiki(base, tmp_path)
    assert (again.added, again.unchanged) == (0, 2)


async def test_triples_of_unknown_chunks_are_an_error(tmp_path: Path, base: KnowledgeBase) -> None:
    lines(tmp_path / "corpus.jsonl", {"chunk_id": "c0", "text": "Hesk is an island."})
    lines(tmp_path / "llm_triples.jsonl", {"chunk_id": "c9", "subject": "a", "relation": "b", "object": "c"})
    with pytest.raises(LoadError, match="1 chunk ids are not in the corpus, such as 'c9'"):
        await ds.add_two_wiki(base, tmp_path)


async def test_each_triple_of_a_long_passage_goes_to_one_chunk(base: KnowledgeBase) -> None:
    text = " ".join(f"Sentence {n} is about the sea and says little else." for n in range(80))
    passage = ds.Passage("p", "Sea", text + " At last came the Kittiwake.")
    triples = (
        TripleDraft("sea", "carries", "KITTIWAKE"),
        TripleDraft("Sentence 40", "is about", "nothing named here"),
        TripleDraft("neither", "is", "found"),
    )
    annotated = ds.AnnotatedPassage(passage, triples, ("Kittiwake",))
    report = await ds.add_annotated(base, [annotated], container="sea")
    assert report.chunks > 3
    assert report.triples == 3
    chunks = base.chunks_of(base.document("p").id)
    homes = {
        triple.object: base.chunks([triple.chunk_id])[0]
        for chunk in chunks
        for triple in base.triples(chunks=[chunk.id])
    }
    assert homes["KITTIWAKE"].id == chunks[-1].id
    assert "Sentence 40 " in homes["nothing named here"].text
    assert homes["found"].id == chunks[0].id


async def test_a_graph_goes_in_without_text(tmp_path: Path, base: KnowledgeBase) -> None:
    path = tmp_path / "kb.tsv"
    path.write_text("Alan_PULIDO\tplays_in_club\tTigres_UANL\n", "utf-8")
    report = await ds.add_graph(base, path)
    assert report.triples == 1
    assert base.graph.nx.number_of_edges() == 1
    assert base.triples(entity="alan pulido")[0].object == "Tigres UANL"


# --- decompositions ----------------------------------------------------------------------------------------


def test_break_steps_refer_only_back(tmp_path: Path) -> None:
    steps = ["return ships", "return #1 of Hesk", "return the number of #2 for each #1", "return #4 and #9"]
    row = {"id": "HOTPOT_dev_1", "question": "?", "steps": steps, "operators": "[]"}
    [item] = ds.break_qdmr(lines(tmp_path / "break.jsonl", row))
    assert (item.kind, item.plan.steps[1].question) == ("HOTPOT", "return #1 of Hesk")
    assert [step.depends_on for step in item.plan.steps] == [(), ("1",), ("2", "1"), ()]


def test_strategyqa_and_musique_steps(tmp_path: Path) -> None:
    strategy = {"qid": "a", "question": "?", "decomposition": ["How old is Ada?", "Is #1 over 9?"]}
    [item] = ds.strategyqa(array(tmp_path / "strategyqa.json", strategy))
    assert [step.depends_on for step in item.plan.steps] == [(), ("1",)]
    [item] = ds.musique_steps(array(tmp_path / "musique.json", MUSIQUE))
    assert (item.kind, len(item.plan.steps)) == ("3hop1", 3)


def test_fanoutqa_asks_once_for_all_that_a_step_lists(tmp_path: Path) -> None:
    def step(name: str, *before: str) -> dict[str, Any]:
        return {"id": name, "question": f"{name}?", "depends_on": list(before), "decomposition": []}

    fan = {"id": "f", "question": "?", "decomposition": [step("a"), step("b", "a"), step("c", "a")]}
    flat = {"id": "g", "question": "All?", "decomposition": [step("a"), step("b"), step("c")]}
    first, second = ds.fanoutqa(array(tmp_path / "fanout.json", fan, flat))
    assert [(s.question, s.depends_on) for s in first.plan.steps] == [("a?", ()), ("b?", ("1",))]
    assert [s.depends_on for s in second.plan.steps] == [(), (), (), ("1", "2", "3")]
    assert second.plan.steps[-1].question == "All?"


@pytest.mark.parametrize(
    ("reader", "row"),
    [
        (ds.break_qdmr, {"id": "a", "question": "?", "steps": "return ships"}),
        (ds.strategyqa, {"qid": "a", "question": "?"}),
        (ds.fanoutqa, {"id": "a", "question": "?", "decomposition": [{"id": "b"}]}),
    ],
)
def test_a_decomposition_that_does_not_fit_is_named(
    tmp_path: Path, reader: Callable[[Path], Iterator[ds.Decomposition]], row: dict[str, Any]
) -> None:
    with pytest.raises(LoadError, match=r"q\.jsonl:1"):
        list(reader(lines(tmp_path / "q.jsonl", row)))


# --- real data ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "name", "count", "unanswerable"),
    [
        (ds.two_wiki, "multihop_qa/2wiki500/questions.jsonl", 343, 0),
        (ds.two_wiki, "unanswerable/2wiki_no_knowledge.jsonl", 20, 20),
        (ds.musique, "multihop_qa/musique100/questions.json", 100, 0),
        (ds.hotpotqa, "multihop_qa/hotpot100/questions.json", 100, 0),
        (ds.hotpotqa, "multihop_qa/hotpot500/questions.jsonl", 485, 0),
        (ds.lihua, "unanswerable/lihua/questions.jsonl", 380, 39),
        (ds.mtrag_un, "unanswerable/mtrag_un.jsonl", 319, 138),
        (ds.squad, "extractive_qa/squad11_13articles.json", 4557, 0),
        (ds.pathquestion, "kgqa/pathquestion/pql3_questions.jsonl", None, 0),
        (ds.wc2014, "kgqa/wc2014/C_questions.jsonl", 848, 0),
        (ds.metaqa, "kgqa/metaqa/qa_1hop.jsonl", None, 0),
    ],
)
def test_real_questions(
    shared_data: Path,
    reader: Callable[[Path], Iterator[ds.Question]],
    name: str,
    count: int | None,
    unanswerable: int,
) -> None:
    questions = list(reader(shared_data / name))
    assert questions
    assert count is None or len(questions) == count
    assert sum(not question.answerable for question in questions) == unanswerable
    assert len({question.id for question in questions}) == len(questions)
    assert all(bool(question.answers) == question.answerable for question in questions)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("multihop_qa/2wiki500/corpus.jsonl", 3350),
        ("multihop_qa/musique100/corpus.json", 1890),
        ("multihop_qa/hotpot100/corpus.json", 994),
        ("multihop_qa/hotpot500/corpus.jsonl", 4937),
        ("multihop_qa/distractors/2wiki_corpus_6119.json", 6119),
        ("unanswerable/lihua/docs.jsonl", 442),
    ],
)
def test_real_corpora(shared_data: Path, name: str, count: int) -> None:
    assert len(list(ds.passages(shared_data / name))) == count


@pytest.mark.parametrize(
    ("folder", "reader", "questions", "corpus", "strays"),
    [
        ("multihop_qa/2wiki500", ds.two_wiki, "questions.jsonl", "corpus.jsonl", 0),
        ("multihop_qa/musique100", ds.musique, "questions.json", "corpus.json", 0),
        # Four evidence ids of LiHua-World are misspelt in the data set itself, such as 'What'.
        ("unanswerable/lihua", ds.lihua, "questions.jsonl", "docs.jsonl", 4),
    ],
)
def test_real_gold_passages_are_in_the_corpus(
    shared_data: Path,
    folder: str,
    reader: Callable[[Path], Iterator[ds.Question]],
    questions: str,
    corpus: str,
    strays: int,
) -> None:
    known = {passage.id for passage in ds.passages(shared_data / folder / corpus)}
    gold = {name for question in reader(shared_data / folder / questions) for name in question.gold}
    assert len(gold & known) > 100
    assert len(gold - known) == strays


def test_real_triples(shared_data: Path) -> None:
    two_wiki = shared_data / "multihop_qa/2wiki500"
    triples = list(ds.two_wiki_triples(two_wiki / "llm_triples.jsonl", two_wiki / "entities.jsonl"))
    assert len(triples) == 6296
    assert len({chunk for chunk, _ in triples}) == 841
    annotated = list(ds.openie(shared_data / "multihop_qa/musique100/openie_gpt35.json"))
    assert len(annotated) == 1890
    assert 17_000 < sum(len(item.triples) for item in annotated) <= 17_419 - 185
    assert sum(1 for _ in ds.kb_tsv(shared_data / "kgqa/metaqa/kb.tsv")) == 129_660
    facts = list(ds.kb_tsv(shared_data / "kgqa/wc2014/kb.tsv"))
    assert 0 < len(facts) < 6482
    assert not any("inverse" in fact.relation for fact in facts)


async def test_a_real_graph_goes_in(shared_data: Path, base: KnowledgeBase) -> None:
    await ds.add_graph(base, shared_data / "kgqa/pathquestion/pq2_kb.tsv")
    names = {data["name"] for _, data in base.graph.nx.nodes(data=True)}
    questions = list(ds.pathquestion(shared_data / "kgqa/pathquestion/pq2_questions.jsonl"))
    assert all(answer in names for question in questions for answer in question.answers)


@pytest.mark.parametrize(
    ("reader", "name", "count"),
    [
        (ds.break_qdmr, "decomposition/break_QDMR-high-level.jsonl", 2168),
        (ds.break_qdmr, "decomposition/break_QDMR.jsonl", 6109),
        (ds.strategyqa, "decomposition/strategyqa_train.json", 2061),
        (ds.fanoutqa, "decomposition/fanoutqa.json", 218),
        (ds.musique_steps, "multihop_qa/musique100/questions.json", 100),
    ],
)
def test_real_decompositions(
    shared_data: Path, reader: Callable[[Path], Iterator[ds.Decomposition]], name: str, count: int
) -> None:
    items = list(reader(shared_data / name))
    assert len(items) == count
    for item in items:
        places = {step.id: number for number, step in enumerate(item.plan.steps)}
        assert all(places[n] < places[step.id] for step in item.plan.steps for n in step.depends_on)
