"""What a client is told whose publish the access rules refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pulseline_client.doctor.bench import Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import Link, LinkLost
from pulseline_client.doctor.packets import FAILURE, MQTT_5, Connect

#: For a message to get from one client to another.
_WAIT_S: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What happened to a publish that nobody may make.

    Attributes:
        is_acknowledged: whether it was answered as one that is allowed.
        is_delivered: whether it reached a subscriber of its topic.
        loses_later: whether what the connection published afterwards was acknowledged, and reached nobody.
        reason_5: what an MQTT 5 client was told; ``None`` where it could not be asked.
    """

    is_acknowledged: bool
    is_delivered: bool = False
    loses_later: bool = False
    reason_5: int | None = None


class AccessProbe:
    """Publishes where nobody may: below ``$SYS``, and on the topic that is named as refused."""

    name = "access"

    def run(self, area: Area) -> Iterator[Finding]:
        """Publish to each."""
        yield judge_refusal(self._observe(area, f"$SYS/{area.name_topic('x')}"), topic="$SYS")
        if area.plan.refused_topic:
            yield judge_refusal(self._observe(area, area.plan.refused_topic), topic=area.plan.refused_topic)

    def _observe(self, area: Area, topic: str) -> Refusal:
        with area.dial("watcher") as watcher, area.dial("device") as device:
            watcher.subscribe(area.name_topic("#"))
            try:
                watcher.subscribe(topic)  # a broker that refuses even that is right to
                device.publish(topic, b"refused")
            except LinkLost:
                return Refusal(is_acknowledged=False)
            is_delivered = any(message.payload == b"refused" for message in watcher.receive(1, timeout_s=_WAIT_S))
            return Refusal(
                is_acknowledged=True,
                is_delivered=is_delivered,
                loses_later=self._loses_later(area, device, watcher),
                reason_5=self._ask_version_5(area, topic) if area.bench.speaks_5 else None,
            )

    def _loses_later(self, area: Area, device: Link, watcher: Link) -> bool:
        try:
            device.publish(area.name_topic("later"), b"later")
        except LinkLost:
            return False
        return not any(message.payload == b"later" for message in watcher.receive(1, timeout_s=_WAIT_S))

    def _ask_version_5(self, area: Area, topic: str) -> int | None:
        try:
            with area.dial("five", Connect(level=MQTT_5)) as device:
                return device.publish(topic, b"refused")
        except LinkLost:
            return None


def judge_refusal(refusal: Refusal, *, topic: str) -> Finding:
    """Say what it means for whoever published."""
    is_named = topic != "$SYS"
    if refusal.is_delivered:
        verdict = Verdict.FAILS if is_named else Verdict.NOTE
        observed = "allowed: the message is delivered"
        meaning = "The access rules do not refuse it." if is_named else "Clients can forge figures of the broker."
    elif not refusal.is_acknowledged:
        verdict, observed = Verdict.HOLDS, "not acknowledged"
        meaning = "A device without the right is told, and keeps its message."
    elif refusal.loses_later:
        verdict, observed = Verdict.FAILS, "acknowledged, as is all that follows, and thrown away"
        meaning = "One wrong topic costs a device all that it sends; library clients connect anew."
    elif (refusal.reason_5 or 0) >= FAILURE:
        verdict, observed = Verdict.NOTE, f"acknowledged; MQTT 5 clients are told (0x{refusal.reason_5:02x})"
        meaning = "A device without the right loses its messages unnoticed; library clients notice."
    else:
        verdict, observed = Verdict.PARTLY, "acknowledged, and thrown away"
        meaning = "A device without the right loses its messages unnoticed; library clients notice."
    return Finding(
        check=f"refused topic {topic}",
        verdict=verdict,
        observed=observed,
        guarantee=Guarantee.ACCESS,
        meaning=meaning,
        facts={
            "acknowledged": refusal.is_acknowledged,
            "delivered": refusal.is_delivered,
            "loses_later": refusal.loses_later,
            "reason_mqtt_5": refusal.reason_5,
        },
    )
