"""The versions of MQTT, and what a broker may say to a worker that comes in."""

from __future__ import annotations

from contextlib import closing

import pytest

from pulseline_core.errors import BrokerUnavailable
from pulseline_core.partition import Partition
from pulseline_ingest.broker_source import BrokerSource
from pulseline_ingest.connection import Connection
from pulseline_ingest.login import Login, WorkerReplaced
from pulseline_ingest.share import Share
from tests.integration.ingest.scripted_broker import TIMEOUT_S, ScriptedBroker
from tests.integration.ingest.test_broker_source import PROBE_TOPIC, build_login

#: MQTT 5 section 3.2 and 3.14: let in, and told that somebody else has the session now.
CONNACK_5 = b"\x20\x03\x00\x00\x00"
TAKEN_OVER = b"\xe0\x02\x8e\x00"

#: MQTT 5 section 3.9, for the first SUBSCRIBE of a connection and its six filters; and section 3.3, a message.
SUBACK_5 = b"\x90\x09\x00\x01\x00" + 6 * b"\x01"
PUBLISH_5 = b"\x30\x05\x00\x01a\x00x"

#: MQTT 3.1.1 section 3.2: a session is there; and what such a broker says to another version.
CONNACK_3 = b"\x20\x02\x01\x00"
NEW_SESSION_3 = b"\x20\x02\x00\x00"
REFUSED_3 = b"\x20\x02\x00\x01"

#: MQTT 3.1.1 section 3.9, for the first SUBSCRIBE of a connection and its six filters.
SUBACK_3 = b"\x90\x08\x00\x01" + 6 * b"\x01"


def build_partition_login(port: int) -> Login:
    """Return the log-in of a worker that needs its session to be kept."""
    return build_login(port, share=Share(root="pulseline/v1", worker="main", partition=Partition(1, 8)))


@pytest.mark.parametrize("refusal", [REFUSED_3, b""], ids=["refused", "closed"])
def test_broker_that_does_not_speak_mqtt_5_is_spoken_to_in_3_1_1(
    refusal: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it says so or closes the connection; the session is a lasting one all the same."""
    with ScriptedBroker(refusal, CONNACK_3 + SUBACK_3) as broker:
        source = BrokerSource(build_login(broker.port))
        while not source.report["connected"]:
            assert source.receive(1, 0.1) == []
        source.close()

    levels_and_flags = [
        (packet[packet.index(b"MQTT") + 4], packet[packet.index(b"MQTT") + 5]) for packet in broker.heard
    ]
    assert source.report["protocol"] == "3.1.1"
    assert "does not take this version of MQTT" in caplog.text
    assert [level for level, _ in levels_and_flags] == [5, 4]
    assert not any(flags & 2 for _, flags in levels_and_flags)  # clean start, clean session


def test_worker_that_was_replaced_ends() -> None:
    """Instead of taking the session back, and so on for ever."""
    with ScriptedBroker(CONNACK_5 + TAKEN_OVER) as broker:
        source = BrokerSource(build_login(broker.port))
        with pytest.raises(WorkerReplaced, match="another worker has connected to the broker as 'pulseline-ingest-ma"):
            source.receive(1, TIMEOUT_S)
        source.close()


def test_broker_that_refuses_a_topic_is_refusing_us() -> None:
    """Half of the topics would be half of the data."""
    refused = SUBACK_3[:-1] + b"\x80"
    with ScriptedBroker(REFUSED_3, CONNACK_3 + refused) as broker:
        source = BrokerSource(build_login(broker.port))
        source.receive(1, 1.0)
        refusal = source.wait_ready(0)
        source.close()

    assert isinstance(refusal, BrokerUnavailable)
    assert refusal.reason == f"we may not subscribe to '{PROBE_TOPIC}'"


def test_broker_that_answers_for_other_topics_is_not_believed(caplog: pytest.LogCaptureFixture) -> None:
    """MQTT 3.1.1 section 3.9.3: one code for each topic that was asked for."""
    with ScriptedBroker(REFUSED_3, CONNACK_3 + b"\x90\x03\x00\x01\x01") as broker:
        source = BrokerSource(build_login(broker.port))
        source.receive(1, 1.0)
        source.close()

    assert "its answer is for 1 topics, not for the 6 that we asked for" in caplog.text


@pytest.mark.parametrize(
    ("callback", "answer"),
    [
        ("_on_connect", CONNACK_5),
        ("_on_subscribe", CONNACK_5 + SUBACK_5),
        ("_on_publish", CONNACK_5 + PUBLISH_5),
        ("_on_disconnect", CONNACK_5 + TAKEN_OVER),
    ],
)
def test_bug_in_a_callback_comes_out(callback: str, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the worker, which says so; hidden, it would leave a connection that looks well and does nothing."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Connection, callback, fail)
    with (
        ScriptedBroker(answer) as broker,
        closing(BrokerSource(build_login(broker.port))) as source,
        pytest.raises(ZeroDivisionError),
    ):
        source.receive(1, 5.0)


def test_broker_that_keeps_no_session_is_refused_by_a_partition() -> None:
    """It is asked twice, since a session that was never there has to be made first."""
    with ScriptedBroker(REFUSED_3, NEW_SESSION_3, NEW_SESSION_3) as broker:
        source = BrokerSource(build_partition_login(broker.port))
        source.receive(1, 1.0)
        refusal = source.wait_ready(0)
        source.close()

    assert refusal is not None
    assert refusal.reason.startswith("it keeps no session when a connection ends")


def test_session_that_is_new_is_looked_for_before_there_is_anything_in_it() -> None:
    """The subscriptions come with the second connection."""
    with ScriptedBroker(REFUSED_3, NEW_SESSION_3, CONNACK_3 + SUBACK_3[:1] + b"\x07" + SUBACK_3[2:-1]) as broker:
        source = BrokerSource(build_partition_login(broker.port))
        while not source.report["connected"]:
            assert source.receive(1, 0.1) == []
        source.close()

    assert len(broker.heard) == 3
