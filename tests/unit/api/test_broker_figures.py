"""One name for each of the broker's figures, whichever broker it is."""

from __future__ import annotations

import pytest

from pulseline_api.broker_figures import normalise
from pulseline_core.types import JSONObject


def test_mosquitto_s_figures_get_our_names() -> None:
    """As Mosquitto 2.0.11 tells them."""
    said: JSONObject = {
        "version": "mosquitto version 2.0.11",
        "uptime": "73 seconds",
        "clients/connected": 4,
        "clients/inactive": 1,
        "messages/received": 120,
        "publish/messages/received": 80,
        "publish/messages/dropped": 2,
        "load/messages/received/1min": 21.74,
        "retained messages/count": 60,
        "bytes/received": 4096,
        "heap/current": 53248,
    }

    assert normalise(said) == {
        "version": "mosquitto version 2.0.11",
        "uptime_s": 73,
        "clients_connected": 4,
        "clients_absent": 1,
        "packets_received": 120,
        "messages_received": 80,
        "messages_dropped": 2,
        "messages_retained": 60,
        "bytes_received": 4096,
        "memory_bytes": 53248,
    }


def test_amqtt_s_figures_get_the_same_names() -> None:
    """As amqtt 0.12 tells them; what it calls disconnected are not sessions, but disconnections."""
    said: JSONObject = {
        "version": "aMQTT version 0.12.1",
        "uptime": 73,
        "uptime/formatted": "2026-11-23 10:00:00+00:00",
        "clients/connected": 4,
        "clients/disconnected": 9,
        "messages/received": 120,
        "messages/publish/received": 80,
        "messages/retained/count": 60,
        "load/bytes/received": 4096,
        "heap/size": 52.5,
    }

    assert normalise(said) == {
        "version": "aMQTT version 0.12.1",
        "uptime_s": 73,
        "clients_connected": 4,
        "packets_received": 120,
        "messages_received": 80,
        "messages_retained": 60,
        "bytes_received": 4096,
        "memory_bytes": 55050240,
    }


@pytest.mark.parametrize("value", ["", "many", "-1 seconds", "1e9", True, None, [1], {"a": 1}])
def test_what_is_no_number_is_left_out(value: object) -> None:
    """Anybody may write these topics where the broker lets them."""
    assert normalise({"uptime": value, "version": 7}) == {}  # type: ignore[dict-item]  # any JSON


def test_broker_without_figures_has_none() -> None:
    """As NATS over MQTT."""
    assert normalise({}) == {}
