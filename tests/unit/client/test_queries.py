"""What the query builders do where aw-client's fail; that they are the same elsewhere is tested beside those."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pulseline_client import queries
from pulseline_client.classes import Classes, default_classes, get_classes
from pulseline_client.queries import AndroidQueryParams, DesktopQueryParams, canonicalEvents, fullDesktopQuery
from pulseline_client.query_literals import write_literal, write_pattern, write_rule
from pulseline_core.errors import BadInput, NotAuthorized, ServerUnavailable


class Settings:
    """A server with one setting, or with an error instead."""

    def __init__(self, value: Any = None, error: Exception | None = None) -> None:
        self.value = value
        self.error = error
        self.asked: list[str] = []

    def get_setting(self, key: str) -> Any:
        """Return or raise what there is."""
        self.asked.append(key)
        if self.error is not None:
            raise self.error
        return self.value


def build_params(**fields: Any) -> DesktopQueryParams:
    """Return parameters of a computer, with one category."""
    return DesktopQueryParams(**{"bid_window": "w", "bid_afk": "a", "classes": [(["X"], {"regex": "x"})]} | fields)


def test_always_active_apps_and_titles_are_activity() -> None:
    """As in the version of aw-client after 0.5.15; a quote in the pattern ends no text."""
    lines = canonicalEvents(build_params(always_active_pattern='Zoom|"Call"')).splitlines()

    assert lines[3:7] == [
        r'not_treat_as_afk = filter_keyvals_regex(events, "app", "Zoom|\"Call\"");',
        "not_afk = period_union(not_afk, not_treat_as_afk);",
        r'not_treat_as_afk = filter_keyvals_regex(events, "title", "Zoom|\"Call\"");',
        "not_afk = period_union(not_afk, not_treat_as_afk);",
    ]


def test_parameters_may_be_given_by_place() -> None:
    """In ActivityWatch's order."""
    params = DesktopQueryParams("w", "a", "Zoom", ["b"])

    assert (params.bid_window, params.bid_afk) == ("w", "a")
    assert (params.always_active_pattern, params.bid_browsers) == ("Zoom", ["b"])
    assert AndroidQueryParams("phone", ["b"]).bid_android == "phone"


def test_kinds_of_parameters_are_told_apart() -> None:
    """Each is its own only."""
    desktop, android = build_params(), AndroidQueryParams("phone")

    assert (queries.isDesktopParams(desktop), queries.isAndroidParams(desktop)) == (True, False)
    assert (queries.isDesktopParams(android), queries.isAndroidParams(android)) == (False, True)


def test_phone_with_browsers_has_a_query_that_runs() -> None:
    """aw-client asks for audible pages there, of a list that its query does not make."""
    phone = AndroidQueryParams("phone", bid_browsers=["aw-watcher-web-chrome"], classes=[(["X"], {"regex": "x"})])

    query = canonicalEvents(phone)

    assert "browser_events" not in query
    assert "not_afk" not in query


@pytest.mark.parametrize("bucket_id", ['say "hi"', r"say \"hi\""])
def test_quotes_in_bucket_ids_are_escaped_once(bucket_id: str) -> None:
    """Also when the caller has done so; aw-client looks for ``/"/g``, which no id holds."""
    params = build_params(bid_window=bucket_id, bid_browsers=["chrome-" + bucket_id])

    for query in (canonicalEvents(params), fullDesktopQuery(params)):
        assert r'find_bucket("say \"hi\"")' in query
        assert r'query_bucket("chrome-say \"hi\"")' in query


def test_parameters_are_left_as_they_are() -> None:
    """aw-client writes the categories into them."""
    params = build_params(classes=[])

    fullDesktopQuery(params, Settings())

    assert params == build_params(classes=[])


def test_names_of_categories_stay_readable() -> None:
    r"""JSON as aw-client sends it makes ``\u00e5`` of a letter, and six characters of it in the answer."""
    params = build_params(classes=[(["Språk", r"a\b"], {"regex": "å"})], filter_classes=[["Språk", r"a\b"]])

    *_, categorise, keep = canonicalEvents(params).splitlines()

    assert categorise == r'events = categorize(events, [[["Språk", "a\b"], {"regex": "å"}]]);'
    assert keep == r'events = filter_keyvals(events, "$category", [["Språk", "a\b"]]);'


@dataclass
class Rule:
    """A rule as a program may have it."""

    type: str | None = "regex"
    regex: str | None = None
    select_keys: list[str] | None = None


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule(regex=r"\w+"), r'{"type": "regex", "regex": "\w+"}'),
        (Rule(type=None), '{"type": "none"}'),
        ({"type": None, "regex": ""}, '{"type": "none", "regex": ""}'),
        ({"regex": "a", "weight": 1.5, "ignore_case": False}, '{"regex": "a", "weight": 1.5, "ignore_case": false}'),
        ({"regex": r"C:\\Work" + r"\\"}, r'{"regex": "C:\\Work\\(?:)"}'),
    ],
    ids=["dataclass", "no rule", "null", "numbers", "backslash at the end"],
)
def test_rule_says_what_the_language_can(rule: Any, text: str) -> None:
    """Which has no null, and no text that ends with a backslash."""
    assert write_rule(rule) == text


@pytest.mark.parametrize(
    ("regex", "text"),
    [("a\nb", r'"a\nb"'), ("a\\", '"a\\"'), (r"a\\", r'"a\\(?:)"'), (r"a\\\\", r'"a\\\\(?:)"'), (r"\"", r'"\\""')],
)
def test_pattern_means_the_same_as_a_literal(regex: str, text: str) -> None:
    """One that ends in the middle of an escape is wrong, and stays so."""
    assert write_pattern(regex) == text


def test_value_that_the_language_has_not_is_refused() -> None:
    """It is not sent."""
    with pytest.raises(BadInput, match="None can not be written in a query"):
        write_literal(None)


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("a = 1;b = 2", ["a = 1;", "b = 2;"]),
        ("a = \"x;y\"; b = 'z;';", ['a = "x;y";', " b = 'z;';"]),
        (r'a = "x\";y";', [r'a = "x\";y";']),
        ('a = "x; b', ['a = "x;', " b;"]),
        (";;", []),
    ],
)
def test_query_is_split_into_its_statements(text: str, statements: list[str]) -> None:
    """Not within texts, unless one is never closed."""
    assert queries.querystr_to_array(text) == statements


def test_pretty_query_has_neither_indentation_nor_empty_lines() -> None:
    """For people."""
    assert queries.pretty_query("\n  a = 1;\n\n\tRETURN = a;  \n") == "a = 1;\nRETURN = a;"


STORED: Classes = [(["Work"], {"type": "regex", "regex": "x"}), (["Play"], {"type": "none"})]


def test_categories_are_those_of_the_server() -> None:
    """The setting of the web interface, without what it keeps beside name and rule; and what is no category is none."""
    server = Settings(
        [{"id": 0, "name": name, "rule": rule, "data": {}} for name, rule in STORED] + [{"name": 1}, None]
    )

    assert get_classes(server) == STORED
    assert server.asked == ["classes"]


@pytest.mark.parametrize(
    "server",
    [
        Settings(),
        Settings([]),
        Settings({"a": 1}),
        Settings(error=ServerUnavailable("http://desk", "away")),
        Settings(error=BadInput("no such setting")),
        Settings(error=NotAuthorized("no")),
    ],
    ids=["unset", "empty", "odd", "away", "404", "refused"],
)
def test_categories_are_the_default_ones_without_others(server: Settings) -> None:
    """A copy, which a program may change."""
    classes = get_classes(server)

    assert classes == default_classes
    assert classes is not default_classes


def test_query_without_categories_asks_the_given_server() -> None:
    """And no other one; with categories it asks nobody."""
    server = Settings([{"name": name, "rule": rule} for name, rule in STORED])

    query = canonicalEvents(build_params(classes=[]), server)
    canonicalEvents(build_params(), server)

    assert '[[["Work"], {"type": "regex", "regex": "x"}], [["Play"], {"type": "none"}]]' in query
    assert server.asked == ["classes"]
