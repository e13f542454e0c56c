"""What statements and expressions do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from pulseline_core.query.answer import Question, answer
from pulseline_core.query.errors import QueryError, QueryFunctionError, QueryInterpretError, QueryParseError
from tests.unit.core.query.memory_source import DAY, ask, build_budget, build_source, get_result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1 + 2 * 3", 9),
        ("1 + (2 * 3)", 7),
        ("7 - 2 - 1", 4),
        ("1 + 1 == 2", True),
        ("4 / 2", 2.0),
        ("7 % 3", 1),
        ("(-7) % 3", -1),
        ("7.5 % 2", 1.5),
        ("2 * 1.5", 3.0),
        ("- (1 + 2)", -3),
        ("--1", 1),
        ("9223372036854775807 + 1", 2.0**63),
        ("'a' + 'b' + 'c'", "abc"),
        ("[1] + [] + ['a']", [1, "a"]),
        ("1 == 1.0", True),
        ("true == 1", False),
        ("1 != true", True),
        ("'1' == 1", False),
        ("[1, {'a': [true]}] == [1.0, {'a': [True]}]", True),
        ("[1, {'a': [true]}] == [1, {'a': [1]}]", False),
        ("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", True),
        ("{'a': 1} != {'a': 1, 'b': 2}", True),
        ("null == null", True),
        ("null == 0", False),
        ("1 < 2", True),
        ("2 <= 1", False),
        ("2 > 1.5", True),
        ("1 >= 1", True),
        ("'a' < 'b'", True),
        ("STARTTIME < ENDTIME", True),
        ("[true, True, false, False, null]", [True, True, False, False, None]),
        ("{'a': 1, 'a': 2}", {"a": 2}),
        ("NAME", "test"),
        ("[STARTTIME, ENDTIME]", ["2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00"]),
        ("TIMEINTERVAL", "2026-03-01T00:00:00+00:00/2026-03-02T00:00:00+00:00"),
        ("query_bucket('aw-watcher-window_old') == query_bucket('aw-watcher-window_old')", True),
        ("query_bucket('aw-watcher-window_old') == query_bucket('aw-watcher-window_new')", False),
        ("flood([]) == []", True),
        ("[] == flood([])", True),
        ("flood([]) == [1]", False),
    ],
)
def test_an_expression_has_its_value(text: str, result: object) -> None:
    """Operators bind equally, from left to right, as in aw-server-rust; equality is that of JSON."""
    found = get_result(f"RETURN = {text};")

    assert (type(found), found) == (type(result), result)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RETURN = y", "Tried to reference variable 'y' which is not defined (line 1, column 10)"),
        ("RETURN", "Tried to reference variable 'RETURN' which is not defined (line 1, column 1)"),
        ("x = [1,\n y];", "Tried to reference variable 'y' which is not defined (line 2, column 2)"),
        (
            "evnts = 1; RETURN = events;",
            "Tried to reference variable 'events' which is not defined; did you mean 'evnts'? (line 1, column 21)",
        ),
        (
            "RETURN = ture;",
            "Tried to reference variable 'ture' which is not defined; did you mean 'true'? (line 1, column 10)",
        ),
        (
            "RETURN = flod(1);",
            "Tried to call function 'flod' which doesn't exist; did you mean 'flood'? (line 1, column 10)",
        ),
        ("RETURN = f(1);", "Tried to call function 'f' which doesn't exist (line 1, column 10)"),
        ("x = 1;", "Query doesn't assign the RETURN variable, nothing to respond"),
        ("", "Query doesn't assign the RETURN variable, nothing to respond"),
        ("x = 1 / 0;", "Tried to divide by zero (line 1, column 7)"),
        ("x = 1 % 0.0;", "Tried to divide by zero (line 1, column 7)"),
        ("x = 'a' + 1;", "Cannot use + on a str and a number (line 1, column 9)"),
        ("x = [] + {};", "Cannot use + on a list and a dict (line 1, column 8)"),
        ("x = flood([]) + [1];", "Cannot use + on events and a list (line 1, column 15)"),
        ("x = true * 2;", "Cannot use * on a bool and a number (line 1, column 10)"),
        ("x = null < 2;", "Cannot use < on null and a number (line 1, column 10)"),
        ("x = -'a';", "Cannot use - on a str (line 1, column 5)"),
        ("x = -[y];", "Tried to reference variable 'y' which is not defined (line 1, column 7)"),
        (f"x = {'9' * 300}; y = x * x;", "The result of a calculation is too large (line 1, column 313)"),
        ("if 1 { x = 2; }", "The condition of an if is neither true nor false (line 1, column 1)"),
        ("TIMEINTERVAL = 5;", "TIMEINTERVAL '5' is not two times with '/' between (line 1, column 1)"),
        ("TIMEINTERVAL = 'a/b/c';", "TIMEINTERVAL 'a/b/c' is not two times with '/' between (line 1, column 1)"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_can_not_be_done_is_refused_with_its_place(text: str, message: str) -> None:
    """ActivityWatch's words, where it has some for the case."""
    with pytest.raises(QueryError) as caught:
        get_result(text)

    assert str(caught.value) == message
    missing = "RETURN variable" in message
    assert isinstance(caught.value, QueryParseError if missing else QueryInterpretError)


@pytest.mark.parametrize(("n", "result"), [(1, "one"), (2, "two"), (3, "two"), (4, "more")])
def test_a_branch_takes_the_first_condition_that_holds(n: int, result: str) -> None:
    """Later conditions are not even looked at; what a block assigns stays."""
    text = "if n == 1 { r = 'one' } elif n < 4 { if true { r = 'two' } } else { r = 'more' } return r;"

    assert get_result(f"n = {n}; {text}") == result


def test_a_branch_without_a_condition_that_holds_does_nothing() -> None:
    """There need not be an else."""
    assert get_result("x = 1; if false { x = 2; } elif x == 3 { x = nothing; } return x;") == 1


def test_return_does_not_end_the_query() -> None:
    """As in aw-server-rust: what follows is run, and may return something else."""
    assert get_result("return 1; x = 2; return x + 1;") == 3


def test_functions_and_variables_have_names_of_their_own() -> None:
    """As in aw-server."""
    assert get_result("nop = 5; RETURN = nop() + nop;") == 6


def test_constants_are_variables() -> None:
    """As in aw-server: they can be assigned, before or in a list too."""
    assert get_result("x = [true, null]; true = 2; null = 3; RETURN = [x, true, [null], True];") == [
        [True, None], 2, [3], True,
    ]  # fmt: skip


def test_no_variable_ever_sees_a_change_of_another() -> None:
    """In aw-server functions change the events that other variables hold."""
    events, listed, copy = get_result(
        "e = sort_by_timestamp(query_bucket('aw-watcher-window_new'));",
        "l = [e, [1]];",
        "c = categorize(e, [[['Web'], {'regex': 'Firefox'}]]);",
        "x = l + [2];",
        "RETURN = [e, l, c];",
    )

    assert "$category" not in events[0]["data"]
    assert listed == [events, [1]]
    assert copy[0]["data"]["$category"] == ["Web"]


@pytest.mark.parametrize(
    "assignment",
    [
        "STARTTIME = '2026-03-01T08:05:00+00:00'; ENDTIME = '2026-03-01T09:02:00Z';",
        "STARTTIME = '2026-03-01T09:05:00+01:00'; ENDTIME = '2026-03-01 09:02';",
        "TIMEINTERVAL = '2026-03-01T08:05:00+00:00/2026-03-01T09:02:00+00:00';",
        "TIMEINTERVAL = '2026-03-01T08:05:00+00:00/2027-01-01'; ENDTIME = '2026-03-01T09:02:00+00:00';",
    ],
)
def test_assigning_the_period_changes_what_is_read(assignment: str) -> None:
    """Both servers' ways, which agree with one another; a time without a zone is UTC."""
    seconds = get_result(f"{assignment} RETURN = sum_durations(query_bucket('aw-watcher-window_new'));")

    assert seconds == 300 + 120


def test_the_interval_is_made_of_both_times() -> None:
    """Whichever was assigned."""
    assert get_result("STARTTIME = 'a'; ENDTIME = 'b'; RETURN = TIMEINTERVAL;") == "a/b"
    assert get_result("TIMEINTERVAL = 'a/b'; RETURN = [STARTTIME, ENDTIME];") == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "shown"), [("'yesterday'", r": 'yesterday' is no ISO 8601 time"), ("5", ""), ("[]", "")]
)
def test_a_period_that_is_none_is_refused_when_it_is_used(value: str, shown: str) -> None:
    """ActivityWatch's words, and a text that is no time."""
    assert get_result(f"STARTTIME = {value}; RETURN = 1;") == 1

    with pytest.raises(QueryFunctionError, match=rf"^Unable to parse starttime/endtime for query_bucket{shown} \(line"):
        get_result(f"STARTTIME = {value}; RETURN = query_bucket('aw-watcher-window_new');")


def test_a_period_that_ends_before_it_begins_holds_nothing() -> None:
    """Not even an event that spans it."""
    text = "STARTTIME = '2026-03-01T09:00:00'; ENDTIME = '2026-03-01T08:30:00'; b = 'aw-watcher-afk_new';"

    assert get_result(f"{text} RETURN = [query_bucket(b), query_bucket_eventcount(b)];") == [[], 0]


def test_each_period_has_variables_of_its_own() -> None:
    """And a result, in order; the times are given to the query as the client wrote them."""
    hours = [datetime.fromisoformat(f"2026-03-01T{hour}:00+01:00") for hour in ("09:00", "09:30", "11:00")]
    periods = ((hours[0], hours[1]), (hours[1], hours[2]))
    text = "RETURN = [STARTTIME, query_bucket_eventcount('aw-watcher-window_new')]; if NAME == '' { x = 1; } y = x;"

    results = answer(Question(statements=(text,), periods=periods), build_source(), build_budget()).results

    assert results == (["2026-03-01T09:00:00+01:00", 1], ["2026-03-01T09:30:00+01:00", 2])


def test_no_period_has_no_result() -> None:
    """The list of results is as long as the list of periods."""
    assert answer(Question(statements=("x = nothing;",), periods=()), build_source(), build_budget()).results == ()


def test_variables_do_not_live_on_in_the_next_period() -> None:
    """A query can not see what another period found."""
    text = "if NAME == 'x' { seen = 1; } RETURN = seen;"
    question = Question(statements=(text,), periods=(DAY, DAY), name="y")

    with pytest.raises(QueryInterpretError, match="'seen'"):
        answer(question, build_source(), build_budget())


def test_a_bug_in_a_function_is_not_taken_for_the_fault_of_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is about the input becomes an error of the query."""
    source = build_source()

    def fail(*_arguments: Any) -> Any:
        raise TypeError("a bug")

    monkeypatch.setattr(source, "read_events", fail)

    with pytest.raises(TypeError, match="a bug"):
        ask("RETURN = query_bucket('aw-watcher-window_new');", source=source)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("RETURN = limit_events([], '3');", 27),
        ("RETURN = limit_events(1, '3');", 23),
        ("RETURN = concat([], [], 5);", 25),
        ("RETURN = limit_events(flood([], 'x'), '3');", 33),
        ("RETURN = limit_events([], 1 - 'a');", 29),
        ("RETURN = limit_events([], query_bucket('none'));", 27),
    ],
)
def test_place_of_a_wrong_argument_is_the_argument(text: str, column: int) -> None:
    """Of several the first; what is wrong within it has its own place."""
    with pytest.raises(QueryError) as caught:
        get_result(text)

    assert (caught.value.line, caught.value.column) == (1, column)
