"""Plans that can run: whatever a planner gives becomes a graph of steps without cycles, within a budget."""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import combinations

from kedge.agents.decisions import Plan, SubQuestion
from kedge.tools.encoders import Encoder

__all__ = ["ALIKE", "heights", "merged", "repaired", "sinks", "substituted", "within"]

ALIKE = 0.9  # sub-questions of at least this cosine, about the same names and numbers, are one


def repaired(plan: Plan, question: str) -> tuple[Plan, tuple[str, ...]]:
    """A plan whose dependencies exist and have no cycle, in an order in which it can run, and what was wrong.

    A reference `#id` is a dependency. Empty and repeated steps go; so does a dependency on a step that is not
    there and, where there are cycles, on a step that comes later. A plan without steps becomes the question.

    Example:
        >>> one = SubQuestion(id="1", question="Who directed #2?", depends_on=("2",))
        >>> two = SubQuestion(id="2", question="Which film did #1 direct?", depends_on=("1", "7"))
        >>> plan, wrong = repaired(Plan(steps=(one, two)), "?")
        >>> [step.depends_on for step in plan.steps], wrong[0]
        ([(), ('1',)], 'step 2 depends on step 7, which is not there')
    """
    wrong: list[str] = []
    steps: dict[str, SubQuestion] = {}
    for step in plan.steps:
        name = step.id.strip(" #.")
        if not step.question.strip() or name in steps:
            wrong.append(f"step {name} is {'empty' if not step.question.strip() else 'there twice'}")
            continue
        steps[name] = step.model_copy(update={"id": name})
    if not steps:
        return Plan(steps=(SubQuestion(id="1", question=question),)), (*wrong, "the plan is empty")
    before = {name: _named(step, steps) for name, step in steps.items()}
    for name, named in before.items():
        wrong += [f"step {name} depends on step {n}, which is not there" for n in named if n not in steps]
        before[name] = [n for n in named if n in steps]
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError as cycle:
        wrong.append(f"steps {', '.join(cycle.args[1])} wait for each other")
        order = list(steps)
        before = {name: [n for n in before[name] if order.index(n) < order.index(name)] for name in order}
    sound = [_sound(steps[name], before[name]) for name in order]
    # The last step gives the answer, so it stays last, unless another waits for it.
    if not any(list(steps)[-1] in step.depends_on for step in sound):
        sound.sort(key=lambda step: step.id == list(steps)[-1])
    return Plan(steps=tuple(sound)), tuple(wrong)


def _named(step: SubQuestion, steps: Mapping[str, SubQuestion]) -> list[str]:
    """What a step depends on, by its own word and by the references in its text."""
    given = [name.strip(" #.") for name in step.depends_on]
    return list(dict.fromkeys([*given, *(n for n in re.findall(r"#([\w-]+)", step.question) if n in steps)]))


def _sound(step: SubQuestion, before: list[str]) -> SubQuestion:
    operation = step.operation if before else "search"  # there is nothing to operate on
    return step.model_copy(update={"depends_on": tuple(before), "operation": operation})


def within(plan: Plan, limit: int) -> tuple[Plan, tuple[str, ...]]:
    """The first steps and the one that gives the answer, at most `limit`, and what was left out.

    Example:
        >>> steps = [SubQuestion(id=str(n), question=f"{n}?") for n in range(1000)]
        >>> plan, warnings = within(Plan(steps=tuple(steps)), 3)
        >>> [step.id for step in plan.steps], warnings
        (['0', '1', '999'], ('only 3 of 1,000 steps are within the budget',))
    """
    if len(plan.steps) <= limit:
        return plan, ()
    kept = (*plan.steps[: limit - 1], plan.steps[-1])
    names = {step.id for step in kept}
    steps = [_sound(step, [name for name in step.depends_on if name in names]) for step in kept]
    return Plan(steps=tuple(steps)), (f"only {limit} of {len(plan.steps):,} steps are within the budget",)


async def merged(plan: Plan, encoder: Encoder, *, alike: float = ALIKE) -> tuple[Plan, tuple[str, ...]]:
    """A plan in which near-duplicate searches are one, and what was merged.

    Names and numbers must be the same besides: "When was Ada born?" and "When was Ida born?" are near.
    """
    searches = [step for step in plan.steps if step.operation == "search"]
    about = {step.id: _about(step) for step in searches}
    pairs = [
        (a, b) for a, b in combinations(searches, 2) if about[a.id] == about[b.id] and b != plan.steps[-1]
    ]
    if not pairs:
        return plan, ()
    texts = list(dict.fromkeys(step.question for pair in pairs for step in pair))
    vectors = dict(zip(texts, await encoder.encode(texts), strict=True))
    one: dict[str, str] = {}
    for a, b in pairs:
        if a.id not in one and float(vectors[a.question] @ vectors[b.question]) >= alike:
            one.setdefault(b.id, a.id)
    steps = [
        step.model_copy(
            update={
                "question": substituted(step.question, {later: f"#{first}" for later, first in one.items()}),
                "depends_on": tuple(dict.fromkeys(one.get(name, name) for name in step.depends_on)),
            }
        )
        for step in plan.steps
        if step.id not in one
    ]
    return Plan(steps=tuple(steps)), tuple(f"step {b} asks the same as step {a}" for b, a in one.items())


def _about(step: SubQuestion) -> tuple[object, ...]:
    words = re.findall(r"[\w#]+", step.question)
    proper = {word for word in words[1:] if word != word.lower() or any(c.isdigit() for c in word)}
    return step.depends_on, frozenset(proper)


def substituted(text: str, answers: Mapping[str, str]) -> str:
    """A text with the answers in the place of its references.

    Example:
        >>> substituted("Is #1 older than #10?", {"1": "Ada", "10": "Ben"})
        'Is Ada older than Ben?'
    """
    return re.sub(r"#([\w-]+)", lambda match: answers.get(match[1], match[0]), text)


def heights(plan: Plan) -> dict[str, int]:
    """For each step how many steps, itself included, have to be done one after another from there on."""
    height: dict[str, int] = {}
    for step in reversed(plan.steps):
        above = (height[other.id] for other in plan.steps if step.id in other.depends_on)
        height[step.id] = 1 + max(above, default=0)
    return height


def sinks(plan: Plan) -> list[str]:
    """The steps that no other step waits for."""
    awaited = {name for step in plan.steps for name in step.depends_on}
    return [step.id for step in plan.steps if step.id not in awaited]
