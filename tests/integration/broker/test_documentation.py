"""The page about the broker names tests that exist and limits that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pulseline_broker.access import MAX_FILTER_LEVELS
from pulseline_broker.limits import Limits

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "broker.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists() -> None:
    """A claim about a fault of amqtt is worth the test beside it."""
    sources = [
        *(ROOT / "tests" / "integration" / "broker").glob("*.py"),
        *(ROOT / "tests" / "unit" / "broker").glob("*.py"),
    ]
    defined = {name for path in sources for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))}

    named = set(re.findall(r"`(test_\w+)`", PAGE))

    assert len(named) > 30
    assert not named - defined


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ("messages in flight", Limits().in_flight),
        ("waiting QoS 1 and 2 messages", Limits().queued_messages),
        ("retained messages of clients", Limits().retained_messages),
        ("retained messages of clients", Limits().retained_bytes // 2**20),
        ("absent sessions", Limits().absent_sessions),
        ("levels of a topic", MAX_FILTER_LEVELS),
        ("bytes of a client id", Limits().client_id_bytes),
    ],
)
def test_limit_on_the_page_is_the_limit(row: str, value: int) -> None:
    """The page says the numbers that the code has."""
    (line,) = (line for line in PAGE.splitlines() if line.startswith(f"| {row}"))

    assert f"{value:,}" in line
