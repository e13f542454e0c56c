"""The page about the query language: its examples run, and it has every function and limit as they are."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from pulseline_api.query_request import MAX_PERIODS
from pulseline_core.event import parse_event
from pulseline_core.query.answer import Answer, Question, answer
from pulseline_core.query.budget import Limits
from pulseline_core.query.errors import QueryError
from pulseline_core.query.functions import FUNCTIONS
from pulseline_core.query.parser import MAX_DEPTH, MAX_NODES
from pulseline_core.query.script import MAX_SCRIPT_BYTES
from pulseline_core.settings.sections import ApiSettings
from pulseline_core.transforms.patterns import SEARCH_LIMIT_S
from tests.unit.core.query.memory_source import NOW, MemorySource, build_budget, to_json

PAGE = (Path(__file__).parent.parent / "docs/reference/query.md").read_text(encoding="utf-8")

#: What the page says that its examples run over.
PERIOD: Final = (datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC))

_BUCKETS: Final = re.compile(r"^## The buckets of the examples$.*?^```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_EXAMPLE: Final = re.compile(
    r"^```query\n(?P<query>.*?)^```\n\n```(?P<kind>json|error)\n(?P<result>.*?)^```$"
    r"(?:\n\n```warnings\n(?P<warnings>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)
_SECTION: Final = re.compile(
    r"^### (?P<name>\w+)\n\n```\n(?P<signature>.*?)\n```\n(?P<text>.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE
)

LIMITS: Final = Limits()
API: Final = ApiSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A query of the page and what the page says of it.

    Attributes:
        query: its text.
        result: as JSON; ``None`` if it fails.
        error: the message; ``None`` if it does not.
        warnings: what is named beside the result.
    """

    query: str
    result: str | None
    error: str | None
    warnings: tuple[str, ...]


def read_examples(text: str) -> list[Example]:
    """Return the examples in a text."""
    return [
        Example(
            query=match["query"],
            result=match["result"] if match["kind"] == "json" else None,
            error=match["result"].strip() if match["kind"] == "error" else None,
            warnings=tuple((match["warnings"] or "").splitlines()),
        )
        for match in _EXAMPLE.finditer(text)
    ]


EXAMPLES = read_examples(PAGE)
SECTIONS = {match["name"]: match for match in _SECTION.finditer(PAGE)}


def build_source() -> MemorySource:
    """Return the buckets of the page."""
    buckets = _BUCKETS.search(PAGE)
    assert buckets is not None
    return MemorySource(
        {
            bucket_id: (bucket["hostname"], [parse_event(event, now=NOW) for event in bucket["events"]])
            for bucket_id, bucket in json.loads(buckets[1]).items()
        }
    )


def run(query: str) -> Answer:
    """Run a query as the page does."""
    return answer(Question(statements=(query,), periods=(PERIOD,), name="example"), build_source(), build_budget())


def leave_out_ids(value: Any) -> Any:
    """Return a result as the page shows it: events without their ids."""
    match value:
        case dict():
            is_event = value.keys() >= {"id", "timestamp", "duration", "data"}
            return {key: leave_out_ids(item) for key, item in value.items() if not (is_event and key == "id")}
        case list():
            return [leave_out_ids(item) for item in value]
        case _:
            return value


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.query.strip().rpartition("\n")[2][:60])
def test_an_example_has_the_result_that_the_page_shows(example: Example) -> None:
    """Or the error, or the warnings."""
    if example.result is None:
        with pytest.raises(QueryError) as caught:
            run(example.query)
        assert str(caught.value) == example.error
    else:
        answered = run(example.query)
        assert leave_out_ids(to_json(answered.results[0])) == json.loads(example.result)
        assert answered.warnings == example.warnings


def test_every_query_on_the_page_is_an_example() -> None:
    """None stands there without its result."""
    assert len(EXAMPLES) == PAGE.count("```query\n") > len(FUNCTIONS)


def test_the_page_has_a_section_for_every_function() -> None:
    """And none for a function that there is not."""
    assert sorted(re.findall(r"^### (.*)$", PAGE, re.MULTILINE)) == sorted(SECTIONS) == sorted(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_functions_section_has_its_signature_and_an_example(name: str) -> None:
    """Arguments that may be left out have a default there."""
    section, function = SECTIONS[name], FUNCTIONS[name]
    signature = re.fullmatch(rf"{name}\((.*)\)", section["signature"])
    assert signature is not None
    arguments = [each for each in signature[1].split(", ") if each]
    optional = [each for each in arguments if "=" in each]

    assert ("..." in arguments) == function.is_variadic
    assert len(optional) == len(function.optional)
    assert len(arguments) - len(optional) - function.is_variadic == len(function.required)
    assert any(f"{name}(" in example.query for example in read_examples(section["text"]))


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("length of the query, in bytes of UTF-8", MAX_SCRIPT_BYTES),
        ("brackets, blocks and signs within one another", MAX_DEPTH),
        ("parts of the query: values, names, operators, statements", MAX_NODES),
        ("periods", MAX_PERIODS),
        ("seconds, all periods together (`api.query_timeout_s`)", API.query_timeout_s),
        ("events that are read, all periods together", LIMITS.events_read),
        ("events in one value", LIMITS.rows),
        ("characters and items in one value", LIMITS.parts),
        ("lists, dicts and data within one another, in one value", LIMITS.depth),
        ("events in all values at once", LIMITS.kept_values * LIMITS.rows),
        ("characters and items in all values at once", LIMITS.kept_values * LIMITS.parts),
        ("bytes of new data: what is read for the first time, categories, parts of addresses", LIMITS.new_data_bytes),
        ("bytes of events within events (`chunk_events_by_key`), all periods together", LIMITS.nested_bytes),
        ("bytes of memory (`api.query_memory_bytes`)", API.query_memory_bytes),
    ],
)
def test_a_limit_is_the_one_of_the_code(row: str, limit: float) -> None:
    """As the table of limits has it."""
    assert f"\n| {row} | {round(limit):,} |\n" in PAGE


def test_the_limits_of_patterns_are_those_of_the_code() -> None:
    """The time in one text, and the size."""
    (limit,) = re.findall(r"written out, are more than (\S+) signs", PAGE)
    text = "return filter_keyvals_regex([], 'a', '(?=a)(a{999}){999}');"

    assert f"given up after {SEARCH_LIMIT_S:g} seconds" in PAGE
    with pytest.raises(QueryError, match=f"more than {limit.replace(',', '')} signs"):
        run(text)


def test_the_limit_of_rules_is_the_one_of_the_code() -> None:
    """One more is refused."""
    (limit,) = re.findall(r"^\| rules of one `categorize` or `tag` \| (\S+) \|$", PAGE, re.MULTILINE)
    count = int(limit.replace(",", ""))
    texts = ["return tag([], [" + "['x', {}]," * (number - 1) + "['x', {}]]);" for number in (count, count + 1)]

    assert run(texts[0]).warnings == ()
    with pytest.raises(QueryError, match=f"are more than {count}"):
        run(texts[1])
