"""What waits for a subscriber that is away: whether, how much, and how it is handed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pulseline_client.doctor.bench import PERSISTENT, Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import REPLY_TIMEOUT_S
from pulseline_client.doctor.packets import Delivered

#: Twice what Mosquitto keeps by default: enough to see its limit, soon sent.
_COUNT: Final = 2_000


class QueueProbe:
    """Leaves a session behind, publishes to it, and comes back."""

    name = "queue"

    def run(self, area: Area) -> Iterator[Finding]:
        """Leave, publish, come back."""
        topic = area.name_topic("x")
        with area.dial("worker", PERSISTENT) as worker:
            worker.subscribe(topic)
        with area.dial("device") as device, area.dial("witness") as witness:
            witness.subscribe(topic, qos=0)
            device.publish_all(topic, [b"%d" % number for number in range(_COUNT)])
            witness.receive(_COUNT, timeout_s=REPLY_TIMEOUT_S)  # acknowledged need not be handed on yet
        with area.dial("worker", PERSISTENT) as worker:
            messages = worker.drain()
        return judge_queue(messages, sent=_COUNT)


def judge_queue(messages: Sequence[Delivered], *, sent: int) -> Iterator[Finding]:
    """Say what was kept.

    Args:
        messages: what arrived when the subscriber was back.
        sent: so many were published meanwhile, with the payloads ``0``, ``1``, ...
    """
    numbers = list(dict.fromkeys(int(message.payload) for message in messages))
    yield _judge_existence(numbers, sent=sent)
    if numbers:
        yield _judge_limit(numbers, sent=sent)
        yield _judge_order(numbers)
        yield _judge_retain_flag(sum(message.retain for message in messages), len(messages))


def _judge_existence(numbers: Sequence[int], *, sent: int) -> Finding:
    is_kept = bool(numbers)
    return Finding(
        check="offline queue",
        verdict=Verdict.HOLDS if is_kept else Verdict.FAILS,
        observed="messages wait" if is_kept else f"none of {sent} acknowledged messages is there afterwards",
        guarantee=Guarantee.INGEST_ABSENCE,
        meaning="What devices send while ingest is away is applied later."
        if is_kept
        else "What devices send while ingest is away is lost; library clients send theirs again.",
        facts={"kept": len(numbers), "sent": sent},
    )


def _judge_limit(numbers: Sequence[int], *, sent: int) -> Finding:
    kept = len(numbers)
    lost_end = "newest" if 0 in numbers else "oldest"
    return Finding(
        check="queue limit",
        verdict=Verdict.HOLDS if kept == sent else Verdict.PARTLY,
        observed=f"none up to {sent}"
        if kept == sent
        else f"{kept} of {sent}; the {lost_end} are dropped, though acknowledged",
        guarantee=Guarantee.INGEST_ABSENCE,
        meaning="A long absence of ingest costs nothing as far as was tried."
        if kept == sent
        else f"At 10 messages a second this lasts for {kept // 10} s. Raise it; library clients send theirs again.",
        facts={"kept": kept, "sent": sent, "dropped": None if kept == sent else lost_end},
    )


def _judge_order(numbers: Sequence[int]) -> Finding:
    is_sorted = list(numbers) == sorted(numbers)
    return Finding(
        check="order of the queue",
        verdict=Verdict.HOLDS if is_sorted else Verdict.FAILS,
        observed="as sent" if is_sorted else "mixed up",
        guarantee=Guarantee.ORDER,
        meaning="A backlog is applied as it came about."
        if is_sorted
        else "Events without a timestamp merge wrongly; library clients are put in order.",
        facts={"sorted": is_sorted},
    )


def _judge_retain_flag(flagged: int, received: int) -> Finding:
    return Finding(
        check="retain flag of the queue",
        verdict=Verdict.PARTLY if flagged else Verdict.HOLDS,
        observed=f"set on {flagged} of {received} messages that were not retained" if flagged else "not set",
        guarantee=Guarantee.INGEST_ABSENCE,
        meaning="A backlog looks like old news: programs that skip retained messages lose it. Pulseline does not."
        if flagged
        else "A backlog can be told from retained messages.",
        facts={"flagged": flagged, "received": received},
    )
