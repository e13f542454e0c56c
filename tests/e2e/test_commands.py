"""The client's commands against a running server, as scripts use them: pipes, JSON, exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from pulseline_core.errors import ExitCode
from tests.e2e.command_line import PULSELINE, TIMEOUT_S, ask, get_flags, run_pulseline
from tests.e2e.devices import Device
from tests.e2e.up_process import Up
from tests.storm.system import clean_environment, find_free_port

DEMO_BUCKETS = ("aw-watcher-window_demo", "aw-watcher-afk_demo", "demo-plug")


def ask_json(system: Up, *arguments: str) -> object:
    """Return what a command answers as JSON."""
    done = ask(system, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_error(done: subprocess.CompletedProcess[str], code: ExitCode, words: str) -> None:
    """Fail unless a command ended with the code and one line that holds the words."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("pulseline: error: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_demo_twice_is_demo_once(demo_system: Up) -> None:
    """The second run sends the same heartbeats, and no event changes; but the day may have gone on."""
    before = {bucket_id: demo_system.read_events(bucket_id) for bucket_id in DEMO_BUCKETS}

    counts = ask_json(demo_system, "demo")

    after = {bucket_id: demo_system.read_events(bucket_id) for bucket_id in DEMO_BUCKETS}
    assert counts == {"buckets": {bucket_id: len(events) for bucket_id, events in after.items()}}
    for bucket_id in DEMO_BUCKETS:
        closed = before[bucket_id][1:]
        assert after[bucket_id][-len(closed) :] == closed


@pytest.mark.parametrize("command", [["demo", "--seed", "9"], ["import", "-"]])
def test_two_servers_are_not_mixed(demo_system: Up, tmp_path: Path, command: list[str]) -> None:
    """Flags that name the one's REST and the other's broker are refused before anything is written."""
    with Up(home=tmp_path) as other:
        flags = ("--port", str(other.http_port), "--mqtt-port", str(demo_system.mqtt_port))
        done = run_pulseline(*command, *flags, home=tmp_path)

    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.count("\n") == 1
    assert f"the broker at 127.0.0.1:{demo_system.mqtt_port} is not that of http://127.0.0.1:{other.http_port} (" in (
        done.stderr
    )
    assert "window_demo-9" not in ask(demo_system, "buckets").stdout


@pytest.mark.parametrize("command", ["demo", "import -"])
def test_without_a_broker_nothing_is_begun(demo_system: Up, command: str) -> None:
    """It is told soon, not after the minute that a batch may take."""
    flags = ("--port", str(demo_system.http_port), "--mqtt-port", str(find_free_port()))

    done = run_pulseline(*command.split(), *flags, home=demo_system.home)

    check_error(done, ExitCode.UNAVAILABLE, "no MQTT broker answers at 127.0.0.1:")


def test_a_user_without_rights_beyond_buckets_has_a_demo(tmp_path: Path) -> None:
    """Who may not read the worker's status can not compare it, and is let through."""
    password = ("sh", "-c", 'echo s3cret | "$@"', "sh")
    login = ("env", "PULSELINE_MQTT_USERNAME=desk", "PULSELINE_MQTT_PASSWORD=s3cret")
    assert run_pulseline("users", "add", "desk", home=tmp_path, wrapper=password).returncode == 0

    with Up(home=tmp_path) as system:
        done = run_pulseline("demo", *get_flags(system), home=tmp_path, wrapper=login)

    assert (done.returncode, done.stderr) == (0, "")


def test_demo_of_another_seed_has_buckets_of_its_own(demo_system: Up) -> None:
    """Two made-up days in one bucket would overlap."""
    before = {bucket_id: demo_system.read_events(bucket_id) for bucket_id in DEMO_BUCKETS}

    counts = ask_json(demo_system, "demo", "--seed", "7")

    after = {bucket_id: demo_system.read_events(bucket_id) for bucket_id in DEMO_BUCKETS}
    assert after == before
    assert counts == {
        "buckets": {f"{bucket_id}-7": len(demo_system.read_events(f"{bucket_id}-7")) for bucket_id in DEMO_BUCKETS}
    }


def test_buckets_lists_those_of_the_demo(demo_system: Up) -> None:
    """Lines for scripts, and the API's own object as JSON."""
    lines = [line.split("\t") for line in ask(demo_system, "buckets").stdout.splitlines()]
    buckets = ask_json(demo_system, "buckets")

    assert [line[1:3] for line in lines if line[0] == "aw-watcher-window_demo"] == [["currentwindow", "demo"]]
    assert isinstance(buckets, dict)
    assert buckets == httpx.get(f"{demo_system.url}/buckets/").json()


def test_events_takes_limit_and_range(demo_system: Up) -> None:
    """The newest first, cut to the range; 0 is all."""
    everything = demo_system.read_events("aw-watcher-afk_demo")
    middle = str(everything[4]["timestamp"])

    newest = ask_json(demo_system, "events", "aw-watcher-afk_demo", "--limit", "2")
    all_of_them = ask_json(demo_system, "events", "aw-watcher-afk_demo", "--limit", "0")
    later = ask_json(demo_system, "events", "aw-watcher-afk_demo", "--start", middle)

    assert newest == everything[:2]
    assert all_of_them == everything
    assert isinstance(later, list)
    assert later[:5] == everything[:5]
    assert all(event["timestamp"] >= middle for event in later)


def test_heartbeat_prints_the_event_that_holds_it(demo_system: Up) -> None:
    """The second heartbeat makes the first one's event longer."""
    at = ("--pulsetime", "60", "--timestamp")
    first = ask_json(demo_system, "heartbeat", "oven", "state=ON", *at, "2026-01-01T10:00:00Z")
    second = ask_json(demo_system, "heartbeat", "oven", "state=ON", *at, "2026-01-01T10:00:30Z", "--duration", "5")

    assert isinstance(first, dict)
    assert first["data"] == {"state": "ON"}
    assert second == {**first, "duration": 35.0}
    assert demo_system.read_events("oven") == [second]


def test_heartbeats_at_the_same_time_wait_for_one_another(demo_system: Up) -> None:
    """Six at once share one outbox; all are stored."""
    arguments = [*PULSELINE, "heartbeat", "race", "--pulsetime", "0", *get_flags(demo_system)]
    environment = clean_environment(demo_system.home)
    runs = [
        subprocess.Popen([*arguments, f"n={number}"], env=environment, stdout=subprocess.DEVNULL) for number in range(6)
    ]

    codes = [run.wait(TIMEOUT_S) for run in runs]

    assert codes == [0] * 6
    assert sorted(event["data"]["n"] for event in demo_system.read_events("race")) == [*range(6)]  # type: ignore[index]  # JSON


def test_a_queued_heartbeat_is_sent_when_there_is_a_server(tmp_path: Path) -> None:
    """Kept while nobody answers, sent by the next command; nothing is lost, nothing doubled."""
    system = Up(home=tmp_path)
    kept = ask(system, "heartbeat", "door", "state=open", "--queued")
    with system:
        ask(system, "heartbeat", "door", "state=closed")
        events = system.read_events("door")

    assert kept.returncode == 0
    assert kept.stderr.startswith("Kept; the next 'pulseline heartbeat' to this broker sends it (")
    assert f"127.0.0.1:{system.mqtt_port}" in kept.stderr
    assert "PULSELINE_MQTT_BROKER names another broker" in kept.stderr
    assert [event["data"] for event in events] == [{"state": "closed"}, {"state": "open"}]


def test_heartbeat_without_a_server_says_that_it_is_kept(tmp_path: Path) -> None:
    """Not an answer within some seconds: exit code 3, and what to do if the broker is another one."""
    done = ask(Up(home=tmp_path), "heartbeat", "door", "state=open")

    check_error(done, ExitCode.UNAVAILABLE, "is kept")
    assert "PULSELINE_MQTT_BROKER names another broker" in done.stderr


def test_heartbeat_warns_of_an_event_in_place_of_its_data(demo_system: Up) -> None:
    """What MQTT takes as an event is data here; it is stored as it is, as somebody may mean it."""
    done = ask(demo_system, "heartbeat", "wrapped", '{"data": {"a": 1}, "pulsetime": 600}')
    plain = ask(demo_system, "heartbeat", "wrapped", '{"data": 1}')

    assert done.returncode == 0
    assert done.stderr == "warning: this stores data with a key 'data'; DATA is what would stand within it\n"
    assert plain.stderr == ""
    assert demo_system.read_events("wrapped")[-1]["data"] == {"data": {"a": 1}, "pulsetime": 600}


def test_heartbeat_that_the_server_refuses_is_an_error(demo_system: Up) -> None:
    """What can not be taken is said at once, and not kept."""
    done = ask(demo_system, "heartbeat", "x", "a=1", "--timestamp", "1969-01-01")

    check_error(done, ExitCode.USAGE, "before 1970")


def test_tail_follows_as_json_lines(demo_system: Up) -> None:
    """One object a line, at once: what holds first, then what is new; other buckets are passed over."""
    with subprocess.Popen(
        [*PULSELINE, "tail", "gate", *get_flags(demo_system), "--json"],
        env=clean_environment(demo_system.home),
        stdout=subprocess.PIPE,
        text=True,
    ) as tail:
        assert tail.stdout is not None
        ask(demo_system, "heartbeat", "gate", "state=open")
        first = json.loads(tail.stdout.readline())
        ask(demo_system, "heartbeat", "other", "x=1")
        ask(demo_system, "heartbeat", "gate", "state=closed")
        second = json.loads(tail.stdout.readline())
        tail.kill()

    assert [(line["bucket"], line["event"]["data"]) for line in (first, second)] == [
        ("gate", {"state": "open"}),
        ("gate", {"state": "closed"}),
    ]


def test_export_is_what_rest_exports(demo_system: Up, tmp_path: Path) -> None:
    """To standard output or into a file of the owner's, one bucket or all."""
    target = tmp_path / "plug.json"

    everything = ask(demo_system, "export")
    written = ask(demo_system, "export", "demo-plug", "-o", str(target), "--json")

    assert json.loads(everything.stdout)["buckets"].keys() == httpx.get(f"{demo_system.url}/buckets/").json().keys()
    assert json.loads(written.stdout) == {"file": str(target), "size_bytes": target.stat().st_size}
    assert json.loads(target.read_text()) == httpx.get(f"{demo_system.url}/buckets/demo-plug/export").json()
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["plug.json"]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_export_has_other_forms(demo_system: Up, form: str) -> None:
    """The same bytes as over REST; and of a range of time."""
    exported = ask(demo_system, "export", "demo-plug", "--format", form)
    none = ask(demo_system, "export", "demo-plug", "--format", form, "--end", "2001-01-01")

    answer = httpx.get(f"{demo_system.url}/buckets/demo-plug/export", params={"format": form})
    assert exported.stdout.splitlines() == answer.text.splitlines()
    assert len(exported.stdout.splitlines()) > 10
    assert len(none.stdout.splitlines()) == (1 if form == "csv" else 0)


def test_export_that_fails_leaves_the_old_file(demo_system: Up, tmp_path: Path) -> None:
    """An unknown bucket, a folder that does not exist, one in place of a file: one line each, nothing written."""
    target = tmp_path / "old.json"
    target.write_text("old")

    unknown = ask(demo_system, "export", "nothing", "-o", str(target))
    nowhere = ask(demo_system, "export", "-o", str(tmp_path / "missing" / "new.json"))

    check_error(unknown, ExitCode.NOT_FOUND, "'nothing'")
    folder = ask(demo_system, "export", "-o", str(tmp_path))
    check_error(nowhere, ExitCode.USAGE, f"folder '{tmp_path / 'missing'}' does not exist")
    check_error(folder, ExitCode.USAGE, "is a folder (name a file)")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_dead_letters_are_listed_shown_replayed_and_dropped(tmp_path: Path) -> None:
    """Two bad messages: one stays bad, one becomes good when its bucket may be made, both can be forgotten."""
    with Up(home=tmp_path, flags=("--no-ingest-create-buckets",)) as system:
        with Device(system.mqtt_port) as device:
            device.publish("pulseline/v1/plug/heartbeat", b"\xff")
            device.publish("pulseline/v1/plug/heartbeat", b"ON")
            listed = [line.split("\t") for line in ask(system, "dead-letters", "list").stdout.splitlines()]
            shown = ask(system, "dead-letters", "show", "1").stdout
            device.publish("pulseline/v1/plug/meta", b'{"type": "plug"}')
            device.publish("pulseline/v1/plug/heartbeat", b"\xfe")
            device.publish("pulseline/v1/plug/heartbeat", b"\xfd")
        bad = ask(system, "dead-letters", "replay", "1")
        both = ask_json(system, "dead-letters", "drop", "3", "4")
        good = ask(system, "dead-letters", "replay", "2")
        dropped = ask(system, "dead-letters", "drop", "1")
        left = ask_json(system, "dead-letters", "list")
        events = system.read_events("plug")
        gone = ask(system, "dead-letters", "show", "2")

    assert [(line[0], line[2]) for line in listed] == [
        ("2", "pulseline/v1/plug/heartbeat"),
        ("1", "pulseline/v1/plug/heartbeat"),
    ]
    assert "payload\tb'\\xff'" in shown
    check_error(bad, ExitCode.USAGE, "dead letter 1 stays: ")
    check_error(bad, ExitCode.USAGE, "UTF-8")
    assert both == [{"id": 3, "state": "dropped"}, {"id": 4, "state": "dropped"}]
    assert (good.stdout, dropped.stdout) == ("2\treplayed\n", "1\tdropped\n")
    assert left == []
    assert [event["data"] for event in events] == [{"value": "ON"}]
    check_error(gone, ExitCode.NOT_FOUND, "dead letter 2")


def test_status_as_json_is_that_of_rest(demo_system: Up) -> None:
    """The same parts; the figures go on."""
    status = ask_json(demo_system, "status")

    assert isinstance(status, dict)
    assert status.keys() == httpx.get(f"{demo_system.url}/status").json().keys()


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "buckets",
        "events x",
        "tail",
        "export",
        "import x.json",
        "status",
        "dead-letters list",
        "dead-letters drop 1",
    ],
)
def test_without_a_server_every_command_says_so(tmp_path: Path, command: str) -> None:
    """One line with the address and the way out, exit code 3."""
    port = str(find_free_port())

    done = run_pulseline(*command.split(), "--port", port, "--mqtt-port", port, home=tmp_path)

    check_error(done, ExitCode.UNAVAILABLE, "is 'pulseline up' running?")
    assert port in done.stderr


def test_without_a_server_for_testing_the_hint_says_testing(tmp_path: Path) -> None:
    """'pulseline up' alone would not help."""
    done = run_pulseline("buckets", "--testing", "--port", str(find_free_port()), home=tmp_path)

    check_error(done, ExitCode.UNAVAILABLE, "is 'pulseline up --testing' running?")


@pytest.mark.parametrize("command", ["events", "export"])
def test_an_unknown_bucket_is_named(demo_system: Up, command: str) -> None:
    """Exit code 9."""
    check_error(ask(demo_system, command, "no such bucket"), ExitCode.NOT_FOUND, "'no such bucket'")


def test_a_reader_that_goes_away_is_no_error(demo_system: Up) -> None:
    """As in ``pulseline export | head -c 1``: nothing is said, and the shell sees 141."""
    with subprocess.Popen(
        [*PULSELINE, "export", *get_flags(demo_system)],
        env=clean_environment(demo_system.home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as export:
        assert export.stdout is not None
        assert export.stderr is not None
        export.stdout.close()
        said = export.stderr.read()
        code = export.wait(TIMEOUT_S)

    assert (code, said) == (141, b"")


def test_output_that_does_not_fit_is_one_line(demo_system: Up) -> None:
    """A full disk below the shell's redirection: exit code 7."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PULSELINE, "buckets", *get_flags(demo_system)],
            env=clean_environment(demo_system.home),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    assert (done.returncode, done.stderr) == (7, "pulseline: error: no space left for the output\n")
