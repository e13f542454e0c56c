"""What ``pulseline status`` makes of the API's answer."""

from __future__ import annotations

import pytest

from pulseline_client import RestReader, cli
from pulseline_client.commands import output as commands_output
from pulseline_client.commands.output import Form
from pulseline_client.commands.status import check_balance, iter_rows
from pulseline_core.errors import ExitCode
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
    """Server, link, broker, each worker and the store, in this order; what is unknown or empty is left out."""
    status: JSONObject = {
        "version": "0.1.0",
        "testing": False,
        "link": {"connected": True, "problem": "", "waiting": 0},
        "broker": {"clients_connected": 2, "clients_absent": 1},
        "workers": {"main": {"state": "online", "problem": None, "counters": {"received": 1, "applied": 1}}},
        "store": {"buckets": 3, "dead_letters": 0},
    }

    rows = [(row["part"], row["figure"], row["value"]) for row in iter_rows(status)]

    assert rows == [
        ("server", "version", "0.1.0"),
        ("server", "testing", "false"),
        ("link", "connected", "true"),
        ("link", "waiting", "0"),
        ("broker", "clients connected", "2"),
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


def test_iter_rows_leaves_out_a_problem_that_is_over() -> None:
    """The client keeps the last one until something is confirmed; with a connection and nothing waiting it is past."""
    status: JSONObject = {"link": {"connected": True, "problem": "no MQTT broker answers", "waiting": 0}}

    assert [(row["figure"], row["value"]) for row in iter_rows(status)] == [("connected", "true"), ("waiting", "0")]


def test_iter_rows_shows_a_workers_connection_to_a_broker_of_its_own() -> None:
    """And how long ago something came through it."""
    broker: JSONObject = {"address": "broker:1883", "connected": True, "protocol": "5", "progress_age_s": 0.2}

    rows = [(row["figure"], row["value"]) for row in iter_rows({"workers": {"main": {"broker": broker}}})]

    assert rows == [("address", "broker:1883"), ("protocol", "5"), ("progress age s", "0.2")]


def test_iter_rows_shows_what_keeps_a_worker_from_storing() -> None:
    """It runs, and can not do its work."""
    status: JSONObject = {"workers": {"main": {"state": "online", "problem": "no space left"}}}

    rows = [(row["figure"], row["value"]) for row in iter_rows(status)]

    assert rows == [("state", "online"), ("problem", "no space left")]


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["lines", "json"])
def test_status_without_a_broker_is_stale_and_exit_code_3(
    form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What broker and worker said last is shown, but nobody takes it for the present."""
    status: JSONObject = {
        "link": {"connected": False, "problem": "no MQTT broker answers", "waiting": 4},
        "broker": {"clients_connected": 2},
        "workers": {"main": {"state": "online"}},
    }
    monkeypatch.setattr(RestReader, "get_status", lambda _: status)

    code = cli.run(["status", *form])

    output = capsys.readouterr()
    assert code == ExitCode.UNAVAILABLE
    assert output.err == (
        "pulseline: error: the server has no link to its broker: no MQTT broker answers "
        "(the figures of broker and ingest are stale)\n"
    )
    if not form:
        assert output.out.splitlines() == [
            "link\tconnected\tfalse",
            "link\tproblem\tno MQTT broker answers",
            "link\twaiting\t4",
            "broker\tstale\ttrue",
            "broker\tclients connected\t2",
            "ingest main\tstale\ttrue",
            "ingest main\tstate\tonline",
        ]


def show_in_80_columns(
    status: JSONObject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """Return the lines of a terminal."""
    monkeypatch.setattr(RestReader, "get_status", lambda _: status)
    monkeypatch.setattr(commands_output, "choose_form", lambda **_: Form.TABLE)
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run(["status"]) == ExitCode.OK
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_terminal_gets_a_table_of_the_workers_below_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In 80 columns, with what is wrong above it."""
    worker: JSONObject = {
        "state": "online",
        "problem": "no space left",
        "lag_s": 12.5,
        "queue": 40,
        "counters": {"received": 123456, "applied": 123454, "duplicates": 0, "dead_letters": 1},
        "broker": {"address": "broker:1883", "protocol": "5", "reconnects": 2},
    }
    status: JSONObject = {
        "version": "0.1.0",
        "link": {"connected": True, "waiting": 0},
        "broker": {"uptime_s": 3720},
        "workers": {"main": worker},
        "store": {"buckets": 3, "dead_letters": 1},
    }

    assert show_in_80_columns(status, monkeypatch, capsys) == [
        "PART         FIGURE        VALUE",
        "server       version       0.1.0",
        "link         connected     true",
        "link         waiting       0",
        "broker       uptime        1h 02m 00s",
        "store        buckets       3",
        "store        dead letters  1",
        "ingest main  address       broker:1883",
        "ingest main  protocol      5",
        "ingest main  reconnects    2",
        "ingest main  problem       no space left",
        "ingest main  balance       off by 1",
        "",
        "WORKER  STATE     LAG  QUEUE  RECEIVED  APPLIED  DUPLICATE  DEAD",
        "main    stuck  12.5 s     40    123456   123454          0     1",
    ]


def test_terminal_gets_one_row_for_each_partition(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they have in common, and what is wrong with several, is said once."""
    workers: JSONObject = {
        f"main-{number}": {
            "state": "online",
            "problem": "no space left" if number in {1, 2} else None,
            "host": "worker-on-a-long-named-machine" if number else "nas",
            "lag_s": 0.1,
            "queue": 0,
            "partitions": [number],
            "counters": {"received": 1234567, "applied": 1234567, "duplicates": 0, "dead_letters": 0},
            "broker": {"address": f"nats-{1 + number % 2}:1883", "protocol": "3.1.1", "reconnects": number},
        }
        for number in range(4)
    }

    assert show_in_80_columns({"workers": {**workers, "main": {"state": "offline"}}}, monkeypatch, capsys) == [
        "PART                  FIGURE      VALUE",
        "ingest                address     nats-1:1883, nats-2:1883",
        "ingest                protocol    3.1.1",
        "ingest                reconnects  6",
        "ingest main-1 main-2  problem     no space left",
        "",
        "WORKER  STATE    HOST             LAG  QUEUE  RECEIVED  APPLIED  DUPLICATE  DEAD",
        "main    offline",
        "main-0  online   nas            0.1 s      0   1234567  1234567          0     0",
        "main-1  stuck    worker-on-a-…  0.1 s      0   1234567  1234567          0     0",
        "main-2  stuck    worker-on-a-…  0.1 s      0   1234567  1234567          0     0",
        "main-3  online   worker-on-a-…  0.1 s      0   1234567  1234567          0     0",
    ]
