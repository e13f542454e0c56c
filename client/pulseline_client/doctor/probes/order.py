"""How live messages arrive: in order, once, with the right QoS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pulseline_client.doctor.bench import Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import REPLY_TIMEOUT_S

_COUNT: Final = 500


class OrderProbe:
    """Publishes many messages to a subscriber that listens, then one with QoS 0."""

    name = "order"

    def run(self, area: Area) -> Iterator[Finding]:
        """Publish and listen."""
        topic = area.name_topic("x")
        with area.dial("worker") as worker, area.dial("device") as device:
            worker.subscribe(topic)
            device.publish_all(topic, [b"%d" % number for number in range(_COUNT)])
            messages = worker.receive(_COUNT, timeout_s=REPLY_TIMEOUT_S) + worker.drain()
            yield judge_order([int(message.payload) for message in messages], sent=_COUNT)
            device.publish_at_most_once(topic, b"0")
            yield judge_qos([message.qos for message in worker.receive(1, timeout_s=REPLY_TIMEOUT_S)])


def judge_order(numbers: Sequence[int], *, sent: int) -> Finding:
    """Say whether ``0``, ``1``, ... arrived just so."""
    if list(numbers) == list(range(sent)):
        verdict, observed = Verdict.HOLDS, f"{sent} of {sent}, once and in order"
        meaning = "A device's messages are applied in the order in which it sent them."
    elif list(dict.fromkeys(numbers)) == list(range(sent)):
        verdict, observed = Verdict.PARTLY, f"in order, {len(numbers) - sent} of {sent} more than once"
        meaning = "Heartbeats merge with themselves; plain events can be stored twice."
    else:
        missing = sent - len(set(numbers))
        verdict, observed = (
            Verdict.FAILS,
            f"{missing} of {sent} missing, the rest "
            + ("in order" if list(numbers) == sorted(numbers) else "mixed up"),
        )
        meaning = "Events of devices get lost or merge wrongly; library clients are put in order."
    return Finding(
        check="order of QoS 1",
        verdict=verdict,
        observed=observed,
        guarantee=Guarantee.ORDER,
        meaning=meaning,
        facts={"sent": sent, "received": len(numbers), "distinct": len(set(numbers))},
    )


def judge_qos(delivered: Sequence[int]) -> Finding:
    """Say with which QoS a message of QoS 0 reached a subscription of QoS 1."""
    qos = delivered[0] if delivered else None
    observed = "nothing arrives" if qos is None else f"delivered as QoS {qos}"
    return Finding(
        check="QoS 0 to QoS 1",
        verdict=Verdict.NOTE if qos else Verdict.HOLDS if qos == 0 else Verdict.UNCLEAR,
        observed=observed,
        guarantee=Guarantee.NOTHING,
        meaning="QoS 0 costs acknowledgements and room in the queue as QoS 1 does."
        if qos
        else "QoS 0 stays cheap, and is gone when something is killed.",
        facts={"qos": qos},
    )
