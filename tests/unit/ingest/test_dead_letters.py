"""Dead letters: the notice of a new one; what is done with them stands beside the store, in the integration tests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pulseline_core.payload import PayloadRules
from pulseline_ingest.dead_letters import build_notice
from pulseline_ingest.outcome import DeadLettered, Failure
from pulseline_ingest.reading import read_message
from tests.poison import POISON, POISON_BATCHES, POISON_TOPICS
from tests.unit.ingest.samples import ROOT, read_json, receive

RULES = PayloadRules(root=ROOT)


def test_topic_that_is_no_unicode_is_escaped() -> None:
    """Whatever a source hands over, the notice can be sent."""
    received = replace(receive(b""), topic="a\udcff/b")

    notice = build_notice(received, DeadLettered(7, Failure("InvalidTopic", "is odd")), root=ROOT)

    assert read_json(notice) == {"id": 7, "topic": "a\\udcff/b", "reason": "is odd"}


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        *(pytest.param("plug/heartbeat", body, id=name) for name, body in {**POISON, **POISON_BATCHES}.items()),
        *(pytest.param(topic.removeprefix(f"{ROOT}/"), b"{}", id=name) for name, topic in POISON_TOPICS.items()),
    ],
)
def test_reason_of_every_poisoned_message_can_be_sent(topic: str, body: bytes) -> None:
    """It quotes what was wrong, and quotes nothing that JSON does not hold."""
    received = receive(body, topic=topic)
    failure = read_message(received, RULES).request
    assert isinstance(failure, Failure)

    notice = read_json(build_notice(received, DeadLettered(7, failure), root=ROOT))

    assert notice == {"id": 7, "topic": received.topic, "reason": failure.message}
    assert failure.message
