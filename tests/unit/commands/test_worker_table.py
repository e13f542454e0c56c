"""A row for each ingest worker of a status."""

from __future__ import annotations

import pytest

from pulseline_client.commands.worker_table import choose_columns, format_partitions, iter_workers
from pulseline_core.types import JSONObject, JSONValue

WORKER: JSONObject = {
    "state": "online",
    "late": False,
    "problem": None,
    "lag_s": 0.26,
    "queue": 3,
    "host": "nas",
    "counters": {"received": 12, "applied": 9, "duplicates": 1, "dead_letters": 2},
}


def test_row_says_how_a_worker_is_doing() -> None:
    """Where it is, how far it is behind, and what became of messages."""
    (row,) = iter_workers({"workers": {"main": WORKER}}, is_stale=False)

    assert row == {
        "worker": "main",
        "state": "online",
        "host": "nas",
        "lag": "0.3 s",
        "queue": 3,
        "received": 12,
        "applied": 9,
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


def test_partitions_are_in_the_order_of_their_numbers() -> None:
    """The server sorts by name, which puts the tenth before the second."""
    workers: JSONObject = dict.fromkeys(("main-10", "main-2", "main"), WORKER)

    rows = iter_workers({"workers": workers}, is_stale=False)

    assert [row["worker"] for row in rows] == ["main", "main-2", "main-10"]


@pytest.mark.parametrize(("host", "is_shown"), [("nas", True), (None, False)])
def test_machines_have_a_column_where_workers_name_them(host: JSONValue, is_shown: bool) -> None:
    """One that holds all buckets does not, and an empty column would say nothing."""
    rows = list(iter_workers({"workers": {"main": {**WORKER, "host": host}}}, is_stale=False))

    assert ("HOST" in [column.title for column in choose_columns(rows)]) is is_shown


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
