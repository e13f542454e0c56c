"""Status: the report's form, its figures, and when it is time for it."""

from __future__ import annotations

from pulseline_ingest.counters import Counters
from pulseline_ingest.status import CommitFigures, Timer, WorkerFacts
from tests.contract.store.samples import MORNING
from tests.unit.ingest.samples import ROOT, read_json

FACTS = WorkerFacts(root=ROOT, worker="main", version="1.2.3", epoch="0b5c", started=MORNING)


def test_report_holds_what_the_wire_interface_names() -> None:
    """Retained and confirmed, on the worker's own topic."""
    counters = Counters(received=6, applied=1, duplicates=2, dead_letters=3, ignored=4)
    commit = CommitFigures(groups=2, messages=10, refused=3, last_s=0.0015, longest_s=0.25)

    report = FACTS.build_online(counters=counters, commit=commit, queue_len=5, problem="no space left")

    assert (report.topic, report.qos, report.retain) == ("pulseline/v1/_status/main", 1, True)
    assert read_json(report) == {
        "worker": "main",
        "state": "online",
        "problem": "no space left",
        "version": "1.2.3",
        "epoch": "0b5c",
        "started": "2026-11-23T10:00:00+00:00",
        "counters": {"received": 6, "applied": 1, "duplicates": 2, "dead_letters": 3, "ignored": 4},
        "queue": 5,
        "commit": {"groups": 2, "messages": 10, "refused": 3, "last_ms": 1.5, "longest_ms": 250.0},
    }


def test_worker_without_a_problem_says_null() -> None:
    """The key is there all the same."""
    report = FACTS.build_online(counters=Counters(), commit=CommitFigures(), queue_len=0, problem=None)

    assert read_json(report)["problem"] is None


def test_last_report_is_offline() -> None:
    """It takes the place of the one before it, and holds no figures that would look like the present."""
    report = FACTS.build_offline()

    assert (report.topic, report.qos, report.retain) == ("pulseline/v1/_status/main", 1, True)
    assert read_json(report) == {"worker": "main", "state": "offline", "version": "1.2.3", "epoch": "0b5c"}


def test_commits_are_added_up_and_the_longest_is_kept() -> None:
    """The last one stands for itself."""
    commit = CommitFigures()

    for messages, duration_s in ((1, 0.5), (10, 2.0), (100, 0.25)):
        commit.add(messages=messages, duration_s=duration_s)

    assert commit == CommitFigures(groups=3, messages=111, last_s=0.25, longest_s=2.0)


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
