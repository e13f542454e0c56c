"""A row for each ingest worker of a status."""

from __future__ import annotations

import pytest

from pulseline_client.commands.worker_table import format_partitions, iter_workers
from pulseline_core.types import JSONObject, JSONValue

WORKER: JSONObject = {
    "state": "online",
    "late": False,
    "problem": None,
    "lag_s": 0.26,
    "queue": 3,
    "partitions": [0, 1, 2, 5],
    "counters": {"received": 12, "duplicates": 1, "dead_letters": 2},
}


def test_row_says_how_a_worker_is_doing() -> None:
    """What it holds, how far it is behind, and what became of messages."""
    (row,) = iter_workers({"workers": {"main": WORKER}}, is_stale=False)

    assert row == {
        "worker": "main",
        "state": "online",
        "partitions": "0-2 5",
        "lag": "0.3 s",
        "queue": 3,
        "received": 12,
        "duplicates": 1,
        "dead_letters": 2,
    }


@pytest.mark.parametrize(
    ("changes", "is_stale", "state"),
    [
        ({}, False, "online"),
        ({"problem": "no space left"}, False, "stuck"),
        ({"problem": "no space left", "late": True}, False, "silent"),
        ({"state": "offline"}, False, "offline"),
        ({}, True, "stale"),
    ],
)
def test_state_is_the_one_that_matters_most(changes: JSONObject, is_stale: bool, state: str) -> None:
    """Without a connection to the broker nothing is known of now; a silent worker may be anything."""
    (row,) = iter_workers({"workers": {"main": {**WORKER, **changes}}}, is_stale=is_stale)

    assert row["state"] == state


@pytest.mark.parametrize(
    ("held", "text"), [([], ""), ([7], "7"), ([3, 1, 2, 9, 8], "1-3 8-9"), ("all", ""), (["x", 4], "4"), (None, "")]
)
def test_partitions_are_shown_as_ranges(held: JSONValue, text: str) -> None:
    """In order, whatever the order in which they were taken."""
    assert format_partitions({"partitions": held}) == text


def test_what_is_no_worker_has_no_row() -> None:
    """Any text may stand on its topic; a worker that is gone has no figures."""
    rows = list(iter_workers({"workers": {"x": "online", "gone": {"state": "offline"}}}, is_stale=False))

    assert [(row["worker"], row["lag"], row["queue"]) for row in rows] == [("gone", "", None)]
