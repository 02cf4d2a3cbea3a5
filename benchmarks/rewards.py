"""Rewards for models that learn to search: ParallelSearch's as it is coded, and one without its traps.

Research tooling: nothing is trained here. A trajectory is text in ParallelSearch's format (arXiv 2508.09303),

    (<think>…</think> <search>a ## b</search> <information>…</information>)*
    <think>…</think> <answer>…</answer>

and `coded_reward` follows `verl/utils/reward_score/qa_em_format.py` of its repository to the letter, traps
included. `reward` counts the actions of the parsed trajectory instead of the letters of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from kedge.benchmarks.metrics import exact_match, recall_at
from kedge.graphs.answer import Answer

__all__ = [
    "INVALID",
    "PROMPT",
    "Alike",
    "Reward",
    "Trajectory",
    "Turn",
    "as_trl",
    "as_verl",
    "coded_reward",
    "reward",
    "trajectory_of",
]

Alike = Callable[[str, str], float]
Kind = Literal["parallel", "single", "bridge"]

PROMPT: Final = (
    "Answer the question below. Think inside <think> and </think> whenever you are given new information. "
    "If you lack some knowledge, search with <search> query </search>; what is found comes back between "
    "<information> and </information>. If the question is complex or has several parts, split it into "
    "smaller sub-questions separated by ##, for example <search> sub-question 1 ## sub-question 2 </search>. "
    "Search as often as you need to. When you know enough, give the answer alone inside <answer> and "
    "</answer>, for example <answer> Beijing </answer>. Question: {question}\n"
)
"""Search-R1's prompt with ParallelSearch's addition, in our words; like theirs it holds two `<search>`."""

INVALID: Final = (
    "\nThis action is invalid. To search, put the query between <search> and </search>. To answer, put the "
    "answer between <answer> and </answer>. Try again.\n"
)
"""What the environment says to an action that it cannot read: it holds a `<search>` of its own."""

SPLIT: Final = "##"
_W_FORMAT, _W_SPLIT, _W_COUNT = 0.1, 0.15, 0.35  # the weights of the released run
_ALIKE: Final = 0.9


# --- trajectories -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """One action of a model: a search for several queries and what came back, or, last, the answer."""

    thought: str
    queries: tuple[str, ...] = ()
    information: str = ""
    found: tuple[tuple[str, ...], ...] = ()
    answer: str | None = None
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A question and the turns that were taken; `found` of a turn holds the passages of each of its queries.

    Example:
        >>> text = "<think>a</think><search>x ## y</search><information>…</information>"
        >>> text += "<think>b</think><answer>Ada</answer>"
        >>> parsed = Trajectory.parse("Who?", text)
        >>> parsed.valid, parsed.searches, parsed.answer
        (True, [('x', 'y')], 'Ada')
    """

    question: str
    turns: tuple[Turn, ...]

    @classmethod
    def parse(cls, question: str, text: str) -> Trajectory:
        """Read what follows the prompt; whatever the grammar has no place for is an invalid turn."""
        return cls(question, tuple(_turns(text)))

    @property
    def valid(self) -> bool:
        """Whether every turn follows the grammar, and the last one, and no other, answers."""
        answered = [turn for turn in self.turns if turn.answer is not None]
        return all(turn.valid for turn in self.turns) and answered == list(self.turns[-1:]) != []

    @property
    def searches(self) -> list[tuple[str, ...]]:
        """The queries of each turn that searched."""
        return [turn.queries for turn in self.turns if turn.queries]

    @property
    def answer(self) -> str | None:
        """The last answer that was given."""
        return next((turn.answer for turn in reversed(self.turns) if turn.answer is not None), None)

    def text(self) -> str:
        """The trajectory as the model would have written it, with what the environment put in."""
        return "".join(part for role, part in _parts(self.turns))


_ACTION: Final = re.compile(
    r"\s*<think>(?P<thought>(?:(?!<think>).)*?)</think>\s*"
    r"(?:<search>(?P<search>[^<]*)</search>(?:\s*<information>(?P<information>.*?)</information>)?"
    r"|<answer>(?P<answer>[^<]*)</answer>)\s*",
    re.DOTALL,
)


def _turns(text: str) -> Iterator[Turn]:
    at = 0
    while at < len(text):
        match = _ACTION.match(text, at)
        if match is None:
            # Up to the next place where an action can be read again, everything is one invalid turn.
            later = _ACTION.search(text, at + 1)
            end = later.start() if later else len(text)
            yield Turn(thought=text[at:end], valid=False)
            at = end
            continue
        queries = tuple(query for part in (match["search"] or "").split(SPLIT) if (query := part.strip()))
        valid = match["answer"] is not None or bool(queries and match["information"] is not None)
        yield Turn(
            match["thought"].strip(),
            queries,
            (match["information"] or "").strip(),
            answer=None if match["answer"] is None else match["answer"].strip(),
            valid=valid,
        )
        at = match.end()


def _parts(turns: Iterable[Turn]) -> Iterator[tuple[Literal["assistant", "user"], str]]:
    """What the model wrote and what the environment answered, in turn."""
    for turn in turns:
        if not turn.valid and not turn.queries:
            yield "assistant", turn.thought
            yield "user", INVALID
            continue
        thought = f"<think>{turn.thought}</think>\n"
        if turn.answer is not None:
            yield "assistant", f"{thought}<answer>{turn.answer}</answer>"
            continue
        yield "assistant", f"{thought}<search>{f' {SPLIT} '.join(turn.queries)}</search>"
        yield "user", f"\n\n<information>{turn.information}</information>\n\n"


# --- as it is coded -----------------------------------------------------------------------------------------

_SEARCH: Final = re.compile(r"<search>(.*?)</search>", re.DOTALL)


def coded_reward(question: str, text: str, answers: Sequence[str], kind: Kind) -> float:
    """ParallelSearch's reward, at most 1.8: outcome and format, splitting, number of searches.

    It is computed on the text, prompt and messages of the environment included: it counts `<search>`, and
    takes the third one, the first two being the prompt's, for the model's first action.
    """
    whole = PROMPT.format(question=question) + text
    trajectory = Trajectory.parse(question, text)
    right, valid = exact_match(trajectory.answer, answers) > 0, trajectory.valid
    outcome = (1.0 if valid else 1.0 - _W_FORMAT) if right else (_W_FORMAT if valid else 0.0)
    matches = _SEARCH.findall(whole)
    split = matches[2].count(SPLIT) if len(matches) > 2 else 0
    compared = {"parallel": 1, "single": -1, "bridge": 0}[kind]
    if split > 0 and compared > 0:
        splitting = 3 * _W_SPLIT
    else:
        splitting = _W_SPLIT if split == 0 and compared <= 0 else 0.0
    searches = whole.count("<search>")
    off = abs(min(searches, 4) - 4) if compared == 0 else abs(searches - 3)
    return outcome + splitting + _W_COUNT * (1 - off)


# --- without the traps --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reward:
    """What a trajectory earned, part by part, each 0 to 1; `total` weighs them, at most 1.5."""

    outcome: float
    form: float
    splitting: float
    economy: float
    evidence: float

    @property
    def total(self) -> float:
        """`0.9·outcome + 0.1·form + outcome·form·(0.15·splitting + 0.15·economy + 0.2·evidence)`.

        Only an answer that is right and well-formed earns more than that: the gate is HiPRAG's.
        """
        shaping = 0.15 * self.splitting + 0.15 * self.economy + 0.2 * self.evidence
        return self.outcome * (1 - _W_FORMAT) + _W_FORMAT * self.form + self.outcome * self.form * shaping


def reward(
    trajectory: Trajectory, answers: Sequence[str], gold: Sequence[str] = (), *, alike: Alike | None = None
) -> Reward:
    """The parts of the reward of a trajectory.

    Splitting is judged by what the gold passages say and not by a label: with several of them, queries asked
    together count where each finds a gold passage that the others do not; searching again for nearly the same
    counts nothing and costs economy. `alike` compares two queries, 0 to 1 (words in common by default).

    Example:
        >>> turns = (Turn("", ("a", "b"), found=(("A",), ("B",))), Turn("", answer="Ada"))
        >>> round(reward(Trajectory("?", turns), ["Ada"], ["A", "B"]).total, 2)
        1.5
    """
    compare = alike or _words_in_common
    distinct: list[str] = []
    for query in (query for queries in trajectory.searches for query in queries):
        if all(compare(query, earlier) < _ALIKE for earlier in distinct):
            distinct.append(query)
    asked = sum(len(queries) for queries in trajectory.searches)
    found = [passage for turn in trajectory.turns for passages in turn.found for passage in passages]
    together = [_new_gold(turn, gold) for turn in trajectory.turns if len(turn.queries) > 1]
    needed = len(gold) or 1
    return Reward(
        outcome=float(exact_match(trajectory.answer, answers) > 0),
        form=float(trajectory.valid),
        splitting=max(together, default=0.0) if len(gold) > 1 else float(not together),
        economy=min(1.0, needed / max(asked, 1)) * (len(distinct) / asked if asked else 0.0),
        evidence=recall_at(len(found), found, gold) if gold else 0.0,
    )


def _new_gold(turn: Turn, gold: Sequence[str]) -> float:
    """The share of a turn's queries that find a gold passage which no query before them found."""
    seen: set[str] = set()
    useful = 0
    for passages in turn.found:
        new = set(passages) & set(gold) - seen
        useful += bool(new)
        seen |= new
    return useful / len(turn.queries)


def _words_in_common(one: str, other: str) -> float:
    mine, theirs = ({*re.findall(r"\w+", text.casefold())} for text in (one, other))
    return len(mine & theirs) / len(mine | theirs) if mine | theirs else 1.0


# --- for trainers -------------------------------------------------------------------------------------------


def trajectory_of(answer: Answer, passages: Mapping[int, str]) -> Trajectory:
    """An answer of `parallel` as a trajectory: the steps of a level are one search; `passages` by chunk id.

    Example:
        >>> trajectory_of(Answer(question="Who?", method="parallel", text="Ada"), {}).answer
        'Ada'
    """
    ran = {e.data["id"]: e.data for e in answer.trace if e.kind == "branch" and "chunks" in e.data}
    level: dict[str, int] = {}
    for event in (event for event in answer.trace if event.kind == "planned"):
        for step in event.data.get("steps", []):
            before = [level[name] + (name in ran) for name in step["depends_on"]]
            level[step["id"]] = max([*before, 100 * event.round])
    turns: list[Turn] = []
    for number in sorted({level[name] for name in ran if ran[name]["chunks"]}):
        here = [data for name, data in ran.items() if level[name] == number and data["chunks"]]
        found = tuple(tuple(map(str, data["chunks"])) for data in here)
        texts = [passages.get(chunk, "") for data in here for chunk in data["chunks"]]
        queries = tuple(data["question"] for data in here)
        turns.append(Turn(f"{len(queries)} things to find out", queries, "\n".join(texts), found))
    last = Turn("everything is there" if answer.answered else "it is not there", answer=str(answer))
    return Trajectory(answer.question, (*turns, last))


def as_trl(trajectory: Trajectory) -> dict[str, Any]:
    """One row of a conversational data set of TRL: `prompt` and `completion` as messages.

    What the environment said comes from the role `user`, so that `assistant_only_loss` masks it.

    Example:
        >>> row = as_trl(Trajectory("Who?", (Turn("easy", answer="Ada"),)))
        >>> row["completion"]
        [{'role': 'assistant', 'content': '<think>easy</think>\\n<answer>Ada</answer>'}]
    """
    return {
        "prompt": [{"role": "user", "content": PROMPT.format(question=trajectory.question)}],
        "completion": [{"role": role, "content": text} for role, text in _parts(trajectory.turns)],
    }


def as_verl(
    trajectory: Trajectory, answers: Sequence[str], *, source: str, split: str = "train", index: int = 0
) -> dict[str, Any]:
    """One row of veRL's data: the prompt, the rule to reward by with its gold answers, and the messages.

    Example:
        >>> row = as_verl(Trajectory("Who?", ()), ["Ada"], source="hotpotqa")
        >>> row["reward_model"]
        {'style': 'rule', 'ground_truth': {'target': ['Ada']}}
    """
    row = as_trl(trajectory)
    return {
        "data_source": source,
        "prompt": row["prompt"],
        "ability": "fact-reasoning",
        "reward_model": {"style": "rule", "ground_truth": {"target": list(answers)}},
        "extra_info": {"split": split, "index": index, "messages": [*row["prompt"], *row["completion"]]},
    }
