"""An evidence path as a tree: every entity once, each step below the entity that it continues from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedge.graphs.answer import Step

__all__ = ["Branch", "branches"]


@dataclass(slots=True)
class Branch:
    """An entity, the relation that leads to it from the branch above, and what follows from it.

    `forward` is false when the relation points from this entity to the one above.
    """

    entity: str
    relation: str = ""
    forward: bool = True
    citation: int | None = None
    children: list[Branch] = field(default_factory=list)


def branches(steps: Iterable[Step]) -> list[Branch]:
    """The steps joined where they share an entity; a step that shares none starts a tree of its own.

    Example:
        >>> from types import SimpleNamespace as Step
        >>> one = Step(subject="Ada", relation="sailed", object="Gull", citation=1)
        >>> two = Step(subject="Gull", relation="built in", object="1902", citation=None)
        >>> [tree] = branches([one, two])
        >>> tree.entity, tree.children[0].relation, tree.children[0].children[0].entity
        ('Ada', 'sailed', '1902')
    """
    roots: list[Branch] = []
    seen: dict[str, Branch] = {}
    for step in steps:
        subject, target = _key(step.subject), _key(step.object)
        forward = subject in seen or target not in seen
        if forward and subject not in seen:
            seen[subject] = Branch(step.subject)
            roots.append(seen[subject])
        above = seen[subject if forward else target]
        end = step.object if forward else step.subject
        below = Branch(end, relation=step.relation, forward=forward, citation=step.citation)
        above.children.append(below)
        seen.setdefault(_key(end), below)
    return roots


def _key(name: str) -> str:
    return " ".join(name.casefold().split())
