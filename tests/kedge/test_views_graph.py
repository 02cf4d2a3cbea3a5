"""The picture of a graph: what is in it, and that names stay data."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from kedge._views.graph import Edge, Node, graph_html, picture_of_answer, picture_of_triples
from kedge.agents.decisions import Gap
from kedge.graphs.answer import Abstention, Answer, Citation, Step
from kedge.tools.knowledge_base import Chunk, Triple, entity_key

NASTY = "</script><img src=x onerror=alert(1)>\u2028<!--"


def triple(number: int, subject: str, target: str) -> Triple:
    return Triple(number, subject, f"r{number}", target, chunk_id=number)


def chunks(ids: Sequence[int]) -> Iterable[Chunk]:
    text = "x" * 600 + " Gull sailed. " + "y" * 600
    return [Chunk(i, "d", "a.txt", "", "", text, 10, 1224, page=2) for i in ids if i != 3]


CHAIN = [
    triple(1, "Ada", "Gull"),
    triple(2, "Gull", "Tarn"),
    triple(3, "tarn", "Moss"),
    triple(4, "Far", "Away"),
]


def embedded(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_page_holds_the_graph_and_nothing_can_break_out_of_it() -> None:
    nodes = [Node("a", NASTY, "focus", NASTY), Node("b", "B\x1b[31m")]
    page = graph_html(
        nodes, [Edge("a", "b", NASTY, NASTY, NASTY), Edge("a", "gone", "r")], title=NASTY, note=NASTY
    )
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page
    data = embedded(page)
    assert [node["label"] for node in data["nodes"]] == [NASTY, "B"]
    assert [(edge["source"], edge["target"], edge["label"]) for edge in data["edges"]] == [(0, 1, NASTY)]


def test_the_page_runs_its_own_script_only_and_loads_nothing() -> None:
    page = graph_html([Node("a", "A")], [], title="T")
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'" in page
    )
    assert not re.search(r"(src|href)=|@import|url\((?!#)|innerHTML|eval\(", page)


@pytest.mark.parametrize(("hops", "names"), [(1, {"ada", "gull"}), (2, {"ada", "gull", "tarn"})])
def test_a_neighbourhood_reaches_as_far_as_asked(hops: int, names: set[str]) -> None:
    picture = picture_of_triples(CHAIN, chunks, key=entity_key, centre="ada", hops=hops)
    assert {node.id for node in picture.nodes} == names
    assert [node.id for node in picture.nodes if node.kind == "focus"] == ["ada"]
    assert picture.title == "Ada"
    assert {node.label for node in picture.nodes} <= {"Ada", "Gull", "Tarn"}
    assert f"within {hops} hop" in picture.note


def test_a_relation_carries_the_words_that_say_so() -> None:
    picture = picture_of_triples(CHAIN, chunks, key=entity_key)
    quoted = {edge.label: edge for edge in picture.edges}
    assert "Gull sailed." in quoted["r1"].quote
    assert quoted["r1"].quote.startswith("…")
    assert len(quoted["r1"].quote) <= 402
    assert quoted["r1"].origin == "a.txt, page 2, characters 10–1224"
    assert quoted["r3"].quote == ""  # its chunk is gone


def test_a_large_neighbourhood_is_cut_and_says_so() -> None:
    star = [triple(i, "hub", f"leaf {i}") for i in range(50)] + [triple(99, "leaf 7", "leaf 8")]
    picture = picture_of_triples(star, chunks, key=entity_key, centre="hub", most=10)
    kept = {node.id for node in picture.nodes}
    assert len(kept) == 10
    assert {"hub", "leaf 7", "leaf 8"} <= kept
    assert all(edge.source in kept and edge.target in kept for edge in picture.edges)
    assert picture.note.endswith("41 more entities are not drawn")


def test_an_answer_is_drawn_with_the_passages_it_cites() -> None:
    cited = Citation(
        number=1,
        chunk_id=1,
        document_id="d",
        source="a.txt",
        title="A",
        quote="Gull was built by Ada.",
        start=0,
        end=22,
    )
    step = Step(subject="Gull", relation="built by", object="Ada", citation=1)
    answer = Answer(question="Who built Gull?", method="m", text="Ada", citations=(cited,), path=(step,))
    picture = picture_of_answer(answer)
    assert [(node.kind, node.label) for node in picture.nodes] == [
        ("entity", "Gull"),
        ("focus", "Ada"),  # the answer
        ("passage", "[1] A"),
    ]
    path, *mentions = picture.edges
    assert (path.path, path.quote) == (True, "Gull was built by Ada.")
    assert {edge.target for edge in mentions} == {"gull", "ada"}
    assert picture.note == "Answer: Ada"

    gap = Gap(kind="entity", target="Ada", description="who Ada is")
    refused = Answer(
        question="q",
        method="m",
        abstention=Abstention(reason="missing hop", missing=(gap,), nearest=(cited,)),
    )
    assert [node.kind for node in picture_of_answer(refused).nodes] == ["passage"]
    assert "who Ada is" in picture_of_answer(refused).note
