"""What the functions take, and what they give back. What transforms make of events is tested with them."""

from __future__ import annotations

from typing import Any

import pytest

from pulseline_core.query.errors import QueryFunctionError, QueryInterpretError
from pulseline_core.query.functions import FUNCTIONS
from pulseline_core.transforms import patterns
from tests.unit.core.query.memory_source import MemorySource, ask, build_event, get_result

WINDOW = "e = query_bucket('aw-watcher-window_new');"

INVALID_TYPE = "Variable '{}' passed to function call is of invalid type."


def get_hours(events: list[dict[str, Any]]) -> list[str]:
    """Return when events begin."""
    return [event["timestamp"][11:16] for event in events]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("'aw-watcher-window_new'", "aw-watcher-window_new"),
        ("'aw-watcher-window'", "aw-watcher-window_old"),
        ("'window'", "aw-watcher-window_old"),
        ("'aw-watcher-window', 'new'", "aw-watcher-window_new"),
        ("'aw-watcher-window', ''", "aw-watcher-window_old"),
        ("'aw-watcher-window', null", "aw-watcher-window_old"),
        ("'afk'", "aw-watcher-afk_new"),
    ],
)
def test_a_bucket_is_found(text: str, result: str) -> None:
    """The whole id first, then its beginning, then any part; the oldest of those that fit."""
    assert get_result(f"RETURN = find_bucket({text});") == result


def test_a_better_match_wins_over_an_older_bucket() -> None:
    """aw-server takes the oldest bucket that holds the text anywhere."""
    source = MemorySource({"my-web": ("h", []), "web-2": ("h", []), "web": ("h", [])})

    assert get_result("RETURN = [find_bucket('web'), find_bucket('web-')];", source=source) == ["web", "web-2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("find_bucket('x')", "Unable to find bucket matching 'x' (hostname filter set to 'None')"),
        ("find_bucket('aw', 'h')", "Unable to find bucket matching 'aw' (hostname filter set to 'h')"),
        ("query_bucket('x')", "There's no bucket named 'x'"),
        (
            "query_bucket('aw-watcher-windw_new')",
            "There's no bucket named 'aw-watcher-windw_new'; did you mean 'aw-watcher-window_new'?",
        ),
        ("query_bucket_eventcount('x')", "There's no bucket named 'x'"),
        (
            "find_bucket(1)",
            f"{INVALID_TYPE.format('1')} Expected <class 'str'> but was <class 'int'>",
        ),
        (
            "find_bucket('x', 1)",
            f"{INVALID_TYPE.format('1')} Expected <class 'str'> but was <class 'int'>",
        ),
        (
            "limit_events(1, 2)",
            f"{INVALID_TYPE.format('1')} Expected <class 'list'> but was <class 'int'>",
        ),
        (
            "limit_events([], 1.5)",
            f"{INVALID_TYPE.format('1.5')} Expected <class 'int'> but was <class 'float'>",
        ),
        (
            "flood([], 'x')",
            f"{INVALID_TYPE.format('x')} Expected <class 'float'> but was <class 'str'>",
        ),
        (
            "sum_durations([1])",
            f"{INVALID_TYPE.format('[1]')} Expected a list of events but was <class 'list'>",
        ),
        (
            "sum_durations([e, limit_events(e, 1)])",
            f"{INVALID_TYPE.format('[3 events, 1 event]')} Expected a list of events but was <class 'list'>",
        ),
        (
            "merge_events_by_keys(e, e)",
            f"{INVALID_TYPE.format('3 events')} Expected a list without events but was <class 'list'>",
        ),
        (
            "merge_events_by_keys(e, ['app', null])",
            f"{INVALID_TYPE.format('None')} Expected <class 'str'> but was <class 'NoneType'>",
        ),
        ("flood(e, -1)", "pulsetime of flood must not be negative, got -1"),
        ("merge_subwatcher_fields(e, e, [], 'x')", "conflict must be 'base_wins' or 'sub_wins', got 'x'"),
        ("contains(1, 1)", "contains looks into a list or a dict, and '1' is neither"),
        ("contains({}, 1)", "contains looks for a key in a dict, and '1' is not a str"),
    ],
    ids=lambda value: value[:40],
)
def test_an_argument_that_does_not_fit_is_refused(text: str, message: str) -> None:
    """ActivityWatch's words, where it has some for the case."""
    with pytest.raises(QueryFunctionError) as caught:
        get_result(f"{WINDOW} RETURN = {text};")

    assert (caught.value.problem, caught.value.line) == (message, 1)


def test_a_list_with_events_in_it_is_no_list_of_values() -> None:
    """Not even deep within it."""
    with pytest.raises(QueryFunctionError, match="Expected a list without events"):
        get_result(f"{WINDOW} RETURN = filter_keyvals(e, 'app', [[{{'a': e}}]]);")


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_wrong_number_of_arguments_is_refused(name: str) -> None:
    """aw-server's words, and how many it takes."""
    least = len(FUNCTIONS[name].required)
    most = least + len(FUNCTIONS[name].optional)
    wrong = [least - 1] * (least > 0) + [most + 1] * (not FUNCTIONS[name].is_variadic)

    for number in wrong:
        with pytest.raises(QueryInterpretError, match=f"^Tried to call function {name} with invalid amount") as caught:
            get_result(f"RETURN = {name}({', '.join(['[]'] * number)});")
        assert f": it takes {least}" in str(caught.value)
        assert f", not {number} (" in str(caught.value)


def test_events_are_read_newest_first_and_cut_to_the_period() -> None:
    """As in ActivityWatch."""
    events = get_result("STARTTIME = '2026-03-01T08:05:00Z'; RETURN = query_bucket('aw-watcher-window_new');")

    assert get_hours(events) == ["10:00", "09:00", "08:05"]
    assert [event["duration"] for event in events] == [120, 300, 300]


def test_bucket_names_are_in_order_of_creation() -> None:
    """aw-server-rust gives them in any order."""
    names = ["aw-watcher-window_old", "aw-watcher-window_new", "aw-watcher-afk_new"]

    assert get_result("RETURN = query_bucket_names();") == names


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("filter_keyvals(e, 'app', ['Firefox'])", ["10:00", "08:00"]),
        ("exclude_keyvals(e, 'app', ['Firefox'])", ["09:00"]),
        ("filter_keyvals_regex(e, 'title', '^main|News$')", ["09:00", "08:00"]),
        ("limit_events(e, 1)", ["10:00"]),
        ("limit_events(e, 4 / 2)", ["10:00", "09:00"]),
        ("limit_events(e, -1)", ["10:00", "09:00"]),
        ("sort_by_timestamp(e)", ["08:00", "09:00", "10:00"]),
        ("sort_by_duration(e)", ["08:00", "09:00", "10:00"]),
        ("filter_period_intersect(e, query_bucket('aw-watcher-window_old'))", ["08:00"]),
        ("period_union(e, query_bucket('aw-watcher-afk_new'))", ["08:00"]),
        ("union_no_overlap(query_bucket('aw-watcher-window_old'), e)", ["08:00", "09:00", "10:00"]),
        ("concat(limit_events(e, 1), query_bucket('aw-watcher-afk_new'), [])", ["10:00", "08:00"]),
        ("concat([], [], limit_events(e, 1), e)", ["10:00", "10:00", "09:00", "08:00"]),
        ("concat(e)", ["10:00", "09:00", "08:00"]),
        ("limit_events(e, 1) + [] + limit_events(e, 2)", ["10:00", "10:00", "09:00"]),
        ("[] + e", ["10:00", "09:00", "08:00"]),
        ("merge_events_by_keys(e, ['app'])", ["10:00", "09:00"]),
        ("chunk_events_by_key(sort_by_timestamp(e), 'app')", ["08:00", "09:00", "10:00"]),
        ("split_url_events(e)", ["10:00", "09:00", "08:00"]),
        ("flood(e)", ["08:00", "09:00", "10:00"]),
        ("flood(e, 0.5)", ["08:00", "09:00", "10:00"]),
        ("flood([])", []),
        ("categorize([], [])", []),
    ],
)
def test_a_function_over_events_runs_under_its_name(text: str, hours: list[str]) -> None:
    """All of both servers."""
    assert get_hours(get_result(f"{WINDOW} RETURN = {text};")) == hours


def test_flood_takes_a_pulsetime_in_seconds() -> None:
    """However long: a gap of 50 minutes is filled by an hour."""
    first, second, _ = get_result(f"{WINDOW} RETURN = flood(e, 3600);")

    assert (first["duration"], second["timestamp"][11:16]) == (600 + 50 * 60 / 2, "08:35")
    assert len(get_result(f"{WINDOW} RETURN = flood(e, {'9' * 300});")) == 3


def test_functions_that_rewrite_data_do() -> None:
    """Each adds what its name says."""
    category, tags, title, sub = get_result(
        WINDOW,
        "e = limit_events(e, 1);",
        "c = categorize(e, [[['Web', 'Mail'], {'type': 'regex', 'regex': 'mail', 'ignore_case': true}]]);",
        "t = tag(e, [['web', {'regex': 'Firefox'}], ['mail', {'regex': 'Mail'}]]);",
        "s = simplify_window_titles(e, 'title');",
        "m = merge_subwatcher_fields(e, query_bucket('aw-watcher-afk_new'), ['status']);",
        "RETURN = [c, t, s, m];",
    )

    assert category[0]["data"]["$category"] == ["Web", "Mail"]
    assert tags[0]["data"]["$tags"] == ["web", "mail"]
    assert title[0]["data"]["title"] == "Mail"
    assert sub[0]["data"] == {"app": "Firefox", "title": "(2) Mail"}


def test_sums_and_counts_are_numbers() -> None:
    """Seconds as a float, events as an integer."""
    assert get_result(f"{WINDOW} RETURN = [sum_durations(e), sum_durations([])];") == [1020.0, 0.0]
    assert get_result("RETURN = query_bucket_eventcount('aw-watcher-window_new');") == 3


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("nop()", 1),
        ("contains([1, [true]], [true])", True),
        ("contains([1, 2], true)", False),
        ("contains([e], e)", True),
        ("contains({'a': 1}, 'a')", True),
        ("contains({'a': 1}, 'b')", False),
        ("concat([1], ['a'], [])", [1, "a"]),
        ("concat([], [])", []),
        ("print(1)", None),
    ],
)
def test_a_function_over_values_has_its_result(text: str, result: object) -> None:
    """Those of both servers that are not about events."""
    found = get_result(f"{WINDOW} RETURN = {text};")

    assert (type(found), found) == (type(result), result)


def test_what_a_query_prints_comes_with_the_answer() -> None:
    """A line for each call, of one short line; at most a hundred."""
    text = f"{WINDOW} print('a', 1, [true]); print(e); print(e); print('x\ny' + '{'z' * 200}'); print(); RETURN = 1;"

    assert ask(text).warnings == (
        "print: a 1 [True]",
        "print: 3 events",
        "print: 3 events",
        f"print: x y{'z' * 61}...",
        "print: ",
    )
    assert len(ask("print(1);" * 200 + "RETURN = 1;").warnings) == 100


def test_what_a_query_prints_comes_behind_the_warnings() -> None:
    """However much it is, none of them is lost."""
    answer = ask(f"{WINDOW} print('a'); RETURN = tag(e, [['bad', {{'regex': '('}}]]);")

    assert [warning[:6] for warning in answer.warnings] == ["rule '", "print:"]


def test_a_rule_with_a_bad_pattern_matches_nothing_and_is_named() -> None:
    """The rest of the query is not broken by it."""
    answer = ask(
        WINDOW,
        "a = categorize(e, [[['Bad'], {'regex': '(unclosed'}], [['Web'], {'regex': 'Firefox'}]]);",
        "a = categorize(e, [[['Bad'], {'regex': '(unclosed'}], [['Web'], {'regex': 'Firefox'}]]);",
        "RETURN = sum_durations(filter_keyvals(a, '$category', [['Web']]));",
    )

    assert answer.results == (720.0,)
    assert len(answer.warnings) == 1
    assert "(unclosed" in answer.warnings[0]


def test_a_bad_pattern_of_a_filter_is_refused_by_name() -> None:
    """There is nothing that the query could go on with."""
    with pytest.raises(QueryFunctionError, match=r"\(unclosed.*\(line 1, column \d+\)$"):
        get_result(f"{WINDOW} RETURN = filter_keyvals_regex(e, 'app', '(unclosed');")


def test_a_pattern_that_takes_too_long_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """People see one line: what is wrong, what to do, and where."""
    monkeypatch.setattr(patterns, "SEARCH_LIMIT_S", 0.05)
    source = MemorySource({"b": ("h", [build_event(1, 1, title="ab" * 20_000 + "d")])})

    with pytest.raises(
        QueryFunctionError, match=r"more than 0.05 s.*; repetitions within .* another way \(line 1, column 10\)$"
    ):
        get_result("RETURN = filter_keyvals_regex(query_bucket('b'), 'title', '(?:a|b|ab)*(?=c)d');", source=source)


@pytest.mark.parametrize(
    "rules", ["[1]", "[[['a']]]", "[['a', {}, 1]]", "[[1, {}]]", "[[['a'], 1]]", "[[null, {'regex': 'a'}]]"]
)
@pytest.mark.parametrize("name", ["categorize", "tag"])
def test_rules_that_are_none_are_refused(name: str, rules: str) -> None:
    """Whatever is in the place of a name or of a rule."""
    with pytest.raises(QueryFunctionError):
        ask(f"{WINDOW} RETURN = {name}(e, {rules});")


def test_the_deepest_chunks_can_be_written() -> None:
    """Chunks of chunks hold all of what they were made of, until that is nested too deep."""
    source = MemorySource({"b": ("h", [build_event(1, 1, a=1)])})
    chunk = "e = chunk_events_by_key(e, 'a');"

    assert get_result("e = query_bucket('b');", chunk * 20, "RETURN = e;", source=source)
    with pytest.raises(QueryInterpretError, match="nests lists, dicts or data too deep"):
        get_result("e = query_bucket('b');", chunk * 30, "RETURN = e;", source=source)
