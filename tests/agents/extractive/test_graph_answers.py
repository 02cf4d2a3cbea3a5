from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest

from kedge.agents.extractive.alignment import Grades, account, extend, finish, start
from kedge.agents.extractive.graph_answers import Topic, answer_from_graph, find_topics, outlook_of
from kedge.agents.extractive.mentions import read_request
from kedge.agents.extractive.path_search import Course, evaluate, perceive, rounds_of
from kedge.testing import FakeEncoder
from kedge.tools.encoders import MiniLM
from kedge.tools.knowledge_base import KnowledgeGraph, entity_key
from kedge.tools.knowledge_base.rows import TripleRow


def graph_of(facts: Iterable[tuple[str, str, str]]) -> KnowledgeGraph:
    graph = KnowledgeGraph()
    graph.add(
        TripleRow(number, "d", None, s, relation, o, entity_key(s), entity_key(o), 1.0)
        for number, (s, relation, o) in enumerate(facts, start=1)
    )
    return graph


ENCODER = MiniLM()  # loaded by the first test that encodes: what things are called is the subject here

FILMS = graph_of(
    [
        ("The Grey Heron", "directed_by", "Ines Marrick"),
        ("The Grey Heron", "starred_actors", "Bo Quill"),
        ("The Grey Heron", "written_by", "Cy Sorley"),
        ("The Grey Heron", "release_year", "1931"),
        ("Low Tide", "directed_by", "Ines Marrick"),
        ("Low Tide", "starred_actors", "Dot Fell"),
        ("Low Tide", "release_year", "1934"),
        ("Ferry Night", "directed_by", "Hal Orlo"),
        ("Ferry Night", "starred_actors", "Bo Quill"),
        ("Ferry Night", "starred_actors", "Eve Ashby"),
        ("Ferry Night", "release_year", "1936"),
        ("Ferry Night", "has_genre", "Drama"),
        ("Low Tide", "has_genre", "Comedy"),
        ("Ines Marrick", "spouse", "Hal Orlo"),
        ("Hal Orlo", "children", "Gil Orlo"),
    ]
)


@pytest.mark.parametrize(
    ("question", "answers", "path"),
    [
        ("who directed The Grey Heron", {"ines marrick"}, ("directed by",)),
        ("what films did Ines Marrick direct", {"the grey heron", "low tide"}, ("~directed by",)),
        ("when was Low Tide released", {"1934"}, ("release year",)),
        (
            "which films share actors with The Grey Heron",
            {"ferry night"},
            ("starred actors", "~starred actors"),
        ),
        ("who acted together with Eve Ashby", {"bo quill"}, ("~starred actors", "starred actors")),
        ("what is the Ines Marrick 's husband 's kid ?", {"gil orlo"}, ("spouse", "children")),
        (
            "what genres are the films starred by The Grey Heron actors",
            {"drama"},
            ("starred actors", "~starred actors", "has genre"),
        ),
        (
            "who starred in the films directed by the director of The Grey Heron",
            {"dot fell"},
            ("directed by", "~directed by", "starred actors"),
        ),
    ],
)
async def test_questions_find_their_path(question: str, answers: set[str], path: tuple[str, ...]) -> None:
    found = await answer_from_graph(question, FILMS, ENCODER)
    assert found.paths == (path,)
    assert set(found.answers) == answers
    assert len(found.triples) == len(path)


async def test_two_topics_are_joined() -> None:
    question = "name a film that Ines Marrick directed and Bo Quill starred in"
    found = await answer_from_graph(question, FILMS, ENCODER)
    assert found.answers == ("the grey heron",)
    assert len(found.paths) == 2


async def test_the_loop_finds_what_one_pass_misses() -> None:
    # The first hop that looks best alone, the year, is not on the way.
    question = "what were the release years of the films that share actors with The Grey Heron"
    topics = [Topic("the grey heron", (question.index("The Grey"), len(question)))]
    once = await answer_from_graph(question, FILMS, ENCODER, topics=topics, rounds=0, doubt=9.0)
    closed = await answer_from_graph(question, FILMS, ENCODER, topics=topics)
    assert once.answers != ("1936",)
    assert closed.answers == ("1936",)
    assert closed.rounds[0].diagnosis != "sufficient"
    assert closed.rounds[closed.best].quality > closed.rounds[0].quality


async def test_the_best_round_is_never_worse_than_the_first() -> None:
    for question in (
        "who wrote films with Bo Quill",
        "when did films of Hal Orlo release",
        "who is Gil Orlo",
    ):
        topic = find_topics(question, FILMS)[0]
        outlook = await outlook_of(question, FILMS, ENCODER, topic)
        found = rounds_of(outlook, 3)
        assert max(turn.quality for _, turn in found) >= found[0][1].quality


async def test_without_the_answer_there_is_none() -> None:
    found = await answer_from_graph("who directed The Grey Heron", FILMS, ENCODER, without=["ines marrick"])
    assert found.answers == ()
    assert found.reason == "missing hop"


@pytest.mark.parametrize(
    ("question", "reason"),
    [("who sang it?", "out of corpus"), ("", "out of corpus"), ("???", "out of corpus")],
)
async def test_a_question_about_nothing_known_is_not_answered(question: str, reason: str) -> None:
    assert (await answer_from_graph(question, FILMS, ENCODER)).reason == reason


async def test_an_empty_graph_and_a_lonely_topic_are_not_answered() -> None:
    assert (await answer_from_graph("who is Ada?", KnowledgeGraph(), FakeEncoder())).reason == "out of corpus"
    lonely = KnowledgeGraph()
    lonely.nx.add_node("ada", name="Ada")
    assert (await answer_from_graph("who is Ada?", lonely, FakeEncoder())).reason == "missing hop"
    beside = graph_of([("Bo", "knows", "Cy")])
    beside.nx.add_node("ada", name="Ada")
    assert (await answer_from_graph("who knows Ada?", beside, FakeEncoder())).reason == "missing hop"


async def test_a_topic_that_says_nothing_else_is_not_answered_nor_an_error() -> None:
    found = await answer_from_graph("Low Tide", FILMS, ENCODER)
    assert all(np.isfinite(turn.quality) for turn in found.rounds)


async def test_relations_in_other_scripts_are_met_by_their_own_words() -> None:
    graph = graph_of([("Ada", "место рождения", "Лондон"), ("Ada", "профессия", "поэт")])
    found = await answer_from_graph("Ada место рождения", graph, FakeEncoder())
    assert found.answers == ("лондон",)


@pytest.mark.parametrize(
    ("question", "topic", "words", "kind", "sharing"),
    [
        ("who wrote films that share actors with X", "X", ("actors", "films", "wrote"), "person", (1,)),
        ("the films directed by X were written by who", "X", ("by", "directed", "films", "written", "by"),
         "person", ()),
        ("what genres are films by X actors", "X", ("actors", "by", "films", "genres"), "", ()),
        ("X 's other half 's kid ?", "X", ("other half", "kid"), "", ()),
        ("when did the films by X writers release", "X", ("writers", "by", "films", "when", "release"),
         "date", ()),
        ("how old is X ?", "X", ("old",), "number", ()),
    ],
)  # fmt: skip
def test_words_come_in_the_order_of_the_walk(
    question: str, topic: str, words: tuple[str, ...], kind: str, sharing: tuple[int, ...]
) -> None:
    at = question.index(topic)
    request = read_request(question, (at, at + len(topic)))
    assert sorted(request.words) == sorted(words)
    assert request.words[:3] == words[:3]
    assert (request.kind, request.sharing) == (kind, sharing)


def test_possessives_and_of_part_facts() -> None:
    request = read_request("X 's father 's wife", (0, 1))
    assert request.parted == (True, True)
    assert read_request("the script writer of X", (21, 22)).parted == (True, False)


def test_names_inside_names_and_brackets() -> None:
    graph = graph_of([("The Grey Heron", "tags", "heron"), ("heron", "is", "grey")])
    assert [topic.entity for topic in find_topics("who saw The Grey Heron", graph)] == ["the grey heron"]
    assert [topic.entity for topic in find_topics("who saw [heron] or The Grey Heron", graph)] == ["heron"]


@pytest.mark.parametrize("seed", range(60))
def test_one_path_at_a_time_scores_as_many_at_once(seed: int) -> None:
    draw = np.random.default_rng(seed)
    words, steps = int(draw.integers(0, 7)), 8
    weights = draw.random(words).astype(np.float32)
    grades = Grades(
        weights / max(weights.sum(), np.float32(1e-9)),
        (draw.random((words, steps)) ** 3).astype(np.float32),
        (draw.random((words, steps)) ** 3).astype(np.float32),
        draw.random(steps).astype(np.float32),
        (draw.random(words) < 0.3).astype(np.float32),
        (draw.random(words + 1) < 0.2).astype(np.float32),
    )
    path = tuple(int(step) for step in draw.integers(0, steps, draw.integers(1, 4)))
    aligned = start(grades)
    for step in path:
        aligned = extend(grades, aligned, np.zeros(1, np.intp), np.array([step], np.int32))
    assert account(grades, path).score == pytest.approx(float(finish(grades, aligned)[0]), abs=1e-5)


@pytest.mark.parametrize("seed", range(10))
async def test_any_words_on_any_graph_end_well(seed: int) -> None:
    draw = random.Random(seed)
    labels = ("likes", "made_by", "~made_by", "is", "of", "")
    graph = graph_of(
        (f"e{draw.randrange(9)}", draw.choice(labels), f"e{draw.randrange(9)}") for _ in range(40)
    )
    vocabulary = [
        "who",
        "made",
        "e1",
        "the",
        "of",
        "'s",
        "same",
        "likes",
        "where",
        "?",
        "e2",
        "also",
        "co-made",
    ]
    question = " ".join(draw.choices(vocabulary, k=10))
    found = await answer_from_graph(question, graph, FakeEncoder())
    assert bool(found.answers) != bool(found.reason)
    for topic in find_topics(question, graph)[:1]:
        outlook = await outlook_of(question, graph, FakeEncoder(), topic)
        path = perceive(outlook, Course(width=16))
        assert path is None or 0.0 <= evaluate(outlook, path).coverage <= 1.0
