"""A part of the knowledge graph as an interactive page, and which part of it to show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from kedge._views.clean import clean, one_line
from kedge._views.pages import asset, embed_json, escape, page

if TYPE_CHECKING:
    from kedge import KnowledgeBase
    from kedge.graphs.answer import Answer
    from kedge.tools.knowledge_base import Chunk, Triple

__all__ = [
    "Edge",
    "Node",
    "Picture",
    "drawable",
    "graph_html",
    "picture_of_answer",
    "picture_of_graph",
    "picture_of_triples",
]

QUOTE = 400
WHOLE_PAGE = """
const drawing = drawGraph(document.body, JSON.parse(document.getElementById("data").textContent));
if (location.hash === "#focus") drawing.focus();
"""


@dataclass(frozen=True, slots=True)
class Node:
    """An entity, the entity in focus, or a passage that is cited."""

    id: str
    label: str
    kind: Literal["entity", "focus", "passage"] = "entity"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation between two nodes, by their ids, with the words that say so and where they stand."""

    source: str
    target: str
    label: str
    quote: str = ""
    origin: str = ""
    path: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn, and what was left out of it."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    note: str = ""

    def as_dict(self) -> dict[str, object]:
        """The picture as plain data, for JSON."""
        return asdict(self)


def graph_html(nodes: Sequence[Node], edges: Sequence[Edge], *, title: str, note: str = "") -> str:
    """A self-contained page: drag, zoom, search, hover for the words behind a relation, click to focus.

    Edges whose ends are not both among the nodes are left out.
    """
    body = f"""<header>
<h1>{escape(title)}</h1><p>{escape(note)}</p>
<label>Find <input class="find" list="names" autocomplete="off" spellcheck="false"></label>
<datalist class="names" id="names"></datalist>
<span role="group" aria-label="Zoom"><button type="button" class="wider" aria-label="Zoom out">−</button>
<button type="button" class="closer" aria-label="Zoom in">+</button>
<button type="button" class="whole">Fit</button></span>
</header>
<main><svg class="stage" role="group" aria-label="{escape(title)}"></svg>
<aside class="panel" aria-live="polite"></aside></main>
<div class="tip" role="tooltip" hidden></div>
<script type="application/json" id="data">{embed_json(drawable(nodes, edges))}</script>"""
    return page(
        title, body, style=asset("drawing.css") + asset("graph.css"), script=asset("graph.js") + WHOLE_PAGE
    )


def drawable(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, object]:
    """What `graph.js` draws: edges name their ends by place; one without both its ends there is left out."""
    places = {node.id: place for place, node in enumerate(nodes)}
    return {
        "nodes": [_shown(asdict(node)) for node in nodes],
        "edges": [
            _shown(asdict(edge)) | {"source": places[edge.source], "target": places[edge.target]}
            for edge in edges
            if edge.source in places and edge.target in places
        ],
    }


def picture_of_triples(
    triples: Iterable[Triple],
    chunks: Callable[[Sequence[int]], Iterable[Chunk]],
    *,
    key: Callable[[str], str],
    centre: str | None = None,
    hops: int = 2,
    most: int = 300,
) -> Picture:
    """The neighbourhood of an entity, or the best-connected part of the graph when `centre` is `None`.

    Args:
        triples: All triples that may be shown.
        chunks: Gives chunks by id, for the words behind each relation.
        key: The identity of an entity's name.
        centre: Key of the entity in the middle.
        hops: How far from it to go.
        most: Most entities to draw. Nearer ones come first, then better-connected ones; the note says how
            many were left out.
    """
    rows = [(key(triple.subject), key(triple.object), triple) for triple in triples]
    spellings: dict[str, Counter[str]] = {}
    neighbours: dict[str, set[str]] = {}
    for subject, target, triple in rows:
        spellings.setdefault(subject, Counter())[triple.subject] += 1
        spellings.setdefault(target, Counter())[triple.object] += 1
        neighbours.setdefault(subject, set()).add(target)
        neighbours.setdefault(target, set()).add(subject)
    reached = dict.fromkeys(neighbours, 0) if centre is None else _reach(neighbours, centre, hops)
    order = sorted(reached, key=lambda name: (reached[name], -len(neighbours[name]), name))
    kept = set(order[:most])
    shown = [row for row in rows if row[0] in kept and row[1] in kept]
    found = {chunk.id: chunk for chunk in chunks(sorted({triple.chunk_id for _, _, triple in shown}))}
    names = {name: seen.most_common(1)[0][0] for name, seen in spellings.items()}
    nodes = tuple(Node(name, names[name], "focus" if name == centre else "entity") for name in order[:most])
    edges = tuple(
        Edge(subject, target, triple.relation, *_said(found.get(triple.chunk_id), triple))
        for subject, target, triple in shown
    )
    cut = f"; {len(order) - most:,} more entities are not drawn" if len(order) > most else ""
    around = f" within {hops} hop{'s' * (hops != 1)}" if centre is not None else ""
    note = f"{len(nodes):,} entities and {len(edges):,} relations{around}{cut}"
    return Picture(names[centre] if centre is not None else "Knowledge graph", nodes, edges, note)


def picture_of_graph(
    base: KnowledgeBase, centre: str | None = None, *, hops: int = 1, most: int = 150
) -> Picture:
    """The neighbourhood of an entity, by its key, or the best-connected part without.

    However large the graph is, only the triples are read that may be drawn.
    """
    from kedge.tools.knowledge_base import entity_key
    from kedge.tools.walks import among, compiled, nearest

    graph = base.graph
    with graph.lock:
        arrays = compiled(graph)
        degrees = arrays.degrees()
        if centre is None:
            count, of = graph.nx.number_of_edges(), "relations"
            triples = among(graph, [arrays.keys[place] for place in (-degrees).argsort(kind="stable")[:most]])
        else:
            count, of = int(degrees[arrays.ids[centre]]), f"of {graph.name(centre)}"
            triples = nearest(graph, [centre], most=2 * most)
    if centre is not None and not triples:
        only = Node(centre, graph.name(centre), "focus")
        return Picture(only.label, (only,), (), "documents mention it, no more")
    picture = picture_of_triples(triples, base.chunks, key=entity_key, centre=centre, hops=hops, most=most)
    left = count - sum(centre is None or centre in (edge.source, edge.target) for edge in picture.edges)
    more = f"; {left:,} more {of} are not drawn" if left > 0 else ""
    return replace(picture, note=picture.note + more)


def picture_of_answer(answer: Answer, *, key: Callable[[str], str] = str.casefold) -> Picture:
    """The evidence path of an answer, and the passages that it cites."""
    names: dict[str, str] = {}
    for step in answer.path:
        names.setdefault(key(step.subject), step.subject)
        names.setdefault(key(step.object), step.object)
    quoted = answer.citations or (answer.abstention.nearest if answer.abstention else ())
    passages = {f"passage {c.number}": c for c in quoted}
    said = key(answer.text) if answer.text is not None else None
    nodes = [Node(name, label, "focus" if name == said else "entity") for name, label in names.items()]
    nodes += [
        Node(name, f"[{c.number}] {c.title or c.source}", "passage", one_line(c.quote, QUOTE))
        for name, c in passages.items()
    ]
    by_number = {c.number: c for c in quoted}
    edges = []
    for step in answer.path:
        cited = by_number.get(step.citation or 0)
        quote, origin = (one_line(cited.quote, QUOTE), cited.source) if cited else ("", "")
        edges.append(Edge(key(step.subject), key(step.object), step.relation, quote, origin, path=True))
    for name, citation in passages.items():
        text = citation.quote.casefold()
        edges += [
            Edge(name, entity, "mentions", one_line(citation.quote, QUOTE), citation.source)
            for entity, label in names.items()
            if label.casefold() in text
        ]
    note = f"Answer: {answer.text}" if answer.text is not None else str(answer)
    return Picture(answer.question, tuple(nodes), tuple(edges), one_line(note, QUOTE))


def _reach(neighbours: Mapping[str, set[str]], centre: str, hops: int) -> dict[str, int]:
    reached, edge = {centre: 0}, {centre}
    for hop in range(1, hops + 1):
        edge = {other for name in edge for other in neighbours[name] if other not in reached}
        reached.update(dict.fromkeys(edge, hop))
    return reached


def _said(chunk: Chunk | None, triple: Triple) -> tuple[str, str]:
    if chunk is None:
        return "", ""
    text = clean(chunk.text)
    start = max(0, text.casefold().find(triple.object.casefold()) - QUOTE // 2)
    cut = text[start : start + QUOTE].strip()
    quote = ("…" if start else "") + cut + ("…" if start + QUOTE < len(text) else "")
    page = f", page {chunk.page}" if chunk.page else ""
    return quote, f"{chunk.title or chunk.source}{page}, characters {chunk.start}–{chunk.end}"


def _shown(record: dict[str, object]) -> dict[str, object]:
    return {name: clean(value) if isinstance(value, str) else value for name, value in record.items()}
