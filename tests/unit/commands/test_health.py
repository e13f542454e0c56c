"""What ``pulseline health`` makes of what a part says of itself."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pulseline_client import RestReader, cli
from pulseline_client.commands import health
from pulseline_client.commands.health import NotHealthy, check_share, check_standby, check_worker, get_age_s
from pulseline_core.data_folder import DataFolder
from pulseline_core.errors import ExitCode
from pulseline_core.types import JSONObject
from pulseline_core.worker_report import WorkerReport

ONLINE: JSONObject = {"state": "online", "problem": None, "interval_s": 5.0, "broker": {"progress_age_s": 1.0}}

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("figures", "age_s", "reason"),
    [
        ({"state": "offline"}, 0.0, "is offline"),
        ({}, 0.0, "is not known"),
        (ONLINE, 42.4, "has been silent for 42 s"),
        ({**ONLINE, "problem": "no space left"}, 0.0, "can not store anything: no space left"),
        ({**ONLINE, "broker": {"progress_age_s": 31.0}}, 0.0, "hears nothing from its broker"),
    ],
)
def test_worker_that_does_not_do_its_work_is_told_with_the_reason(
    figures: JSONObject, age_s: float, reason: str
) -> None:
    """The first thing that explains the others."""
    with pytest.raises(NotHealthy) as caught:
        check_worker(WorkerReport(name="main", figures=figures, age_s=age_s))

    assert str(caught.value) == f"ingest worker 'main' {reason}"
    assert caught.value.exit_code is ExitCode.UNAVAILABLE


def test_worker_that_makes_progress_is_healthy() -> None:
    """Nothing is raised."""
    check_worker(WorkerReport(name="main", figures=ONLINE, age_s=4.0))


def build_reports(*figures: JSONObject) -> list[WorkerReport]:
    """Return the reports of partitions, the first one of ``main-0``."""
    return [WorkerReport(name=f"main-{number}", figures=each, age_s=1.0) for number, each in enumerate(figures)]


def test_of_workers_that_share_this_host_s_partitions_count() -> None:
    """What another host's worker can not do is that one's affair."""
    reports = build_reports(
        {**ONLINE, "host": "here"}, {**ONLINE, "host": "there", "problem": "no space left"}, {**ONLINE, "host": "here"}
    )

    assert [report.name for report in check_share(reports, host="here")] == ["main-0", "main-2"]
    with pytest.raises(NotHealthy, match="'main-1' can not store anything"):
        check_share(reports, host="there")


def test_worker_that_holds_nothing_though_something_is_free_is_not_healthy() -> None:
    """A partition that lies idle belongs to nobody: its last will names no host. Others' partitions do not matter."""
    reports = build_reports({"state": "offline"}, {**ONLINE, "host": "there"})

    assert check_share(reports, host="here") == []
    with pytest.raises(NotHealthy, match="no partition is held by a worker of 'here', and nobody holds main-0, main-2"):
        check_standby(reports, wanted=["main-0", "main-1", "main-2"], host="here")
    check_standby(reports, wanted=["main-1"], host="here")


@pytest.mark.parametrize("is_running", [True, False])
def test_worker_that_stands_by_is_healthy_while_it_lives(
    is_running: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Others hold all, so there is nothing for it to say at the broker; its data folder is held."""
    reports = build_reports(*2 * [{**ONLINE, "host": "there"}])
    monkeypatch.setattr(health, "_hear", lambda *_: reports)
    monkeypatch.setenv("PULSELINE_INGEST_PARTITIONS", "2")
    monkeypatch.setenv("PULSELINE_DATA_DIR", str(tmp_path))

    with DataFolder(tmp_path).lock() if is_running else nullcontext():
        code = cli.run(["health", "ingest"])

    out, err = capsys.readouterr()
    assert code == (ExitCode.OK if is_running else ExitCode.UNAVAILABLE)
    assert out == ("standing by: others hold main-0, main-1\n" if is_running else "")
    assert err == ("" if is_running else f"pulseline: error: no worker runs in {str(tmp_path)!r}\n")


@pytest.mark.parametrize(
    ("published", "age_s"),
    [
        ((NOW - timedelta(seconds=30)).isoformat(), 30.0),
        ((NOW + timedelta(seconds=30)).isoformat(), 0.0),
        ("yesterday", 0.0),
        (None, 0.0),
        (7, 0.0),
    ],
)
def test_age_of_a_report_is_that_of_its_time(published: str | int | None, age_s: float) -> None:
    """A last will has none, and a clock that runs ahead makes nothing younger than now."""
    assert get_age_s({"published": published}, now=NOW) == age_s


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"ready": False, "parts": {"broker": False, "store": True, "ingest": False}}, "broker, ingest"),
        ({"message": "the server stops"}, "it does not say why"),
    ],
)
def test_server_that_is_not_ready_is_exit_code_3(
    answer: JSONObject, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the parts that fail."""
    monkeypatch.setattr(RestReader, "get_health", lambda *_: answer)

    code = cli.run(["health", "api"])

    assert code == ExitCode.UNAVAILABLE
    assert capsys.readouterr().err == f"pulseline: error: the server is not ready: {reason}\n"


def test_worker_s_name_is_one_topic(capsys: pytest.CaptureFixture[str]) -> None:
    """Not a filter that another worker's report would fit."""
    assert cli.run(["health", "ingest", "--worker", "+"]) == ExitCode.USAGE
    assert "holds a wildcard" in capsys.readouterr().err
