"""MetaKGRAG: perceive a path, evaluate it, adjust from a pivot on it; answer from the best round.

After MetaKGRAG (arXiv 2508.09460), whose formulas were not published where we could read them; these are
Kedge's own:

    coverage   Σ w(c)·match(c) / Σ w(c), the share of the question's concepts that the evidence meets
    relevance  mean over the hops of the round's best walk of cos(aim, triple)
    drift      on the walk that went furthest, the first hop whose relevance is DRIFT below the one before;
               it is acted on when the judge names no gap, since a gap says more about where to go
    quality    0.6·coverage + 0.4·relevance; any sufficient round ranks above any insufficient one
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Sequence
from itertools import pairwise
from operator import add
from typing import Annotated, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, ConfigDict

from kedge.agents.decisions import Concept, Judgement, Link
from kedge.graphs.answer import Answer, compose
from kedge.graphs.context import Context, halting
from kedge.graphs.events import Event
from kedge.graphs.evidence import along, fused, leading, match, path
from kedge.tools.knowledge_base import Evidence, KnowledgeBase
from kedge.tools.search import hybrid
from kedge.tools.walks import Aim, Hop, Survey, Trail, Walk, beam_walk, evidence_of, look, look_further

__all__ = ["STATE_TYPES", "builder", "graph"]

LEADING = 6  # passages of the best trails, which answer together and so stay together
SEARCH_DEPTH = 20  # passages fetched per search, before fusion
WALKS_KEPT = 8
COVERED = 0.6  # a concept counts as met from this match on
DRIFT = 0.15
NO_GAIN = 0.02

Diagnosis = Literal["sufficient", "coverage", "drift"]


class Course(BaseModel):
    """Where the next look starts, what it aims at, and which triples it must not use again."""

    model_config = ConfigDict(frozen=True)

    starts: tuple[str, ...]
    aim: str
    tabu: frozenset[int] = frozenset()


class Round(BaseModel):
    """One turn of the loop: enough to read an answer from it, and to explain it."""

    model_config = ConfigDict(frozen=True)

    number: int
    evidence: tuple[Evidence, ...]
    walks: tuple[Walk, ...]
    coverage: dict[str, float]
    judgement: Judgement
    diagnosis: Diagnosis
    quality: float


STATE_TYPES = (Course, Round, Survey, Trail)


class State(TypedDict, total=False):
    """What flows through the graph; `walks` and `evidence` only grow, so a kept prefix is never lost."""

    question: str
    concepts: tuple[Concept, ...]
    links: tuple[Link, ...]
    courses: Annotated[list[Course], add]
    walks: tuple[Walk, ...]
    latest: tuple[Walk, ...]
    survey: Survey
    evidence: tuple[Evidence, ...]
    rounds: Annotated[list[Round], add]
    halted: bool
    trace: Annotated[list[Event], add]
    answer: Answer


async def understand(state: State, runtime: Runtime[Context]) -> State:
    """Find the question's concepts and the entities they mean: the first course starts there."""
    context, question = runtime.context, state["question"]
    concepts = await context.meter.play("concepts", context.cast.concepts, question)
    links = await context.meter.play("link", context.cast.link, concepts, context.base)
    starts = tuple(dict.fromkeys(link.entity for link in links))
    message = (
        f"linked to {', '.join(starts)}" if starts else "no entity of the graph is named in the question"
    )
    event = context.event("linked", message, concepts=[c.text for c in concepts], entities=list(starts))
    course = Course(starts=starts, aim=question)
    return {"concepts": concepts, "links": links, "courses": [course], "trace": [event]}


async def perceive(state: State, runtime: Runtime[Context]) -> State:
    """Walk the graph from the course's starts, and from passage to passage; what was found before stays."""
    context, course, number = runtime.context, state["courses"][-1], len(state.get("rounds", []))
    base, aim = context.base, _aim(state)
    found = await context.meter.play(
        "walk", beam_walk, base.graph, base.encoder, course.starts, aim, tabu=course.tabu
    )
    passages = await context.meter.play("search", hybrid, base, course.aim, SEARCH_DEPTH)
    survey = await context.meter.play("search", _survey, base, state, context.meter.budget.rounds)
    trails = await to_thread(evidence_of, base, survey, SEARCH_DEPTH)
    latest = tuple(found[:WALKS_KEPT])
    others = fused([trails, state.get("evidence", ()), passages, along(base, latest)])
    evidence = leading(trails[:LEADING], others)
    event = context.event(
        "perceived",
        f"{len(latest)} walks and {len(passages)} passages towards: {course.aim}",
        turn=number,
        path=[str(hop.triple) for hop in latest[0].hops] if latest else [],
        chunks=[item.chunk.id for item in evidence[: context.passages]],
    )
    walks = (*state.get("walks", ()), *latest)
    return {"walks": walks, "latest": latest, "survey": survey, "evidence": evidence, "trace": [event]}


async def evaluate(state: State, runtime: Runtime[Context]) -> State:
    """Measure coverage and relevance, ask the judge, and say what is wrong with this round."""
    context, number = runtime.context, len(state.get("rounds", []))
    evidence = state["evidence"][: context.passages]
    judgement = await context.judge(state["question"], evidence)
    matches = {c.text: match(c, state["links"], state["walks"], evidence) for c in state["concepts"]}
    weight = sum(c.weight for c in state["concepts"]) or 1.0
    coverage = sum(c.weight * matches[c.text] for c in state["concepts"]) / weight
    best = state["latest"][0].hops if state["latest"] else ()
    relevance = sum(hop.relevance for hop in best) / len(best) if best else 0.0
    diagnosis: Diagnosis = "coverage"
    if judgement.sufficient:
        diagnosis = "sufficient"
    elif not judgement.gaps and _drifted(state["latest"]):
        diagnosis = "drift"
    turn = Round(
        number=number,
        evidence=evidence,
        walks=state["walks"],
        coverage=matches,
        judgement=judgement,
        diagnosis=diagnosis,
        quality=0.6 * coverage + 0.4 * relevance,
    )
    gaps = "; ".join(gap.description for gap in judgement.gaps)
    event = context.event(
        "evaluated",
        f"{diagnosis}, coverage {coverage:.2f}, relevance {relevance:.2f}" + (f": {gaps}" if gaps else ""),
        turn=number,
        diagnosis=diagnosis,
        coverage=matches,
        relevance=relevance,
        quality=turn.quality,
        gaps=[gap.model_dump() for gap in judgement.gaps],
        notes=list(judgement.notes),
    )
    return {"rounds": [turn], "trace": [event]}


async def adjust(state: State, runtime: Runtime[Context]) -> State:
    """Choose the pivot: before the drift, at the entity nearest to the gap, or anywhere the gap links to."""
    context, turn = runtime.context, state["rounds"][-1]
    drifted = _drifted(state["latest"])
    if turn.diagnosis == "drift" and drifted:
        tabu = state["courses"][-1].tabu | {drifted.triple.id}
        course = Course(starts=(drifted.origin,), aim=state["question"], tabu=tabu)
        message = f"back to {drifted.origin}, avoiding: {drifted.triple}"
    else:
        wanted = _next_aim(state)
        if wanted is None:
            event = context.event("adjusted", "nothing new to try", turn=turn.number)
            return {"halted": True, "trace": [event]}
        target, aim = wanted
        concept = Concept(text=target, kind="name")
        links = await context.meter.play("link", context.cast.link, [concept], context.base)
        course = Course(starts=_pivots(state, links), aim=aim)
        message = f"from {', '.join(course.starts) or 'the passages'}, looking for: {aim}"
    event = context.event("adjusted", message, turn=turn.number, **course.model_dump(mode="json"))
    return {"courses": [course], "trace": [event]}


async def answer(state: State, runtime: Runtime[Context]) -> State:
    """Read the answer from the best round, which need not be the last."""
    context, rounds = runtime.context, state.get("rounds", [])
    best = max(rounds, key=lambda turn: (turn.judgement.sufficient, turn.quality), default=None)
    evidence = best.evidence if best else ()
    reading = await context.read(state["question"], evidence, best.judgement.gaps if best else ())
    message, number = reading.answer or f"no answer: {reading.reason}", best.number if best else 0
    event = context.event("answered", message, turn=number, notes=list(reading.notes))
    composed = compose(
        state["question"],
        "metakgrag",
        reading,
        evidence,
        path(context.base, best.walks, reading, evidence) if best else (),
        ledger=context.meter.ledger(),
        trace=[*state["trace"], event],
    )
    return {"answer": composed, "trace": [event]}


def after_evaluate(state: State, runtime: Runtime[Context]) -> Literal["answer", "adjust"]:
    """Stop when it suffices, when rounds are used up, or when two rounds in a row gained nothing."""
    if state.get("halted"):
        return "answer"
    rounds = state["rounds"]
    gains = [later.quality - earlier.quality for earlier, later in pairwise(rounds)]
    stuck = len(gains) >= 2 and max(gains[-2:]) < NO_GAIN
    spent = len(rounds) > runtime.context.meter.budget.rounds
    return "answer" if rounds[-1].diagnosis == "sufficient" or stuck or spent else "adjust"


def towards_perceive(state: State) -> Literal["answer", "perceive"]:
    """Look, unless the budget is used up or there is nothing new to try."""
    return "answer" if state.get("halted") else "perceive"


def towards_evaluate(state: State) -> Literal["answer", "evaluate"]:
    """Evaluate what was seen, unless the budget ran out while looking."""
    return "answer" if state.get("halted") else "evaluate"


builder = StateGraph(State, context_schema=Context)
builder.add_node("understand", halting(understand))
builder.add_node("perceive", halting(perceive))
builder.add_node("evaluate", halting(evaluate))
builder.add_node("adjust", halting(adjust))
builder.add_node("answer", answer)
builder.add_edge(START, "understand")
builder.add_conditional_edges("understand", towards_perceive)
builder.add_conditional_edges("perceive", towards_evaluate)
builder.add_conditional_edges("evaluate", after_evaluate)
builder.add_conditional_edges("adjust", towards_perceive)
builder.add_edge("answer", END)

graph = builder.compile(name="metakgrag")


def _aim(state: State) -> Aim:
    """The course's text, and the concepts that no round has met yet."""
    met = state["rounds"][-1].coverage if state.get("rounds") else {}
    missing = [c for c in state["concepts"] if met.get(c.text, 0.0) < COVERED]
    return Aim(state["courses"][-1].aim, tuple(c.text for c in missing), tuple(c.weight for c in missing))


async def _survey(base: KnowledgeBase, state: State, rounds: int) -> Survey:
    """Passages that answer together: the question's own, and then, a step a round, what their names lead to.

    The first round takes its first step at once, unless no rounds are allowed: a judge that sees only half a
    chain may take it for the whole.
    """
    if "survey" in state:
        return await look_further(base, state["survey"])
    survey = await look(base, state["question"])
    return await look_further(base, survey) if rounds else survey


def _drifted(walks: Sequence[Walk]) -> Hop | None:
    """The hop where relevance fell on the walk that went furthest, if it did."""
    hops = max((walk.hops for walk in walks), key=len, default=())
    return next((b for a, b in pairwise(hops) if b.relevance < a.relevance - DRIFT), None)


def _next_aim(state: State) -> tuple[str, str] | None:
    """What the next course is about and looks for: a gap in its words, its target alone, an unmet name."""
    turn, tried = state["rounds"][-1], {course.aim for course in state["courses"]}
    gaps = [gap for past in reversed(state["rounds"]) for gap in past.judgement.gaps]
    aims = [(gap.target, f"{gap.target} {gap.slot}".strip() or gap.description) for gap in gaps]
    aims += [(gap.target, gap.target) for gap in gaps if gap.target]
    names = [concept.text for concept in state["concepts"] if concept.kind == "name"]
    aims += [(name, name) for name in names if turn.coverage[name] < COVERED]
    return next(((target or aim, aim) for target, aim in aims if aim not in tried), None)


def _pivots(state: State, links: Sequence[Link]) -> tuple[str, ...]:
    """Entities on the trajectory that the gap is about; where there are none, those it links to anywhere."""
    trajectory = {entity for walk in state["walks"] for entity in walk.entities}
    linked = [link.entity for link in links]
    return tuple(dict.fromkeys([entity for entity in linked if entity in trajectory] or linked))
