"""An external broker as a source, with a real Mosquitto: what is acknowledged, what comes again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from pulseline_core.topic import PROBE_LEVEL
from pulseline_ingest import broker_source, progress
from pulseline_ingest.broker_source import BrokerSource
from pulseline_ingest.login import BrokerRefused, Login
from pulseline_ingest.share import Share
from pulseline_ingest.source import Outgoing, Received
from tests.mosquitto import PASSWORD, Mosquitto

TIMEOUT_S = 15.0

ROOT = "pulseline/v1"
PROBE_TOPIC = f"{ROOT}/{PROBE_LEVEL}/main"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Give the test a broker with the shipped configuration."""
    with Mosquitto(folder=tmp_path / "mosquitto") as mosquitto:
        yield mosquitto


def build_login(port: int, **changes: object) -> Login:
    """Return what the service would make of its settings."""
    facts = {
        "host": "127.0.0.1",
        "port": port,
        "username": "pulseline-ingest",
        "password": PASSWORD,
        "tls": None,
        "client_id": "pulseline-ingest-main",
        "session_expiry_s": 3600,
        "receive_maximum": 2000,
        "max_packet_bytes": 1_000_000,
        "share": Share(root=ROOT, worker="main"),
        "will": Outgoing(topic=f"{ROOT}/_status/main", payload=b"gone", qos=1, retain=True),
    }
    return Login(**{**facts, **changes})  # type: ignore[arg-type]  # what each is, is written above


@contextmanager
def build_source(mosquitto: Mosquitto, **changes: object) -> Iterator[BrokerSource]:
    """Give the block a source that is not connected yet: messages may wait for it."""
    source = BrokerSource(build_login(mosquitto.port, **changes))
    try:
        yield source
    finally:
        source.close()


@contextmanager
def open_source(mosquitto: Mosquitto, **changes: object) -> Iterator[BrokerSource]:
    """Give the block a source that is connected."""
    with build_source(mosquitto, **changes) as source:
        await_ready(source)
        yield source


def await_ready(source: BrokerSource) -> None:
    """Receive until the broker has taken the subscriptions; nothing may come before."""
    ready = threading.Event()
    source.on_ready = ready.set
    deadline = monotonic() + TIMEOUT_S
    while not ready.is_set():
        assert monotonic() < deadline, source.report
        assert source.receive(1, 0.05) == []


def take(source: BrokerSource, count: int) -> list[Received]:
    """Return so many messages, in the order of receipt."""
    taken: list[Received] = []
    deadline = monotonic() + TIMEOUT_S
    while len(taken) < count and monotonic() < deadline:
        taken += source.receive(count - len(taken), 0.5) or ()
    assert len(taken) == count
    return taken


def read_payloads(messages: Sequence[Received]) -> list[bytes]:
    """Return what messages hold."""
    return [message.payload for message in messages]


def publish(mosquitto: Mosquitto, *payloads: str, flags: Sequence[str] = ()) -> None:
    """Publish heartbeats of one bucket, in order."""
    for payload in payloads:
        mosquitto.publish(f"{ROOT}/plug/heartbeat", payload, *flags)


def test_what_was_not_acknowledged_comes_again_in_order(mosquitto: Mosquitto) -> None:
    """The worker died between receipt and commit: the session hands it out to the next one."""
    with open_source(mosquitto) as source:
        publish(mosquitto, "1", "2", "3")
        first = take(source, 3)
        source.settle(first[:1], committed=True)

    with build_source(mosquitto) as source:
        again = take(source, 2)

    assert read_payloads(first) == [b"1", b"2", b"3"]
    assert read_payloads(again) == [b"2", b"3"]


def test_what_was_published_meanwhile_waits_for_the_worker(mosquitto: Mosquitto) -> None:
    """Also when the broker is stopped and started in between."""
    with open_source(mosquitto):
        pass
    publish(mosquitto, "1", "2")
    mosquitto.stop()
    mosquitto.start()

    with build_source(mosquitto) as source:
        taken = take(source, 2)

    assert read_payloads(taken) == [b"1", b"2"]
    assert not any(message.is_replay for message in taken)


def test_acknowledgements_of_a_lost_connection_are_forgotten(mosquitto: Mosquitto) -> None:
    """Ids are used again: a late acknowledgement would hit another message. What it was for comes again."""
    with open_source(mosquitto) as source:
        publish(mosquitto, "1", "2", "3")
        first = take(source, 3)
        source.settle(first[:1], committed=False)  # the store is away: the connection ends
        source.settle(first[1:], committed=True)
        again = take(source, 3)
        source.settle(again, committed=True)
        publish(mosquitto, "4")
        last = take(source, 1)

    assert read_payloads(again) == [b"1", b"2", b"3"]
    assert read_payloads(last) == [b"4"]


def test_more_than_the_receive_maximum_is_held_back_by_the_broker(mosquitto: Mosquitto) -> None:
    """Back-pressure: nobody reads more than two groups ahead."""
    with open_source(mosquitto, receive_maximum=3) as source:
        publish(mosquitto, "1", "2", "3", "4", "5")
        first = take(source, 3)
        beyond = source.receive(10, 0.3)
        source.settle(first, committed=True)
        rest = take(source, 2)

    assert beyond == []
    assert read_payloads(rest) == [b"4", b"5"]


def test_group_is_never_larger_than_asked_for(mosquitto: Mosquitto) -> None:
    """What came with the same read is the next one."""
    with open_source(mosquitto) as source:
        publish(mosquitto, "1", "2", "3")
        groups = [source.receive(2, TIMEOUT_S) or () for _ in range(2)]

    assert max(map(len, groups)) <= 2
    assert read_payloads([message for group in groups for message in group])[:2] == [b"1", b"2"]


def test_retained_messages_are_known_for_replays(mosquitto: Mosquitto) -> None:
    """Live the same message is none; a worker that comes back to its session gets no replay."""
    with open_source(mosquitto) as source:
        publish(mosquitto, "1", flags=["--retain"])
        (live,) = take(source, 1)
        source.settle([live], committed=True)
    with open_source(mosquitto) as source:
        nothing = source.receive(1, 0.3)
    with build_source(mosquitto, client_id="pulseline-ingest-other") as source:
        (replay,) = take(source, 1)

    assert not live.is_replay
    assert nothing == []
    assert replay.is_replay


def test_message_that_is_too_large_for_the_broker_is_not_sent(mosquitto: Mosquitto) -> None:
    """Mosquitto would end the connection; whoever waits for that answer goes without, and the next one is sent."""
    with open_source(mosquitto) as source:
        topic = f"{ROOT}/plug/heartbeat"
        source.publish([Outgoing(topic=topic, payload=each, qos=1) for each in (b"1" * 500_000, b"2")])
        taken = take(source, 1)

        assert read_payloads(taken) == [b"2"]
        assert source.report["reconnects"] == 0


def test_broker_that_was_killed_is_connected_to_again(mosquitto: Mosquitto) -> None:
    """By itself, with what can be said of it in the report."""
    with open_source(mosquitto) as source:
        mosquitto.kill()
        while source.report["connected"]:
            assert source.receive(1, 0.1) == []
        mosquitto.start()
        await_ready(source)
        publish(mosquitto, "1")

        assert read_payloads(take(source, 1)) == [b"1"]
        assert source.report["connections"] == 2


def test_wrong_password_is_told_at_once(mosquitto: Mosquitto) -> None:
    """Waiting would not help."""
    source = BrokerSource(build_login(mosquitto.port, password="wrong"))
    began = monotonic()

    thread = threading.Thread(target=lambda: source.receive(1, TIMEOUT_S))
    thread.start()
    refusal = source.wait_ready(TIMEOUT_S)
    source.end()
    thread.join()
    source.close()

    assert isinstance(refusal, BrokerRefused)
    assert str(refusal) == f"no way in to the MQTT broker at 127.0.0.1:{mosquitto.port}: not authorized"
    assert monotonic() - began < TIMEOUT_S / 2


def test_probe_shows_that_messages_come_through(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody publishes anything; the worker does, to itself."""
    monkeypatch.setattr(progress, "INTERVAL_S", 0.2)
    with open_source(mosquitto) as source:
        (probe,) = take(source, 1)
        source.settle([probe], committed=True)

        assert probe.topic == PROBE_TOPIC
        assert isinstance(source.report["progress_age_s"], float)
        assert source.report["progress_age_s"] < 1.0


def test_lag_is_how_long_a_probe_waits_behind_the_others(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent under load, too; it is through when it is committed."""
    monkeypatch.setattr(progress, "INTERVAL_S", 0.2)
    with open_source(mosquitto) as source:
        probes: list[Received] = []
        while not probes:
            publish(mosquitto, "ON")
            probes = [message for message in take(source, 1) if message.topic == PROBE_TOPIC]
        sent_ms = json.loads(probes[0].payload)["seq"]
        monkeypatch.setattr(broker_source, "_get_now_ms", lambda: sent_ms + 2500)

        source.settle(probes, committed=True)

        assert source.lag_s == 2.5


def test_connection_over_which_nothing_comes_is_given_up(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that hangs keeps its connections open; the next attempt finds one that works."""
    monkeypatch.setattr(progress, "INTERVAL_S", 0.1)
    monkeypatch.setattr(progress, "PATIENCE_S", 0.5)
    monkeypatch.setattr(broker_source, "_PATIENCE_S", 0.1)
    with open_source(mosquitto) as source:
        mosquitto.freeze()
        while source.report["connected"]:
            source.receive(1, 0.1)
        mosquitto.resume()
        while not source.report["connected"]:
            source.receive(1, 0.1)

    assert "nothing comes over it any more; may its user read and write below pulseline/v1?" in caplog.text


def test_two_workers_of_one_name_are_told_though_the_broker_does_not_say_so(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Mosquitto 2.0.11 closes the old connection without a word. Each of the two says it once."""
    monkeypatch.setattr(broker_source, "_RECONNECT_S", 0.01)
    monkeypatch.setattr(broker_source, "_MAX_RECONNECT_S", 0.02)
    deadline = monotonic() + TIMEOUT_S
    with build_source(mosquitto) as one, build_source(mosquitto) as other:
        while one.report["connections"] != 12:
            assert monotonic() < deadline, caplog.text
            one.receive(1, 0.05)
            other.receive(1, 0.05)

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    told = [warning for warning in warnings if "most likely another worker has this name" in warning]
    assert told[0].startswith("the broker closes each connection of 'pulseline-ingest-main' within seconds")
    assert len(told) == 2


def test_broker_that_is_started_again_is_no_rival(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However often: connections last between."""
    monkeypatch.setattr(broker_source, "_UNDISPUTED_S", 0.0)
    with build_source(mosquitto) as source:
        for _ in range(5):
            await_ready(source)
            mosquitto.kill()
            while source.report["connected"]:
                assert source.receive(1, 0.1) == []
            mosquitto.start()

    assert "another worker" not in caplog.text


def test_source_ends_when_it_is_told_to(mosquitto: Mosquitto) -> None:
    """Whoever waits in it comes back."""
    with open_source(mosquitto) as source:
        threading.Timer(0.2, source.end).start()

        assert source.receive(1, TIMEOUT_S) is None


def test_broker_that_is_away_is_asked_again_and_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is received, nothing raised; it is said once."""
    mosquitto = Mosquitto(folder=tmp_path / "mosquitto")
    with ExitStack() as stack:
        source = BrokerSource(build_login(mosquitto.port))
        stack.callback(source.close)
        assert source.receive(1, 1.0) == []
        stack.enter_context(mosquitto)
        await_ready(source)

    assert caplog.text.count("trying again") == 1
