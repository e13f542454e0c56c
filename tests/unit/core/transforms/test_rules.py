"""Categories and tags: ActivityWatch's rules, their order, and rules that can not be used."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.errors import InvalidRule
from pulseline_core.transforms import patterns
from pulseline_core.transforms.columns import Columns
from pulseline_core.transforms.rules import RuleSet, build_rule_set, categorize, tag
from pulseline_core.types import JSONObject, JSONValue
from tests.unit.core.transforms.samples import (
    as_columns,
    build,
    check_recorded,
    data_objects,
    events_of_any_data,
    get_data,
    get_rows,
    list_rows,
    read_columns,
    select_vectors,
)

#: Takes longer than any limit on ``HARD_TEXT``, and next to nothing on others.
SLOW_PATTERN: Final = r"(?:(a)|b|ab)*\1d$"
HARD_TEXT: Final = "ab" * 3_000 + "!d"

json_rules = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["regex", "none", None]),
        "regex": st.sampled_from(
            ["", None, "GitHub|main", r"\bInbox\b", "^\\(", "строка$", "(?=e).*o", r"(.)\1", "K$", "github", "(", "."]
        ),
        "ignore_case": st.booleans(),
        "select_keys": st.sampled_from([None, [], ["app"], ["title", "url"], ["missing"]]),
        "priority": st.integers(-5, 30),
        "weight": st.integers(-5, 30),
    },
)
categories = st.lists(st.sampled_from(["Work", "Media", "Mail"]), max_size=3)
tags = st.sampled_from(["", "one", "two"])


def matches(rule: dict[str, Any], data: JSONObject) -> bool:
    """Judge one rule the slow way."""
    if not rule.get("regex") or rule["regex"] == "(":
        return False
    keys = rule.get("select_keys") or list(data)
    flags = re.IGNORECASE if rule.get("ignore_case") else 0
    values = [data[key] for key in keys if key in data]
    return any(isinstance(value, str) and re.search(rule["regex"], value, flags) is not None for value in values)


def categorize_slowly(data: JSONObject, rules: list[tuple[list[str], dict[str, Any]]]) -> JSONObject:
    """Rule by rule, as aw-core does it."""
    winner, best = ["Uncategorized"], None
    for name, rule in rules:
        rank = rule.get("priority", rule.get("weight", 10 * len(name)))
        if name and matches(rule, data) and (best is None or rank >= best):
            winner, best = name, rank
    return {**data, "$category": list[JSONValue](winner)}


def as_json(rules: Any) -> JSONValue:
    """Return pairs as JSON has them."""
    return [list(pair) for pair in rules]


def pick_category(data: JSONObject, *rules: tuple[list[str], dict[str, Any]]) -> JSONValue:
    """Return the category that an event with this data gets."""
    return get_data(categorize(build(data), RuleSet(as_json(rules))))[0]["$category"]


@pytest.mark.parametrize("case", select_vectors("categorize"), ids=lambda case: case["id"])
def test_categories_are_those_of_activitywatch(case: dict[str, Any]) -> None:
    """Recorded from aw-core 0.5.18."""
    events, rules = case["args"]

    check_recorded(categorize(read_columns(events), build_rule_set(rules)), case["expected"])


@pytest.mark.parametrize("case", select_vectors("tag"), ids=lambda case: case["id"])
def test_tags_are_those_of_activitywatch(case: dict[str, Any]) -> None:
    """Recorded from aw-core 0.5.18."""
    events, rules = case["args"]

    check_recorded(tag(read_columns(events), build_rule_set(rules)), case["expected"])


@given(events_of_any_data, st.lists(st.tuples(categories, json_rules), max_size=6))
def test_a_category_is_the_one_that_comes_out_rule_by_rule(events: Any, rules: Any) -> None:
    """Times and ids stay as they are."""
    result = categorize(as_columns(events), RuleSet(as_json(rules)))

    assert get_rows(result) == [
        (start, duration, categorize_slowly(data, rules), event_id)
        for start, duration, data, event_id in list_rows(events)
    ]


@given(st.lists(data_objects, max_size=8), st.lists(st.tuples(tags, json_rules), max_size=6))
def test_tags_are_the_names_of_all_rules_that_match(data: list[JSONObject], rules: Any) -> None:
    """In their order, twice if two rules have one name."""
    result = tag(build(*data), RuleSet(as_json(rules)))

    assert get_data(result) == [
        {**each, "$tags": [name for name, rule in rules if matches(rule, each)]} for each in data
    ]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], ["Uncategorized"]),
        ([(["A"], {"regex": "x"})], ["A"]),
        ([(["A"], {"regex": "X"})], ["Uncategorized"]),
        ([(["A"], {"regex": "X", "ignore_case": True})], ["A"]),
        ([(["A"], {"type": "none"})], ["Uncategorized"]),
        ([(["A"], {"type": None, "regex": ""})], ["Uncategorized"]),
        ([([], {"regex": "x", "priority": 99}), (["A"], {"regex": "x"})], ["A"]),
        ([(["A"], {"regex": "x"}), (["B"], {"regex": "x"})], ["B"]),
        ([(["A", "B"], {"regex": "x"}), (["C"], {"regex": "x"})], ["A", "B"]),
        ([(["A", "B"], {"regex": "x"}), (["C"], {"regex": "x", "priority": 20})], ["C"]),
        ([(["A", "B"], {"regex": "x"}), (["C"], {"regex": "x", "weight": 19})], ["A", "B"]),
        ([(["A"], {"regex": "x", "priority": -(2**70)})], ["A"]),
        ([(["A"], {"regex": "x", "select_keys": ["app"]})], ["Uncategorized"]),
        ([(["A"], {"regex": "x", "select_keys": ["app", "title"]})], ["A"]),
        ([(["A"], {"regex": "x", "select_keys": []})], ["A"]),
        ([(["A"], {"regex": "1"})], ["Uncategorized"]),
    ],
)
def test_the_category_of_a_title_with_an_x(rules: list[Any], expected: list[str]) -> None:
    """The named cases: depth, later wins, priority, where to look."""
    assert pick_category({"app": "y", "title": "x", "number": 1}, *rules) == expected


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"a": 1}, "rules {'a': 1} are not a list"),
        ([["A"]], "['A'] is not a pair of a name and a rule"),
        ([[["A"], "x"]], "rule 'x' is not an object like {'type': 'regex', 'regex': ...}"),
        ([[["A"], {"regex": "x", "priority": True}]], "priority/weight must be an integer, not True"),
        ([[["A"], {"regex": "x", "weight": 1.5}]], "priority/weight must be an integer, not 1.5"),
        ([[["A"], {"regex": "x", "priority": None}]], "priority/weight must be an integer, not None"),
        ([[["A"], {"regex": "x", "select_keys": "app"}]], "select_keys 'app' is not a list of texts"),
        ([[["A"], {}]] * 1001, "1001 rules are more than 1000"),
    ],
)
def test_what_is_no_rule_is_refused(rules: JSONValue, message: str) -> None:
    """Beginning with aw-core's words, where it has some."""
    with pytest.raises(InvalidRule) as caught:
        build_rule_set(rules)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("label", "name", "message"),
    [
        (categorize, "Work", "category 'Work' is not a list of texts"),
        (categorize, ["Work", 1], "category ['Work', 1] is not a list of texts"),
        (tag, ["Work"], "tag ['Work'] is not a text"),
    ],
)
def test_a_category_is_a_list_and_a_tag_a_text(
    label: Callable[[Columns, RuleSet], Columns], name: JSONValue, message: str
) -> None:
    """One is not taken for the other."""
    with pytest.raises(InvalidRule) as caught:
        label(build({"app": "x"}), RuleSet([[name, {"regex": "x"}]]))

    assert str(caught.value) == message


def test_a_wrong_pattern_matches_nothing_and_is_told() -> None:
    """The other rules work on (github.com/ActivityWatch/aw-core/issues/148)."""
    rules = RuleSet([[["Work", "Code"], {"regex": "(x"}], [["A"], {"regex": 5}], [["Other"], {"regex": "x"}]])

    result = get_data(categorize(build({"app": "x"}), rules))

    assert result[0]["$category"] == ["Other"]
    assert rules.problems == [
        "rule 'Work > Code': pattern '(x' is not valid at position 2: missing )",
        "rule 'A': pattern '5' is not valid: it is not a text",
    ]


def test_a_pattern_that_takes_too_long_matches_nothing_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it found before is done anew: one result holds one set of rules."""
    monkeypatch.setattr(patterns, "SEARCH_LIMIT_S", 0.05)
    rules = RuleSet([["slow", {"regex": SLOW_PATTERN}], ["d", {"regex": "d"}]])
    events = build({"app": "ad"}, {"app": "aad"}, {"app": HARD_TEXT})

    before, problems = get_data(tag(events.take(slice(0, 2)), rules)), rules.problems
    after = get_data(tag(events, rules))

    assert [each["$tags"] for each in before] == [["d"], ["slow", "d"]]
    assert problems == []
    assert [each["$tags"] for each in after] == [["d"], ["d"], ["d"]]
    assert rules.problems == [f"rule 'slow': pattern {SLOW_PATTERN!r} takes too long"]


def test_a_pattern_that_was_given_up_is_told_again_by_rules_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pool remembers does not hide it."""
    monkeypatch.setattr(patterns, "SEARCH_LIMIT_S", 0.05)
    json_rules: JSONValue = [["slow", {"regex": SLOW_PATTERN}]]
    events = build({"app": HARD_TEXT})

    tag(events, RuleSet(json_rules))
    again = RuleSet(json_rules)
    tag(events, again)

    assert len(again.problems) == 1


def test_a_pattern_that_was_given_up_is_tried_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one query's texts take too long for finds other texts all the same."""
    monkeypatch.setattr(patterns, "SEARCH_LIMIT_S", 0.05)
    json_rules: JSONValue = [["slow", {"regex": SLOW_PATTERN}]]
    easy, hard = build({"app": "aad"}), build({"app": HARD_TEXT})
    expected = get_data(tag(easy, build_rule_set(json_rules)))
    tag(hard, build_rule_set(json_rules))

    assert get_data(tag(easy, build_rule_set(json_rules))) == expected == [{"app": "aad", "$tags": ["slow"]}]


def test_data_is_looked_at_once() -> None:
    """However often it occurs, and in later calls with the same rules."""
    events = build({"app": "x"}, {"app": "y"}, {"app": "x"})
    rules = RuleSet([["x", {"regex": "x"}]])
    tag(events, rules)
    rules._find = None  # type: ignore[assignment, method-assign]

    again = tag(events, rules)

    assert [each["$tags"] for each in get_data(again)] == [["x"], [], ["x"]]


def test_the_pools_check_can_stop_the_work() -> None:
    """Between objects, and before each search that may take long."""
    events = build({"app": "x"})

    def stop() -> None:
        raise InterruptedError

    events.pool.check = stop
    with pytest.raises(InterruptedError):
        tag(events, RuleSet([["x", {"regex": "x"}]]))


def test_the_latest_rules_are_kept() -> None:
    """By what they say, not by which object says it."""
    first, second = build_rule_set([["x", {"regex": "kept"}]]), build_rule_set([["x", {"regex": "kept"}]])

    assert first._patterns is second._patterns
    assert build_rule_set([["x", {"regex": "1", "priority": 1}]]).text != RuleSet([["x", {"regex": "1"}]]).text
