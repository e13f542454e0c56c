"""What one request may use."""

from __future__ import annotations

from time import monotonic

import pytest

from pulseline_core.query.answer import Question, answer
from pulseline_core.query.budget import Budget, Limits
from pulseline_core.query.errors import QueryAbandoned, QueryInterpretError, QueryTooLarge, QueryTooSlow
from pulseline_core.transforms.data_pool import do_nothing
from tests.unit.core.query.memory_source import DAY, MemorySource, ask, build_budget, build_event, build_source

READ = "e = query_bucket('aw-watcher-window_new');"


@pytest.mark.parametrize(
    "text",
    [
        "s = 'a'; " + "s = s + s;" * 40,
        "a = []; " + "a = [a, a];" * 100,
        "a = []; " + "a = a + [a] + a;" * 100,
        "a = {}; " + "a = {'x': a, 'y': a};" * 100,
        "a = 1; " + "a = [a];" * 65,
        "a = [1]; " + "a = concat(a, a);" * 40,
        f"{READ}" + "e = concat(e, e);" * 40,
        f"{READ}" + "e = e + e;" * 40,
        f"{READ} a = e;" + "a = [a, a];" * 40,
        f"{READ}" + "e = chunk_events_by_key(concat(e, e), 'app');" * 100,
        "s = '" + "a" * 60_000 + "'; RETURN = " + "+".join(["s"] * 1000) + ";",
    ],
    ids=lambda text: text[:60],
)
def test_what_grows_without_end_is_refused_soon(text: str) -> None:
    """With a message, not with all of the memory."""
    began = monotonic()

    with pytest.raises(QueryTooLarge, match=r"the limit is \d+; ask for .*\(line 1, column \d+\)$") as caught:
        ask(f"{text} RETURN = 1;")

    assert caught.value.kind == "QueryInterpretException"
    assert monotonic() - began < 10


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("x{n} = s + s + s + s + s + s + s + s + s;", "keeps too many characters"),
        ("x{n} = concat(e, e, e, e, e, e, e, e, e);", "keeps too many events"),
    ],
)
def test_many_variables_together_are_bounded_too(statement: str, what: str) -> None:
    """Each of them is small enough."""
    text = f"{READ} s = 'abc'; " + "".join(statement.format(n=number) for number in range(10))

    with pytest.raises(QueryTooLarge, match=what):
        ask(f"{text} RETURN = 1;", limits=Limits(rows=30, parts=30))


@pytest.mark.parametrize(
    "call", ["[{}]", "concat({})", "print({})", "{{'a': [{}]}}"], ids=["list", "call", "print", "nested"]
)
def test_values_without_a_name_are_bounded_too(call: str) -> None:
    """They exist all at once before the call."""
    with pytest.raises(QueryTooLarge, match="too many events"):
        ask(f"{READ} RETURN = {call.format(', '.join(['concat(e, e)'] * 100))};", limits=Limits(rows=30))


def test_what_is_no_longer_needed_does_not_count() -> None:
    """A long query over few events never comes to the bound."""
    text = READ + "e = sort_by_timestamp(concat(e, [])); s = 'a' + 'b'; x = [e, s];" * 100

    assert len(ask(f"{text} RETURN = 1;", limits=Limits(rows=6, parts=30)).results) == 1


def test_the_results_of_all_periods_are_kept() -> None:
    """They exist until they are written."""
    question = Question(statements=(f"{READ} RETURN = e;",), periods=(DAY,) * 9)

    with pytest.raises(QueryTooLarge, match="keeps too many events"):
        answer(question, build_source(), build_budget(Limits(rows=6)))
    assert len(answer(question, build_source(), build_budget(Limits(rows=12))).results) == 9


def test_events_that_are_read_count_over_all_periods() -> None:
    """However they are read."""
    question = Question(statements=(f"{READ} RETURN = sum_durations(e);",), periods=(DAY,) * 4)

    assert len(answer(question, build_source(), build_budget(Limits(events_read=12))).results) == 4
    with pytest.raises(QueryTooLarge, match=r"^Query reads too many events, the limit is 11;"):
        answer(question, build_source(), build_budget(Limits(events_read=11)))


@pytest.mark.parametrize("text", ["x = nop();" * 100, "x = [0, " + ", ".join(["1 == 2"] * 100) + "];"])
def test_a_query_ends_when_its_time_is_over(text: str) -> None:
    """Looked at for each statement, call and operator."""
    seconds = iter(range(100))
    budget = Budget(lambda: float(next(seconds)), is_client_gone=lambda: False, limits=Limits(time_s=10))
    question = Question(statements=(text,), periods=(DAY,))

    with pytest.raises(QueryTooSlow, match=r"^Query takes longer than 10 s; .*line 1, column \d+\)$") as caught:
        answer(question, build_source(), budget)

    assert next(seconds) < 20
    assert caught.value.limit_s == 10


def test_a_query_ends_when_its_client_has_gone() -> None:
    """Nobody would read the answer."""
    asked = 0

    def is_client_gone() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    budget = Budget(lambda: asked * 0.1, is_client_gone=is_client_gone)
    question = Question(statements=("x = 1;" * 100,), periods=(DAY,))

    with pytest.raises(QueryAbandoned):
        answer(question, build_source(), budget)

    assert asked == 4


def test_the_client_is_not_asked_more_often_than_needed() -> None:
    """It costs a system call."""
    answers = iter([False, True])
    budget = Budget(lambda: 0.0, is_client_gone=lambda: next(answers))

    for _ in range(100):
        budget.check()

    assert next(answers)


def test_work_on_data_is_watched() -> None:
    """Each distinct object may take a while; the pool asks in between, and is left as it was."""
    source = MemorySource({"b": ("h", [build_event(1, 1, n=n) for n in range(1000)])})
    calls = iter(range(10_000))
    budget = Budget(lambda: float(next(calls)), is_client_gone=lambda: False, limits=Limits(time_s=10))
    question = Question(statements=("RETURN = filter_keyvals(query_bucket('b'), 'n', [1]);",), periods=(DAY,))

    with pytest.raises(QueryTooSlow):
        answer(question, source, budget)

    assert source.pool.check is do_nothing


def test_data_that_a_query_makes_is_bounded() -> None:
    """A long tag on each of many objects, again and again."""
    source = MemorySource({"b": ("h", [build_event(1, 1, n=str(n)) for n in range(1000)])})
    tags = "".join(f"e = tag(e, [['{'x' * 1000}{n}', {{'regex': '.'}}]]);" for n in range(30))

    with pytest.raises(QueryInterpretError, match="has too many bytes of new data"):
        ask("e = query_bucket('b');", tags, "RETURN = 1;", source=source, limits=Limits(new_data_bytes=10_000_000))
