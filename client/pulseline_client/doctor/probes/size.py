"""How large a message may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulseline_client.doctor.bench import Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import REPLY_TIMEOUT_S, LinkLost

#: Eight times Pulseline's largest payload: no broker needs to take it.
_TOO_MUCH: Final = 8


class SizeProbe:
    """Publishes the largest payload that Pulseline sends, and one that is far larger."""

    name = "size"

    def run(self, area: Area) -> Iterator[Finding]:
        """Publish both, and smaller ones when the first does not get through."""
        wanted = area.plan.max_payload_bytes
        sizes = (wanted, *(wanted // part for part in (2, 4, 16, 64)))
        largest = next((size for size in sizes if self._gets_through(area, size)), 0)
        is_bounded = largest < wanted or not self._gets_through(area, wanted * _TOO_MUCH)
        yield judge_size(largest, wanted=wanted, is_bounded=is_bounded)

    def _gets_through(self, area: Area, size_bytes: int) -> bool:
        topic = area.name_topic(str(size_bytes))
        try:
            with area.dial("worker") as worker, area.dial("device") as device:
                worker.subscribe(topic)
                device.publish(topic, bytes(size_bytes))
                return [len(each.payload) for each in worker.receive(1, timeout_s=REPLY_TIMEOUT_S)] == [size_bytes]
        except LinkLost:
            return False


def judge_size(largest: int, *, wanted: int, is_bounded: bool) -> Finding:
    """Say what fits.

    Args:
        largest: bytes of the largest payload that got through.
        wanted: bytes of Pulseline's largest payload.
        is_bounded: whether one that is far larger is refused.
    """
    if largest < wanted:
        verdict, observed = Verdict.PARTLY, f"payloads of {largest} bytes get through, of {wanted} not"
        meaning = f"Set mqtt.max_payload_bytes to {largest}, or raise the broker's limit: larger batches block."
    elif is_bounded:
        verdict, observed = Verdict.HOLDS, f"payloads of {wanted} bytes get through; there is a limit"
        meaning = "Every batch fits, and nobody can fill the broker's memory with one message."
    else:
        verdict, observed = Verdict.HOLDS, f"payloads of {wanted * _TOO_MUCH} bytes get through as well"
        meaning = "Every batch fits. A limit would keep a client from filling the broker's memory."
    return Finding(
        check="packet size",
        verdict=verdict if largest else Verdict.FAILS,
        observed=observed,
        guarantee=Guarantee.END_TO_END,
        meaning=meaning,
        facts={"largest_payload_bytes": largest, "wanted_payload_bytes": wanted, "bounded": is_bounded},
    )
