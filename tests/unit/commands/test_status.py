"""What ``pulseline status`` makes of the API's answer."""

from __future__ import annotations

import pytest

from pulseline_client.commands.status import check_balance, iter_rows
from pulseline_core.types import JSONObject


@pytest.mark.parametrize(
    ("counters", "verdict"),
    [
        ({"received": 10, "applied": 7, "duplicates": 2, "dead_letters": 1}, "ok"),
        ({"received": 0, "applied": 0, "duplicates": 0, "dead_letters": 0, "ignored": 5}, "ok"),
        ({"received": 10, "applied": 7, "duplicates": 2, "dead_letters": 0}, "off by 1"),
        ({"received": 10, "applied": 12, "duplicates": 0, "dead_letters": 0}, "off by -2"),
        ({"received": 10, "applied": 10}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_check_balance_adds_up_what_became_of_messages(counters: JSONObject, verdict: str) -> None:
    """Received = applied + duplicates + dead letters; ignored ones were never received."""
    assert check_balance(counters) == verdict


def test_iter_rows_shows_every_part_that_is_known() -> None:
    """Server, broker, each worker and the store, in this order; what is unknown is left out."""
    status: JSONObject = {
        "version": "0.1.0",
        "testing": False,
        "broker": {"clients/connected": 2, "load/sockets/1min": 0.5},
        "workers": {"main": {"state": "online", "counters": {"received": 1, "applied": 1}}},
        "store": {"buckets": 3, "dead_letters": 0},
    }

    rows = [(row["part"], row["figure"], row["value"]) for row in iter_rows(status)]

    assert rows == [
        ("server", "version", "0.1.0"),
        ("server", "testing", "false"),
        ("broker", "clients/connected", "2"),
        ("ingest main", "state", "online"),
        ("ingest main", "received", "1"),
        ("ingest main", "applied", "1"),
        ("ingest main", "balance", "unknown"),
        ("store", "buckets", "3"),
        ("store", "dead letters", "0"),
    ]


def test_iter_rows_of_an_empty_answer_is_empty() -> None:
    """A server that knows nothing yet is no error."""
    assert list(iter_rows({})) == []
