"""The embedded broker's gate with a real store: a ticket for each message, settled once, whatever comes first."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from pulseline_core.errors import Closed, InvalidSetting, Misuse, NotPermitted
from pulseline_core.settings import Settings, load
from pulseline_core.store import open_reader
from pulseline_ingest.gate import IngestGate
from pulseline_ingest.source import Outgoing
from tests.contract.store.samples import MORNING
from tests.integration.ingest.bench import build_beat

#: Longer than a commit takes; nobody waits for it unless something is broken.
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Publish:
    """A message as the broker hands it over."""

    payload: bytes
    topic: str = "pulseline/v1/plug/heartbeat"
    client_id: str = "device"
    received_at: datetime = MORNING
    connection: None = None


class Broker:
    """The other side of a gate.

    Attributes:
        settled: each ticket and whether it is committed, in order.
        published: what the gate sent out.
    """

    def __init__(self, settings: Settings) -> None:
        self.gate = IngestGate(settings)
        self.settled: list[tuple[object, bool]] = []
        self.published: list[Outgoing] = []
        self._changed = threading.Condition()

    def start(self, publish: Callable[[Sequence[Outgoing]], None] | None = None) -> None:
        """Start the gate."""
        self.gate.start(settle=self._settle, publish=publish or self.published.extend)

    def submit(self, *tickets: int) -> None:
        """Submit a heartbeat for each ticket, that many seconds into the morning."""
        for ticket in tickets:
            self.gate.submit(Publish(json.dumps(build_beat(ticket)).encode()), ticket)

    def wait_for_settled(self, count: int) -> None:
        """Return when so many tickets are settled."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.settled) >= count, TIMEOUT_S)

    def _settle(self, tickets: Sequence[object], is_committed: bool, _: object) -> None:
        with self._changed:
            self.settled += [(ticket, is_committed) for ticket in tickets]
            self._changed.notify_all()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data folder of the test's own."""
    return load({"data_dir": str(tmp_path / "data")}, {})


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    """A broker whose gate ends with the test."""
    broker = Broker(settings)
    yield broker
    broker.gate.close(TIMEOUT_S)


def test_message_is_settled_when_it_is_stored(broker: Broker, settings: Settings) -> None:
    """Without waiting for others."""
    broker.start()

    broker.submit(7)
    broker.wait_for_settled(1)

    assert broker.settled == [(7, True)]
    with open_reader(settings.database) as reader:
        assert reader.count_events("plug") == 1


def test_close_commits_what_was_submitted(broker: Broker, settings: Settings) -> None:
    """All of it, in order, and says goodbye; to close it again does nothing."""
    broker.start()
    broker.submit(*range(500))

    broker.gate.close(TIMEOUT_S)
    broker.gate.close(TIMEOUT_S)

    assert broker.settled == [(ticket, True) for ticket in range(500)]
    assert json.loads(broker.published[-1].payload)["state"] == "offline"
    with open_reader(settings.database) as reader:
        assert [event.duration.total_seconds() for event in reader.read_events("plug")] == [499.0]


def test_message_after_the_end_is_refused(broker: Broker) -> None:
    """Its sender keeps it and sends it again."""
    broker.start()
    broker.gate.close(TIMEOUT_S)

    broker.submit(1, 2)

    assert broker.settled == [(1, False), (2, False)]


def test_store_that_can_not_be_opened_fails_the_start(broker: Broker, settings: Settings) -> None:
    """With its own error, and what is submitted all the same is refused."""
    (settings.data_dir / "pulseline.db").mkdir(parents=True)

    with pytest.raises(NotPermitted, match="not a file"):
        broker.start()

    broker.submit(1)
    assert broker.settled == [(1, False)]


def test_worker_that_dies_leaves_its_error_and_refuses_the_rest(broker: Broker) -> None:
    """Every ticket is settled; the broker sees the failure and ends the process."""
    stored = threading.Event()

    def publish(messages: Sequence[Outgoing]) -> None:
        if any(message.topic.endswith("/state") for message in messages):
            stored.wait(TIMEOUT_S)
            raise OSError("the broker is gone")

    broker.start(publish)
    broker.submit(1)
    broker.wait_for_settled(1)
    broker.submit(2, 3)
    stored.set()
    broker.wait_for_settled(3)

    assert broker.settled == [(1, True), (2, False), (3, False)]
    assert isinstance(broker.gate.failure, OSError)
    broker.submit(4)
    assert broker.settled[-1] == (4, False)


def test_gate_is_started_once_and_takes_nothing_before(broker: Broker) -> None:
    """Anything else is a bug of the caller."""
    with pytest.raises(Closed):
        broker.submit(1)
    broker.gate.close(TIMEOUT_S)

    broker.start()

    with pytest.raises(Misuse, match="started before"):
        broker.start()
    assert broker.gate.failure is None


def test_partitions_are_refused(tmp_path: Path) -> None:
    """The embedded broker has one worker for all."""
    settings = load({"data_dir": str(tmp_path), "ingest.partitions": "8"}, {})

    with pytest.raises(InvalidSetting, match="is more than 1, while the embedded broker has one worker"):
        Broker(settings).start()
