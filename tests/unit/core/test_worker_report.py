"""What follows from a worker's report, and from its silence."""

from __future__ import annotations

import pytest

from pulseline_core.types import JSONObject
from pulseline_core.worker_report import WorkerReport

ONLINE: JSONObject = {"state": "online", "problem": None, "interval_s": 5.0}


def judge(figures: JSONObject, age_s: float = 0.0) -> tuple[bool, bool, bool]:
    """Return whether a worker is late, up, and makes progress."""
    report = WorkerReport(name="main", figures=figures, age_s=age_s)
    return report.is_late, report.is_up, report.makes_progress


@pytest.mark.parametrize(
    ("figures", "age_s", "expected"),
    [
        (ONLINE, 0.0, (False, True, True)),
        (ONLINE, 20.0, (False, True, True)),
        (ONLINE, 20.1, (True, False, False)),
        ({**ONLINE, "interval_s": 60.0}, 180.0, (False, True, True)),
        ({"state": "online"}, 20.1, (True, False, False)),
        ({"state": "offline"}, 0.0, (False, False, False)),
        ({"state": "offline"}, 1e6, (False, False, False)),
        ({**ONLINE, "problem": "no space left"}, 0.0, (False, True, False)),
        ({**ONLINE, "broker": {"progress_age_s": 29.0}}, 0.0, (False, True, True)),
        ({**ONLINE, "broker": {"progress_age_s": 31.0}}, 0.0, (False, True, False)),
        ({**ONLINE, "broker": {"progress_age_s": 29.0}}, 7.0, (False, True, False)),
        ({**ONLINE, "interval_s": 60.0, "broker": {"progress_age_s": 9.0}}, 59.0, (False, True, True)),
        ({}, 0.0, (False, False, False)),
        ({"state": "online", "interval_s": "5", "broker": [1]}, 0.0, (False, True, True)),
    ],
    ids=[
        *("fresh", "missed three", "missed more", "rare", "says no interval", "gone", "gone for long"),
        *("can not store", "probe on its way", "probe lost", "probe and report lost"),
        *("rare, and probes come back", "no report", "not of ours"),
    ],
)
def test_report_is_judged_by_what_it_says_and_by_its_age(
    figures: JSONObject, age_s: float, expected: tuple[bool, bool, bool]
) -> None:
    """Late after three intervals and five seconds; without progress for thirty it does not do its work."""
    assert judge(figures, age_s) == expected


def test_report_keeps_what_the_worker_said() -> None:
    """And says how old it is."""
    report = WorkerReport(name="main", figures={**ONLINE, "partitions": [0, 3]}, age_s=1.26)

    assert report.to_json() == {**ONLINE, "partitions": [0, 3], "age_s": 1.3, "late": False}
