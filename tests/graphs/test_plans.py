"""Plans of any planner, made fit to run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kedge.agents.decisions import Operation, Plan, SubQuestion
from kedge.graphs.plans import heights, merged, repaired, sinks, within
from kedge.testing import FakeEncoder
from kedge.tools.encoders import MiniLM


def step(id: str, question: str, *before: str, operation: Operation = "search") -> SubQuestion:
    return SubQuestion(id=id, question=question, depends_on=before, operation=operation)


def plan(*steps: SubQuestion) -> Plan:
    return Plan(steps=steps)


def test_a_cycle_is_cut_where_it_goes_back() -> None:
    fit, wrong = repaired(plan(step("1", "a?", "3"), step("2", "b?", "1"), step("3", "c?", "2")), "?")
    assert [s.depends_on for s in fit.steps] == [(), ("1",), ("2",)]
    assert any("wait for each other" in message for message in wrong)


def test_a_step_that_waits_for_itself_does_not() -> None:
    fit, _ = repaired(plan(step("1", "who is #1?", "1")), "?")
    assert fit.steps[0].depends_on == ()


def test_dangling_dependencies_are_named_and_dropped() -> None:
    fit, wrong = repaired(plan(step("1", "a?", "9")), "?")
    assert fit.steps[0].depends_on == ()
    assert wrong == ("step 1 depends on step 9, which is not there",)


def test_a_reference_in_the_text_is_a_dependency() -> None:
    fit, wrong = repaired(plan(step("#1", "a?"), step("2", "when was #1 born?")), "?")
    assert fit.steps[1].depends_on == ("1",)
    assert wrong == ()


def test_steps_come_in_an_order_in_which_they_can_run() -> None:
    fit, _ = repaired(plan(step("b", "when was #a born?"), step("a", "who?"), step("c", "is #b?")), "?")
    assert [s.id for s in fit.steps] == ["a", "b", "c"]


def test_an_empty_plan_becomes_the_question() -> None:
    for empty in (plan(), plan(step("1", "  "))):
        fit, wrong = repaired(empty, "Who built it?")
        assert [s.question for s in fit.steps] == ["Who built it?"]
        assert wrong[-1] == "the plan is empty"


def test_an_operation_on_nothing_is_a_search() -> None:
    fit, _ = repaired(plan(step("1", "which is larger?", operation="largest")), "?")
    assert fit.steps[0].operation == "search"


def test_heights_and_sinks() -> None:
    chain = plan(step("1", "a?"), step("2", "b?", "1"), step("3", "c?"), step("4", "d?", "2", "3"))
    assert heights(chain) == {"1": 3, "2": 2, "3": 2, "4": 1}
    assert sinks(chain) == ["4"]


async def test_near_duplicates_are_merged_and_what_waited_for_them_waits_for_the_first() -> None:
    given = plan(
        step("1", "When was Ada Moss born?"),
        step("2", "When was Ada Moss born exactly?"),
        step("3", "When was Ida Moss born?"),
        step("4", "Is #2 before #3?", "2", "3", operation="compare"),
    )
    fit, told = await merged(given, MiniLM())
    assert [s.id for s in fit.steps] == ["1", "3", "4"]
    assert fit.steps[-1].depends_on == ("1", "3")
    assert fit.steps[-1].question == "Is #1 before #3?"
    assert told == ("step 2 asks the same as step 1",)


names = st.sampled_from(["1", "2", "3", "4", "5", "#6", "nine"])
steps = st.builds(
    SubQuestion,
    id=names,
    question=st.text(alphabet="ab #12?", max_size=12),
    depends_on=st.lists(names, max_size=3).map(tuple),
    operation=st.sampled_from(["search", "compare", "count"]),
)


@given(st.lists(steps, max_size=8), st.integers(1, 5))
async def test_any_plan_can_run(given_steps: list[SubQuestion], limit: int) -> None:
    fit, _ = within(repaired(Plan(steps=tuple(given_steps)), "what?")[0], limit)
    fit, _ = await merged(fit, FakeEncoder())
    assert 1 <= len(fit.steps) <= limit
    seen: set[str] = set()
    for one in fit.steps:
        assert seen.issuperset(one.depends_on)
        seen.add(one.id)
    assert len(seen) == len(fit.steps)
