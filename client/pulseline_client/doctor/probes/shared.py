"""What the broker makes of shared subscriptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pulseline_client.doctor.bench import Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import LinkLost
from pulseline_client.doctor.packets import FAILURE

_COUNT: Final = 6


class SharedProbe:
    """Shares one topic between two subscribers."""

    name = "shared"

    def run(self, area: Area) -> Iterator[Finding]:
        """Subscribe twice, publish a few times."""
        topic, group = area.name_topic("x"), f"$share/doctor/{area.name_topic('x')}"
        with area.dial("one") as one, area.dial("two") as two, area.dial("device") as device:
            try:
                codes = [link.subscribe(group) for link in (one, two)]
            except LinkLost:
                codes = [FAILURE]
            if max(codes) >= FAILURE:
                yield judge_shared(None)
                return
            device.publish_all(topic, [b"x"] * _COUNT)
            yield judge_shared([len(link.drain()) for link in (one, two)])


def judge_shared(received: Sequence[int] | None) -> Finding:
    """Say how messages of one topic were shared out; ``None`` is not at all."""
    if received is None:
        observed, meaning = "refused", "Who tries to share a subscription is told; Pulseline never does."
    elif not sum(received):
        observed = "accepted, and nothing is ever delivered"
        meaning = "A program that shares a subscription waits in vain; Pulseline never does."
    elif min(received) and sum(received) == _COUNT:
        observed = f"one topic is dealt out in turn: {' and '.join(map(str, received))}"
        meaning = "The order of a bucket would be lost, so Pulseline never does; it partitions by topic."
    elif sum(received) == _COUNT:
        observed = "one topic stays with one subscriber"
        meaning = "Pulseline partitions by topic all the same, which every broker can do."
    else:
        observed = f"{sum(received)} deliveries of {_COUNT} messages"
        meaning = "They do not what the standard says; Pulseline does without them."
    return Finding(
        check="shared subscriptions",
        verdict=Verdict.NOTE,
        observed=observed,
        guarantee=Guarantee.NOTHING,
        meaning=meaning,
        facts={"accepted": received is not None, "received": None if received is None else list(received)},
    )
