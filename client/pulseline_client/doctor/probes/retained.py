"""Retained messages: whether they are kept and cleared, and who gets them."""

from __future__ import annotations

from collections.abc import Iterator

from pulseline_client.doctor.bench import Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.packets import Delivered


class RetainedProbe:
    """Leaves a retained message, reads it as a later subscriber, and looks at what a bystander gets."""

    name = "retained"

    def run(self, area: Area) -> Iterator[Finding]:
        """Keep, read, leak, clear."""
        topic = area.name_topic("x")
        with area.dial("device") as device, area.dial("holder") as holder:
            area.retain(device, topic, b"kept")
            holder.subscribe(topic)
            later = self._read_later(area, topic)
            with area.dial("bystander") as bystander:
                yield judge_leak(len(bystander.drain()) + len(bystander.strays))
            area.retain(device, topic, b"")
            yield judge_retained(later, is_cleared=not self._read_later(area, topic))

    def _read_later(self, area: Area, topic: str) -> list[Delivered]:
        with area.dial("later") as later:
            later.subscribe(topic)
            return later.drain()


def judge_retained(messages: list[Delivered], *, is_cleared: bool) -> Finding:
    """Say what a later subscriber got."""
    is_kept = any(message.payload == b"kept" and message.retain for message in messages)
    verdict = Verdict.HOLDS if is_kept and is_cleared else Verdict.PARTLY
    if verdict is Verdict.HOLDS:
        observed = "kept, and cleared by an empty one"
        meaning = "State, description and availability are there for later subscribers."
    elif is_kept:
        observed, meaning = "kept, and not cleared", "The state of a deleted bucket stays on its topic."
    else:
        observed = "not kept"
        meaning = "State, description and availability are seen by those alone who listen when they change."
    return Finding(
        check="retained messages",
        verdict=verdict,
        observed=observed,
        guarantee=Guarantee.LAST_WORD,
        meaning=meaning,
        facts={"kept": is_kept, "cleared": is_cleared},
    )


def judge_leak(leaked: int) -> Finding:
    """Say whether somebody got what he did not ask for."""
    return Finding(
        check="retained leak",
        verdict=Verdict.FAILS if leaked else Verdict.HOLDS,
        observed="sent to a client that subscribed to nothing" if leaked else "none without a subscription",
        guarantee=Guarantee.PRIVACY,
        meaning="Whoever may connect reads states and descriptions, whatever the access rules say."
        if leaked
        else "Access rules decide who reads states and descriptions.",
        facts={"leaked": leaked},
    )
