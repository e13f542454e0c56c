"""What happens when a client comes back while the broker still holds its old connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulseline_client.doctor.bench import PERSISTENT, Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import Link, LinkLost

#: For a message to get from one client to another.
_WAIT_S: Final = 3.0


class TakeOverProbe:
    """Connects a second time with the same client id, as after a connection that died without a word."""

    name = "takeover"

    def run(self, area: Area) -> Iterator[Finding]:
        """Connect twice, and publish to the session."""
        topic = area.name_topic("x")
        with area.dial("worker", PERSISTENT) as old:
            old.subscribe(topic)
            with area.dial("worker", PERSISTENT) as new, area.dial("device") as device:
                device.publish(topic)
                yield judge_take_over(
                    hears=_hears(new), is_kept=new.connack.session_present, is_old_open=old.is_alive()
                )


def _hears(link: Link) -> bool:
    try:
        return bool(link.receive(1, timeout_s=_WAIT_S))
    except LinkLost:  # the broker closed the wrong one
        return False


def judge_take_over(*, hears: bool, is_kept: bool, is_old_open: bool) -> Finding:
    """Say what it means.

    Args:
        hears: whether the new connection gets what is published to the session.
        is_kept: whether the broker said that it has the session.
        is_old_open: whether the old connection is still served.
    """
    if not hears:
        verdict = Verdict.FAILS
        observed = f"the new connection hears nothing{'; the old one stays open' if is_old_open else ''}"
        meaning = "After a half-open connection ingest is deaf until it connects once more. Use fresh client ids."
    elif is_old_open:
        verdict, observed = Verdict.PARTLY, "the new connection hears, the old one stays open"
        meaning = "A client that is gone still counts as connected, and its will does not come."
    else:
        verdict, observed = Verdict.HOLDS, "the new connection hears at once, the old one is closed"
        meaning = "Ingest and clients are back right after a lost connection."
    return Finding(
        check="take-over of a client id",
        verdict=verdict,
        observed=observed,
        guarantee=Guarantee.RECONNECTION,
        meaning=meaning,
        facts={"hears": hears, "session_present": is_kept, "old_stays": is_old_open},
    )
