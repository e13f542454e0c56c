"""Our query builders beside those of aw-client 0.5.15, in an interpreter of its own.

The same parameters build the same query. Only white space may differ, and what ``normalise`` says; where ours differ
on purpose is tested in ``tests/unit/client/test_queries.py``.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any, Final

import pytest

from pulseline_client import queries
from pulseline_client.classes import default_classes
from tests.compat.remote import COMPAT, HERE

CLASSES: Final[list[Any]] = [
    [["Work"], {"type": "regex", "regex": r"\bvim\b|C:\\Work\\src|say \"hi\"; bye", "ignore_case": True}],
    [["Work", 'A "B"'], {"type": "regex", "regex": "^x$", "select_keys": ["app", "title"], "priority": 3}],
    [["None"], {"type": "none"}],
]

DESKTOP: Final[dict[str, list[Any]]] = {
    "bid_window": ["aw-watcher-window_desk", "aw-watcher-window_"],
    "bid_afk": ["aw-watcher-afk_desk"],
    "bid_browsers": [
        [],
        ["aw-watcher-web-chrome_desk"],
        ["aw-watcher-web-firefox", "aw-watcher-web-edge", "aw-watcher-web-firefox_desk", "aw-watcher-web-vivaldi"],
        ["aw-watcher-web-netscape"],
    ],
    "classes": [[list(each) for each in default_classes], CLASSES],
    "filter_classes": [[], [["Work"], ["Work", "Programming"]]],
    "filter_afk": [True, False],
    "include_audible": [True, False],
}

ANDROID: Final[dict[str, list[Any]]] = {"bid_android": ["aw-watcher-android-test"]} | {
    name: values for name, values in DESKTOP.items() if name[:3] != "bid"
}

KINDS: Final = {"desktop": queries.DesktopQueryParams, "android": queries.AndroidQueryParams}


def iter_cases() -> Iterator[dict[str, Any]]:
    """Yield every combination of the parameters above."""
    for kind, fields in (("desktop", DESKTOP), ("android", ANDROID)):
        for values in itertools.product(*fields.values()):
            yield {"kind": kind, "fields": dict(zip(fields, values, strict=True))}


@pytest.fixture(scope="module", name="theirs")
def _theirs() -> dict[str, Any]:
    """Return what aw-client builds."""
    lines = "".join(f"{json.dumps(case)}\n" for case in iter_cases())
    argv = [str(COMPAT / "bin/python"), str(HERE / "python/builders.py")]
    done = subprocess.run(argv, input=lines, capture_output=True, text=True, check=True, timeout=60)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def normalise(query: str) -> str:
    """Return a query without white space but in texts.

    aw-client sends ``{default_limit}`` for two of its limits, the name in place of the number, which no server takes.
    """
    parts = re.split(r'("(?:\\"|[^"])*")', query.replace("{default_limit}", str(queries.default_limit)))
    return "".join(part if part[:1] == '"' else re.sub(r"\s", "", part) for part in parts)


def test_canonical_queries_are_the_same(theirs: dict[str, Any]) -> None:
    """For a computer and a phone, in every combination."""
    ours = [queries.canonicalEvents(KINDS[case["kind"]](**case["fields"])) for case in iter_cases()]

    assert [normalise(query) for query in ours] == [normalise(built["canonical"]) for built in theirs["built"]]


def test_full_queries_of_a_desktop_are_the_same(theirs: dict[str, Any]) -> None:
    """With the browsers that were found."""
    cases = [queries.DesktopQueryParams(**case["fields"]) for case in iter_cases() if case["kind"] == "desktop"]
    ours = [queries.fullDesktopQuery(params) for params in cases]
    built = [each for each in theirs["built"] if "full" in each]

    assert [normalise(query) for query in ours] == [normalise(each["full"]) for each in built]
    assert [queries.browsersWithBuckets(params.bid_browsers) for params in cases] == [
        [tuple(pair) for pair in each["browsers"]] for each in built
    ]


def test_facts_are_the_same(theirs: dict[str, Any]) -> None:
    """The categories that everybody begins with, what browsers' windows are called, how long a list is."""
    assert [[name, rule] for name, rule in default_classes] == theirs["facts"]["classes"]
    assert queries.browser_appnames == theirs["facts"]["apps"]
    assert queries.default_limit == theirs["facts"]["limit"]


def test_what_a_program_imports_is_there(theirs: dict[str, Any]) -> None:
    """All that is public in ``aw_client.queries`` but what it imports itself, its encoder and its test."""
    foreign = {"EnhancedJSONEncoder", "test_fullDesktopQuery", "aw_client", "dataclasses", "dataclass", "field", "json"}
    typing = {"List", "Optional", "Tuple", "Union", "TypeGuard", "datetime", "timedelta", "timezone"}

    assert set(theirs["facts"]["public"]) - foreign - typing <= set(dir(queries))
