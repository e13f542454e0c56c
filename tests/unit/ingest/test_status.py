"""Status: the report's form, its figures, and when it is time for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pulseline_core.partition import Partition
from pulseline_ingest.counters import Counters
from pulseline_ingest.status import CommitFigures, Peaks, Timer, WorkerFacts
from tests.contract.store.samples import MORNING
from tests.unit.ingest.samples import ROOT, read_json

FACTS = WorkerFacts(root=ROOT, worker="main", version="1.2.3", epoch="0b5c", started=MORNING, interval_s=5.0)


def test_report_holds_what_the_wire_interface_names() -> None:
    """Retained and confirmed, on the worker's own topic."""
    counters = Counters(received=6, applied=1, duplicates=2, dead_letters=3, ignored=4)
    commit = CommitFigures(refused=3)
    for messages, duration_s in ((1, 0.25), (9, 0.0015)):
        commit.add(messages=messages, merged=2, duration_s=duration_s)

    report = FACTS.build_online(
        now=MORNING + timedelta(seconds=7), counters=counters, commit=commit, problem="no space left", load={"queue": 5}
    )

    assert (report.topic, report.qos, report.retain) == ("pulseline/v1/_status/main", 1, True)
    assert read_json(report) == {
        "worker": "main",
        "state": "online",
        "problem": "no space left",
        "version": "1.2.3",
        "epoch": "0b5c",
        "started": "2026-11-23T10:00:00+00:00",
        "published": "2026-11-23T10:00:07+00:00",
        "interval_s": 5.0,
        "counters": {"received": 6, "applied": 1, "duplicates": 2, "dead_letters": 3, "ignored": 4},
        "queue": 5,
        "commit": {
            "groups": 2,
            "messages": 10,
            "merged": 4,
            "refused": 3,
            "last_ms": 1.5,
            "longest_ms": 250.0,
            "seconds": {
                "bounds": [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0],
                "counts": [0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
                "sum": 0.2515,
            },
            "sizes": {
                "bounds": [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
                "counts": [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                "sum": 10.0,
            },
        },
    }


def test_worker_without_a_problem_says_null() -> None:
    """The key is there all the same."""
    report = FACTS.build_online(
        now=MORNING, counters=Counters(), commit=CommitFigures(), problem=None, load={"queue": 0}
    )

    assert read_json(report)["problem"] is None


def test_report_of_a_partition_names_it() -> None:
    """And the machine, since it may be another one tomorrow."""
    facts = replace(FACTS, host="box", partition=Partition(3, 8))
    report = read_json(
        facts.build_online(now=MORNING, counters=Counters(), commit=CommitFigures(), problem=None, load={"queue": 0})
    )

    assert (report["partitions"], report["partition_count"], report["host"]) == ([3], 8, "box")


def test_last_report_is_offline() -> None:
    """It takes the place of the one before it, and holds no figures that would look like the present."""
    report = FACTS.build_offline()

    assert (report.topic, report.qos, report.retain) == ("pulseline/v1/_status/main", 1, True)
    assert read_json(report) == {"worker": "main", "state": "offline", "version": "1.2.3", "epoch": "0b5c"}


def test_commits_are_added_up_and_the_longest_is_kept() -> None:
    """The last one stands for itself."""
    commit = CommitFigures()

    for messages, duration_s in ((1, 0.5), (10, 2.0), (100, 0.25)):
        commit.add(messages=messages, merged=2, duration_s=duration_s)

    assert (commit.groups, commit.messages, commit.merged) == (3, 111, 6)
    assert (commit.last_s, commit.longest_s) == (0.25, 2.0)


def test_peaks_are_the_most_since_the_last_report() -> None:
    """What filled and emptied between two reports shows all the same, once."""
    peaks = Peaks()
    for lag_s, messages in ((0.25, 10), (2.5, 3), (0.5, 7)):
        peaks.note_lag(lag_s)
        peaks.note_group(messages)

    assert peaks.take() == {"lag_s": 2.5, "unacknowledged": 10}
    assert peaks.take() == {"lag_s": 0.0, "unacknowledged": 0}


def test_timer_is_due_at_once_and_then_after_each_interval() -> None:
    """A look that comes late begins the next interval late; none is made up for."""
    timer = Timer(5.0)

    looks = [(now, timer.is_due(now=now)) for now in (100.0, 104.9, 105.0, 117.0, 120.0, 122.0)]

    assert [now for now, is_due in looks if is_due] == [100.0, 105.0, 117.0, 122.0]


def test_timer_says_how_long_it_takes() -> None:
    """Never less than nothing."""
    timer = Timer(5.0)
    assert timer.get_wait_s(now=100.0) == 0.0

    timer.is_due(now=100.0)

    assert [timer.get_wait_s(now=now) for now in (100.0, 103.0, 109.0)] == [5.0, 2.0, 0.0]


def test_hastened_timer_is_due_at_once() -> None:
    """And its interval begins anew."""
    timer = Timer(5.0)
    timer.is_due(now=100.0)

    timer.hasten()

    assert timer.get_wait_s(now=101.0) == 0.0
    assert timer.is_due(now=101.0)
    assert timer.get_wait_s(now=101.0) == 5.0
