"""Whether what a subscriber did not acknowledge comes again after its crash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Final

from pulseline_client.doctor.bench import PERSISTENT, Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import REPLY_TIMEOUT_S
from pulseline_client.doctor.packets import Delivered

_COUNT: Final = 10

#: For the broker to notice that a connection was reset, so that this is no take-over, which is another probe's matter.
_NOTICE_S: Final = 0.5


class RedeliveryProbe:
    """Takes messages without acknowledging them, is gone, and comes back to its session."""

    name = "redelivery"

    def run(self, area: Area) -> Iterator[Finding]:
        """Crash once."""
        payloads = [b"%d" % number for number in range(_COUNT)]
        first = area.dial("worker", PERSISTENT, withholds=True)
        first.subscribe(area.name_topic("x"))
        with area.dial("device") as device:
            device.publish_all(area.name_topic("x"), payloads)
        first.receive(_COUNT, timeout_s=REPLY_TIMEOUT_S)
        first.crash()
        area.pause(_NOTICE_S)
        begun = monotonic()
        with area.dial("worker", PERSISTENT) as again:
            messages = again.receive(_COUNT, timeout_s=area.plan.timeout_s)
            yield judge_redelivery(
                messages, payloads, after_s=monotonic() - begun, is_kept=again.connack.session_present
            )


def judge_redelivery(
    messages: Sequence[Delivered], payloads: Sequence[bytes], *, after_s: float, is_kept: bool
) -> Finding:
    """Say what came again.

    Args:
        messages: what arrived after the crash.
        payloads: what was not acknowledged before.
        after_s: how long it took.
        is_kept: whether the broker said that it had the session.
    """
    again = {message.payload for message in messages} & set(payloads)
    has_dup = all(message.dup for message in messages)
    if len(again) == len(payloads):
        verdict = Verdict.HOLDS
        observed = f"all {len(payloads)} come again after {after_s:.1f} s{', marked as duplicates' if has_dup else ''}"
        meaning = "Ingest acknowledges after its commit, so what a crash interrupts is applied later."
    elif again:
        verdict, observed = Verdict.PARTLY, f"{len(again)} of {len(payloads)} come again within {after_s:.0f} s"
        meaning = "A crash of ingest can cost messages of devices; library clients send theirs again."
    else:
        verdict, observed = Verdict.FAILS, f"none of {len(payloads)} comes again within {after_s:.0f} s"
        meaning = "A crash of ingest costs messages of devices; library clients send theirs again."
    return Finding(
        check="redelivery after a crash",
        verdict=verdict,
        observed=observed,
        guarantee=Guarantee.INGEST_CRASH,
        meaning=meaning,
        facts={
            "sent": len(payloads),
            "again": len(again),
            "after_s": round(after_s, 1),
            "dup": has_dup and bool(again),
            "session_present": is_kept,
        },
    )
