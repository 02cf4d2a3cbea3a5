"""What ParallelSearch's reward pays for, and ours does not."""

from __future__ import annotations

from kedge.agents.decisions import Plan, Reading, SubQuestion
from kedge.agents.scripted import ScriptedCast
from kedge.benchmarks.rewards import (
    INVALID,
    Trajectory,
    Turn,
    as_trl,
    as_verl,
    coded_reward,
    reward,
    trajectory_of,
)
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.run import stream
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Block, KnowledgeBase, ParsedDocument

QUESTION, GOLD = "Who is older, Monet or Pissarro?", ["Camille Pissarro"]
PASSAGES = ["monet", "pissarro"]
MONET, PISSARRO = "When was Monet born?", "When was Pissarro born?"


def searching(*queries: str, found: tuple[tuple[str, ...], ...] = ()) -> Turn:
    return Turn("I look it up", queries, "Doc 1(Title: …) …", found)


def answering(answer: str) -> Turn:
    return Turn("I know", answer=answer)


def trajectory(*turns: Turn) -> Trajectory:
    return Trajectory(QUESTION, turns)


HONEST = trajectory(searching(MONET, PISSARRO, found=(("monet",), ("pissarro",))), answering(*GOLD))
REPEATED = trajectory(searching(MONET, MONET, found=(("monet",), ("monet",))), answering(*GOLD))
WRONG = trajectory(searching(MONET, PISSARRO, found=(("monet",), ("pissarro",))), answering("Claude Monet"))


def coded(given: Trajectory, kind: str = "parallel") -> float:
    return round(coded_reward(QUESTION, given.text(), GOLD, kind), 3)  # type: ignore[arg-type]


def ours(given: Trajectory) -> float:
    return round(reward(given, GOLD, PASSAGES).total, 3)


def test_the_coded_reward_is_the_published_one() -> None:
    assert coded(HONEST) == 1.8
    alone = trajectory(answering(*GOLD))
    once = trajectory(searching(MONET), answering(*GOLD))
    twice = trajectory(searching(MONET), searching(PISSARRO), answering(*GOLD))
    five = trajectory(*[searching(MONET)] * 4, answering(*GOLD))
    assert [coded(t, "single") for t in (alone, once, twice, five)] == [1.15, 1.5, 1.15, 0.45]
    assert [coded(t, "bridge") for t in (alone, once, twice, five)] == [0.8, 1.15, 1.5, 1.5]
    assert [coded(t, "parallel") for t in (alone, once, twice)] == [1.0, 1.35, 1.0]
    assert coded(trajectory(Turn("nothing", valid=False), answering(*GOLD)), "single") < 1.5


def test_splitting_and_repeating_pays_there_and_not_here() -> None:
    assert coded(REPEATED) == coded(HONEST) == 1.8
    assert ours(HONEST) == 1.5
    assert ours(REPEATED) < 1.3


def test_shaping_of_wrong_answers_pays_there_and_not_here() -> None:
    """There a wrong answer with the right gestures comes close to a right one without them."""
    right_without = trajectory(searching(MONET), searching(PISSARRO), answering(*GOLD))
    assert coded(WRONG) == 0.9
    assert coded(right_without) == 1.0
    assert ours(WRONG) == 0.1
    assert ours(right_without) > 1.0


def test_the_tag_in_the_error_message_pays_there_and_not_here() -> None:
    """An invalid action brings a `<search>` of the environment's own, which is counted as a search."""
    one = f"<think>a</think><search>{MONET}</search><information>…</information>"
    end = f"<think>b</think><answer>{GOLD[0]}</answer>"
    clean, fouled = one + end, f"rubbish{INVALID}" + one + end
    assert coded_reward(QUESTION, fouled, GOLD, "bridge") > coded_reward(QUESTION, clean, GOLD, "bridge")
    parsed = Trajectory.parse(QUESTION, fouled)
    assert len(parsed.searches) == 1
    assert not parsed.valid
    assert (
        reward(parsed, GOLD, PASSAGES).total < reward(Trajectory.parse(QUESTION, clean), GOLD, PASSAGES).total
    )


def test_the_error_message_hides_a_split_there_and_not_here() -> None:
    """It becomes the third match, so that the first real search is not looked at."""
    split = f"<think>a</think><search>{MONET} ## {MONET}</search><information>…</information>"
    end = f"<think>b</think><answer>{GOLD[0]}</answer>"
    seen = coded_reward(QUESTION, split + end, GOLD, "single")
    hidden = coded_reward(QUESTION, f"rubbish{INVALID}" + split + end, GOLD, "single")
    assert round(hidden - seen, 3) == round(0.15 - 0.35 - 0.1, 3), "paid for not splitting"
    assert Trajectory.parse(QUESTION, f"rubbish{INVALID}{split}{end}").searches == [(MONET, MONET)]


def test_a_search_that_finds_nothing_new_costs() -> None:
    wasteful = trajectory(*HONEST.turns[:1], searching(MONET, found=(("monet",),)), *HONEST.turns[1:])
    assert ours(wasteful) < ours(HONEST)


def test_splitting_what_one_passage_answers_is_not_paid() -> None:
    single = trajectory(searching(PISSARRO, found=(("pissarro",),)), answering(*GOLD))
    split = trajectory(searching(PISSARRO, MONET, found=(("pissarro",), ("monet",))), answering(*GOLD))
    assert reward(single, GOLD, ["pissarro"]).total > reward(split, GOLD, ["pissarro"]).total


def test_a_trajectory_is_read_back_from_its_text() -> None:
    read = Trajectory.parse(QUESTION, HONEST.text())
    assert [turn.queries for turn in read.turns] == [(MONET, PISSARRO), ()]
    assert read.answer == GOLD[0]
    assert read.valid


def test_rows_hold_messages_whose_text_is_the_trajectorys() -> None:
    row = as_trl(HONEST)
    assert "".join(message["content"] for message in row["completion"]) == HONEST.text()
    assert [message["role"] for message in row["completion"]] == ["assistant", "user", "assistant"]
    verl = as_verl(HONEST, GOLD, source="hotpotqa", index=7)
    assert verl["reward_model"]["ground_truth"]["target"] == GOLD
    assert verl["extra_info"]["messages"] == [*row["prompt"], *row["completion"]]


async def test_an_answer_of_parallel_is_a_trajectory(tmp_path) -> None:  # type: ignore[no-untyped-def]
    text = "Monet was born in 1840."
    steps = (
        SubQuestion(id="1", question=MONET),
        SubQuestion(id="2", question=PISSARRO),
        SubQuestion(id="3", question=QUESTION, depends_on=("1", "2"), operation="earliest"),
    )

    def read(question: str, evidence: object) -> Reading:
        return Reading(answer="1840" if question == MONET else "1830")

    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd([ParsedDocument("a", "a", "", text, "text", (Block("paragraph", 0, len(text)),))])
        cast = ScriptedCast({"plan": [Plan(steps=steps)], "read": read})
        items = [item async for item in stream(QUESTION, Context(base, cast), method="parallel")]
    assert isinstance(items[-1], Answer)
    made = trajectory_of(items[-1], {1: text})
    assert [set(turn) for turn in made.searches] == [{MONET, PISSARRO}]  # whichever began first
    assert made.answer == "Pissarro"
    assert Trajectory.parse(QUESTION, made.text()).valid
