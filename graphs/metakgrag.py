"""MetaKGRAG: perceive a path, evaluate it, adjust from a pivot on it; answer from the best round.

After MetaKGRAG (arXiv 2508.09460), whose formulas were not published where we could read them; these are
Kedge's own. A round looks in two places: along a path of relations on the graph (for casts that are a
`PathFinder`), and from passage to passage. Where no text stands behind what a path found, the path decides
alone; else the judge looks at the passages, and a trusted path answers where the reader cannot.

    coverage   Σ w(c)·match(c) / Σ w(c), the share of the question's concepts that the evidence meets
    relevance  mean over the hops of the round's best walk of cos(aim, triple)
    drift      on the walk that went furthest, the first hop whose relevance is far below the one before;
               it is acted on when the judge names no gap, since a gap says more about where to go
    quality    0.6·coverage + 0.4·relevance, or a path's own quality where it decides alone; any sufficient
               round ranks above any insufficient one
"""

from __future__ import annotations

from asyncio import gather, to_thread
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from operator import add
from typing import Annotated, Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import BaseModel, ConfigDict

from kedge.agents.decisions import Concept, Finding, Judgement, Lead, Link
from kedge.agents.roles import PathFinder
from kedge.graphs.answer import Answer, compose
from kedge.graphs.context import Context, halting
from kedge.graphs.events import Event
from kedge.graphs.evidence import along, drifted, fused, leading, matches, path, stated, told
from kedge.graphs.steering import Choice, Proposal
from kedge.tools.knowledge_base import Evidence, KnowledgeBase, Triple
from kedge.tools.walks import Aim, Survey, Trail, Walk, beam_walk, evidence_of, look, look_further

__all__ = ["STATE_TYPES", "builder", "graph", "wired"]

LEADING = 6  # passages of the best trails, which answer together and so stay together
SEARCH_DEPTH = 20  # passages fetched per search, before fusion
WALKS_KEPT = 8
COVERED = 0.6  # a concept counts as met from this match on
NO_GAIN = 0.02

Diagnosis = Literal["sufficient", "coverage", "drift", "kind"]
Node = Callable[..., Awaitable["State"]]


class Course(BaseModel):
    """Where the next look starts, what it aims at, which triples it must not use, which path it follows."""

    model_config = ConfigDict(frozen=True)

    starts: tuple[str, ...]
    aim: str
    tabu: frozenset[int] = frozenset()
    lead: Lead | None = None


class Sight(BaseModel):
    """What the latest look found: walks, a path, and whether the path decides without any text."""

    model_config = ConfigDict(frozen=True)

    walks: tuple[Walk, ...] = ()
    finding: Finding | None = None
    alone: bool = False


class Round(BaseModel):
    """One turn of the loop: enough to read an answer from it, and to explain it."""

    model_config = ConfigDict(frozen=True)

    number: int
    evidence: tuple[Evidence, ...]
    walks: tuple[Walk, ...]
    sight: Sight
    coverage: dict[str, float]
    judgement: Judgement
    diagnosis: Diagnosis
    quality: float


STATE_TYPES = (Course, Finding, Lead, Round, Sight, Survey, Trail)


class State(TypedDict, total=False):
    """What flows through the graph; `walks` and `evidence` only grow, so a kept prefix is never lost."""

    question: str
    concepts: tuple[Concept, ...]
    links: tuple[Link, ...]
    courses: Annotated[list[Course], add]
    walks: tuple[Walk, ...]
    sight: Sight
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
    lead = await _lead(context, question, links)
    message = (
        f"linked to {', '.join(starts)}" if starts else "no entity of the graph is named in the question"
    )
    event = context.event("linked", message, concepts=[c.text for c in concepts], entities=list(starts))
    course = Course(starts=starts, aim=question, lead=lead)
    return {"concepts": concepts, "links": links, "courses": [course], "trace": [event]}


async def perceive(state: State, runtime: Runtime[Context]) -> State:
    """Follow the course's path; unless that settles it, walk and search at once. What was found stays."""
    context, course, number = runtime.context, state["courses"][-1], len(state.get("rounds", []))
    base, earlier, cast = context.base, state.get("evidence", ()), context.cast
    finding = None
    if course.lead is not None and isinstance(cast, PathFinder):
        finding = await context.meter.play("follow", cast.follow, state["question"], base, course.lead)
    steps = stated(base, finding)
    facts = along(base, steps)
    if _alone(context, finding, steps):
        route = " and ".join(" → ".join(labels) for labels in finding.paths) if finding else ""
        event = context.event(
            "perceived",
            f"{len(finding.answers)} entities along {route}" if route and finding else "no path leads on",
            turn=number,
            path=[_words(item.triple) for item in facts if item.triple],
            **(finding.model_dump(mode="json", include={"lead", "paths", "doubt"}) if finding else {}),
        )
        sight = Sight(finding=finding, alone=True)
        return {"sight": sight, "evidence": leading(facts, earlier), "trace": [event]}
    play, graph, aim = context.meter.play, base.graph, _aim(state)
    found, passages, survey = await gather(
        play("walk", beam_walk, graph, base.kept, course.starts, aim, tabu=course.tabu),
        play("search", context.search, base, course.aim, SEARCH_DEPTH),
        play("search", _survey, base, state, context.meter.budget.rounds),
    )
    trails = await to_thread(evidence_of, base, survey, SEARCH_DEPTH)
    latest = tuple(found[:WALKS_KEPT])
    others = fused([trails, earlier, passages, along(base, [h.triple for w in latest for h in w.hops])])
    evidence = leading(trails[:LEADING], others)
    event = context.event(
        "perceived",
        f"{len(latest)} walks and {len(passages)} passages towards: {course.aim}",
        turn=number,
        path=[_words(hop.triple) for hop in latest[0].hops] if latest else [],
        chunks=[item.chunk.id for item in evidence[: context.passages]],
    )
    walks, sight = (*state.get("walks", ()), *latest), Sight(walks=latest, finding=finding)
    return {"walks": walks, "sight": sight, "survey": survey, "evidence": evidence, "trace": [event]}


async def evaluate(state: State, runtime: Runtime[Context]) -> State:
    """Measure coverage and relevance, ask the judge, and say what is wrong with this round."""
    context, number, sight = runtime.context, len(state.get("rounds", [])), state["sight"]
    evidence, walks = state["evidence"][: context.passages], state.get("walks", ())
    met = matches(state["concepts"], state["links"], walks, evidence)
    diagnosis: Diagnosis = "coverage"
    if sight.alone:
        found = sight.finding or Finding(lead=Lead(entities=("",)))
        diagnosis = found.diagnosis
        judgement = Judgement(
            sufficient=diagnosis == "sufficient", confidence=found.coverage, gaps=found.gaps
        )
        coverage, relevance, quality = found.coverage, found.relevance, found.quality
    else:
        judgement = await context.judge(state["question"], evidence)
        weight = sum(c.weight for c in state["concepts"]) or 1.0
        coverage = sum(c.weight * met[c.text] for c in state["concepts"]) / weight
        best = sight.walks[0].hops if sight.walks else ()
        relevance = sum(hop.relevance for hop in best) / len(best) if best else 0.0
        quality = 0.6 * coverage + 0.4 * relevance
        if judgement.sufficient:
            diagnosis = "sufficient"
        elif not judgement.gaps and drifted(sight.walks):
            diagnosis = "drift"
    turn = Round(
        number=number,
        evidence=evidence,
        walks=walks,
        sight=sight,
        coverage=met,
        judgement=judgement,
        diagnosis=diagnosis,
        quality=quality,
    )
    gaps = "; ".join(gap.description for gap in judgement.gaps)
    event = context.event(
        "evaluated",
        f"{diagnosis}, coverage {coverage:.2f}, relevance {relevance:.2f}" + (f": {gaps}" if gaps else ""),
        turn=number,
        diagnosis=diagnosis,
        coverage=met,
        relevance=relevance,
        quality=turn.quality,
        gaps=[gap.model_dump() for gap in judgement.gaps],
        notes=list(judgement.notes),
    )
    return {"rounds": [turn], "trace": [event]}


async def adjust(state: State, runtime: Runtime[Context]) -> State:
    """Choose the pivot: on the path, before the drift, nearest to the gap, or anywhere the gap links to."""
    context, turn, last = runtime.context, state["rounds"][-1], state["courses"][-1]
    findings = [past.sight.finding for past in state["rounds"] if past.sight.finding is not None]
    lead = await _lead(context, state["question"], state["links"], findings) if findings else None
    astray, wanted = drifted(turn.sight.walks), _next_aim(state)
    if turn.sight.alone and lead is not None:
        course = Course(starts=lead.entities, aim=last.aim, lead=lead)
        kept = " → ".join(lead.kept)
        message = f"back to {' and '.join(lead.entities)}" + (f", keeping {kept}" if kept else "")
    elif turn.sight.alone or (lead is None and turn.diagnosis != "drift" and wanted is None):
        event = context.event("adjusted", "nothing new to try", turn=turn.number)
        return {"halted": True, "trace": [event]}
    elif turn.diagnosis == "drift" and astray:
        tabu = last.tabu | {astray.triple.id}
        course = Course(starts=(astray.origin,), aim=state["question"], tabu=tabu, lead=lead)
        message = f"back to {astray.origin}, avoiding: {astray.triple}"
    elif wanted is not None:
        target, aim = wanted
        concept = Concept(text=target, kind="name")
        links = await context.meter.play("link", context.cast.link, [concept], context.base)
        course = Course(starts=_pivots(state, links), aim=aim, lead=lead)
        message = f"from {', '.join(course.starts) or 'the passages'}, looking for: {aim}"
    else:
        course = last.model_copy(update={"lead": lead})
        message = "along another path"
    event = context.event("adjusted", message, turn=turn.number, **course.model_dump(mode="json"))
    return {"courses": [course], "trace": [event]}


async def steer(state: State, runtime: Runtime[Context]) -> State:
    """Show a person the diagnosis and the proposed course; they accept it, change it, or stop.

    A node of its own, since it runs again from its beginning when the person has decided.
    """
    context, turn, course = runtime.context, state["rounds"][-1], state["courses"][-1]
    proposal = Proposal(
        round=turn.number,
        diagnosis=turn.diagnosis,
        coverage=turn.coverage,
        gaps=turn.judgement.gaps,
        starts=course.starts,
        kept=course.lead.kept if course.lead else (),
        aim=course.aim,
    )
    choice = Choice.model_validate(interrupt(proposal.model_dump(mode="json")))
    event = context.event(
        "steered", f"a person chose to {choice.action}", turn=turn.number, **choice.model_dump()
    )
    if choice.action == "stop":
        return {"halted": True, "trace": [event]}
    if choice.action == "accept":
        return {"trace": [event]}
    update: dict[str, Any] = {"aim": choice.aim or course.aim}
    if choice.start:
        concept = Concept(text=choice.start, kind="name")
        links = await context.meter.play("link", context.cast.link, [concept], context.base)
        starts = tuple(link.entity for link in links[:1])
        lead = Lead(entities=starts, wide=True) if starts else None
        update |= {"starts": starts, "lead": lead, "tabu": frozenset()}
    return {"courses": [course.model_copy(update=update)], "trace": [event]}


async def answer(state: State, runtime: Runtime[Context]) -> State:
    """Read the answer from the best round, which need not be the last."""
    context, rounds = runtime.context, state.get("rounds", [])
    best = max(rounds, key=lambda turn: (turn.judgement.sufficient, turn.quality), default=None)
    evidence = best.evidence if best else tuple(state.get("evidence", ())[: context.passages])
    findings = [turn.sight.finding for turn in rounds if turn.sight.finding is not None]
    finding = max(findings, key=lambda found: found.quality, default=None)
    steps = stated(context.base, finding)
    facts = along(context.base, steps)
    reading = told(context.base, finding, facts)
    if not _alone(context, finding, steps):
        read = await context.read(state["question"], evidence, best.judgement.gaps if best else ())
        if read.answer is not None or reading.answer is None:
            steps = path(context.base, state.get("walks", ()), read, evidence)
            reading, facts = read, along(context.base, steps)
    message, number = reading.answer or f"no answer: {reading.reason}", best.number if best else 0
    event = context.event("answered", message, turn=number, notes=list(reading.notes))
    composed = compose(
        state["question"],
        "metakgrag",
        reading,
        leading(evidence, facts),
        steps,
        ledger=context.meter.ledger(),
        trace=[*state["trace"], event],
    )
    return {"answer": composed, "trace": [event]}


async def after_evaluate(state: State, runtime: Runtime[Context]) -> Literal["answer", "adjust"]:
    """Stop when it suffices, when rounds are used up, or when two rounds in a row gained nothing.

    A path that gained nothing is followed by another one; `adjust` says when all were tried.
    """
    if state.get("halted"):
        return "answer"
    rounds = state["rounds"]
    gains = [later.quality - earlier.quality for earlier, later in pairwise(rounds)]
    stuck = not rounds[-1].sight.alone and len(gains) >= 2 and max(gains[-2:]) < NO_GAIN
    spent = len(rounds) > runtime.context.meter.budget.rounds
    return "answer" if rounds[-1].diagnosis == "sufficient" or stuck or spent else "adjust"


async def after_adjust(state: State, runtime: Runtime[Context]) -> Literal["answer", "steer", "perceive"]:
    """Look again, unless there is nothing new to try; ask first, where a person steers."""
    if state.get("halted"):
        return "answer"
    return "steer" if runtime.context.steered else "perceive"


async def towards_perceive(state: State) -> Literal["answer", "perceive"]:
    """Look, unless the budget is used up or a person said to stop."""
    return "answer" if state.get("halted") else "perceive"


async def towards_evaluate(state: State) -> Literal["answer", "evaluate"]:
    """Evaluate what was seen, unless the budget ran out while looking."""
    return "answer" if state.get("halted") else "evaluate"


def wired(**others: Node) -> StateGraph[State, Context, State, State]:
    """The cycle; nodes may be replaced by name, to learn what each is worth."""
    nodes = {"understand": understand, "perceive": perceive, "evaluate": evaluate, "adjust": adjust}
    cycle = StateGraph(State, context_schema=Context)
    for name, node in {**nodes, "steer": steer, **others}.items():
        cycle.add_node(name, halting(node))
    cycle.add_node("answer", answer)
    cycle.add_edge(START, "understand")
    cycle.add_conditional_edges("understand", towards_perceive)
    cycle.add_conditional_edges("perceive", towards_evaluate)
    cycle.add_conditional_edges("evaluate", after_evaluate)
    cycle.add_conditional_edges("adjust", after_adjust)
    cycle.add_conditional_edges("steer", towards_perceive)
    cycle.add_edge("answer", END)
    return cycle


builder = wired()
graph = builder.compile(name="metakgrag")


async def _lead(
    context: Context, question: str, links: Sequence[Link], findings: Sequence[Finding] = ()
) -> Lead | None:
    """The path to follow next, if the cast follows paths."""
    if not isinstance(context.cast, PathFinder):
        return None
    return await context.meter.play("lead", context.cast.lead, question, context.base, links, findings)


def _words(triple: Triple) -> list[str]:
    return [triple.subject, triple.relation, triple.object]


def _alone(context: Context, finding: Finding | None, steps: Sequence[Triple]) -> bool:
    """Whether paths decide: what was found is trusted and was read from no text, or there is no text."""
    if not isinstance(context.cast, PathFinder):
        return False
    if finding is not None and finding.trusted:
        return all(triple.chunk_id < 0 for triple in steps)
    return not context.base.store.chunk_count()


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
