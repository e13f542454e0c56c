"""What of a retained topic later subscribers of the embedded broker get, with ingest behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pulseline_broker.service import BrokerService
from pulseline_core.settings import load
from pulseline_ingest.gate import IngestGate
from tests.integration.broker.wire import PUBACK, Wire, publish, subscribe

META = "pulseline/v1/plug/meta"


def describe(kind: str, *, seq: int) -> bytes:
    """Return a numbered description of a bucket."""
    return json.dumps({"type": kind, "publisher": "box", "seq": seq, "base": 1}).encode()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerService]:
    """A broker with ingest behind it."""
    settings = load({"data_dir": str(tmp_path), "mqtt.port": "0"}, {})
    with BrokerService(settings, IngestGate(settings)) as broker:
        yield broker


def read_retained(broker: BrokerService, payloads: list[bytes], topic: str = META) -> list[bytes]:
    """Publish retained messages as ``box``, and return what a later subscriber gets."""
    with ExitStack() as stack:
        box = stack.enter_context(Wire(broker.port)).open("box")
        for number, payload in enumerate(payloads, start=1):
            box.send(publish(topic, payload, qos=1, packet_id=number, retain=True))
            box.expect(PUBACK, number)
        later = stack.enter_context(Wire(broker.port)).open("later")
        later.send(subscribe((topic, 0)))
        later.expect_codes(0)
        later.send(b"\xc0\x00")
        packets = iter(later.read_packet, (0xD0, b""))
        return [body[2 + len(topic) :] for _, body in packets]


@pytest.mark.parametrize(
    "following",
    [
        pytest.param(b"not json", id="dead letter"),
        pytest.param(describe("old", seq=1), id="duplicate"),
        pytest.param(describe("early", seq=9), id="before its turn"),
    ],
)
def test_message_that_changes_nothing_is_not_retained(broker: BrokerService, following: bytes) -> None:
    """It is acknowledged; a later subscriber gets the description that is in the database."""
    newest = describe("new", seq=2)

    retained = read_retained(broker, [describe("old", seq=1), newest, following])

    assert retained == [newest]


@pytest.mark.parametrize("topic", ["pulseline/v1/plug/availability", "home/plug"])
def test_message_that_asks_for_nothing_is_retained(broker: BrokerService, topic: str) -> None:
    """Whether a device is there, and what other programs say to each other."""
    assert read_retained(broker, [b"online"], topic) == [b"online"]


def test_description_is_cleared_by_an_empty_message(broker: BrokerService) -> None:
    """Clearing a topic is nothing that a database must know of."""
    assert read_retained(broker, [b'{"type": "power"}', b""]) == []
