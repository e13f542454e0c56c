"""The figures of real brokers: each speaks its own dialect of ``$SYS``, and none is asked which."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pulseline_api.broker_figures import normalise
from pulseline_api.status_board import StatusBoard
from pulseline_client.subscriber import Subscriber
from pulseline_core.types import JSONObject
from tests.integration.doctor.servers import AmqttAlone, Embedded, Mosquitto, Nats, Server
from tests.storm.system import wait_until

#: amqtt is set to tell every two seconds, and retains nothing.
TIMEOUT_S = 10.0

#: What every broker tells that tells anything.
COMMON = {
    *("version", "uptime_s", "clients_connected", "subscriptions", "packets_received", "packets_sent"),
    *("messages_received", "messages_sent", "messages_retained", "messages_stored"),
    *("bytes_received", "bytes_sent", "memory_bytes"),
}

#: What those tell beside that who speak as Mosquitto does.
MOSQUITTO = COMMON | {"messages_dropped", "clients_absent"}


def hear_figures(server: Server, expected: set[str]) -> JSONObject:
    """Return the figures once these are there, or the time is over."""
    board = StatusBoard("pulseline/v1")
    with Subscriber(server.address) as subscriber:
        for topic_filter in board.topic_filters:
            subscriber.subscribe(topic_filter, board.note)
        subscriber.wait_connected(TIMEOUT_S)
        wait_until(lambda: expected <= normalise(board.get_broker()).keys(), timeout_s=TIMEOUT_S, what=str(expected))
    return normalise(board.get_broker())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Embedded, MOSQUITTO | {"messages_uncommitted", "messages_refused", "clients_refused"}),
        (Mosquitto, MOSQUITTO),
        (AmqttAlone, COMMON),
    ],
    ids=["embedded", "Mosquitto", "amqtt"],
)
def test_figures_of_a_broker_have_our_names(tmp_path: Path, kind: type[Server], expected: set[str]) -> None:
    """All are numbers, but for the version."""
    with kind(folder=tmp_path) as server:
        figures = hear_figures(server, expected)

    assert figures.keys() == expected
    assert isinstance(figures.pop("version"), str)
    assert all(isinstance(value, int | float) for value in figures.values())


def test_nats_tells_nothing_over_mqtt(tmp_path: Path) -> None:
    """It lets us subscribe, and has an HTTP port for what others say below ``$SYS``."""
    board = StatusBoard("pulseline/v1")
    heard = threading.Event()
    with Nats(folder=tmp_path) as server, Subscriber(server.address) as subscriber:
        for topic_filter in board.topic_filters:
            subscriber.subscribe(topic_filter, board.note)
        subscriber.subscribe("$SYS/#", lambda *_: heard.set())
        subscriber.wait_connected(TIMEOUT_S)

        assert not heard.wait(2.0)
        assert normalise(board.get_broker()) == {}
