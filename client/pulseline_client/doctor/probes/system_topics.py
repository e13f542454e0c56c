"""What the broker tells of itself below ``$SYS``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pulseline_client.doctor.bench import Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import LinkLost
from pulseline_client.doctor.packets import FAILURE, Delivered

#: amqtt tells every 20 s.
_LONGEST_INTERVAL_S: Final = 22.0

#: For all topics to arrive; there are brokers that tell something new all the time.
_BURST_S: Final = 2.0

_VERSION: Final = "$SYS/broker/version"


class SystemTopicsProbe:
    """Listens to ``$SYS``."""

    name = "system"

    def run(self, area: Area) -> Iterator[Finding]:
        """Take what is retained, else wait for what is not."""
        with area.dial("watcher") as watcher:
            try:
                is_allowed = watcher.subscribe("$SYS/#", qos=0) < FAILURE
            except LinkLost:
                is_allowed = False
            if not is_allowed:
                yield judge_system_topics(None)
                return
            messages = watcher.drain(timeout_s=_BURST_S)
            if len(messages) <= 1:  # amqtt retains its version alone
                messages += watcher.receive(1, timeout_s=min(area.plan.timeout_s, _LONGEST_INTERVAL_S))
                messages += watcher.drain(timeout_s=_BURST_S)
            yield judge_system_topics([each for each in messages if area.plan.token not in each.topic])


def judge_system_topics(messages: Sequence[Delivered] | None) -> Finding:
    """Say what a monitor gets; ``None``, the subscription is refused."""
    topics = {message.topic for message in messages or ()}
    retained = {message.topic for message in messages or () if message.retain}
    versions = [message.payload.decode(errors="replace") for message in messages or () if message.topic == _VERSION]
    verdict = Verdict.HOLDS if len(retained) > len(topics) // 2 else Verdict.NOTE
    if messages is None:
        observed, meaning = "refused to this user", "Give the REST server's user the right to read it."
    elif not topics:
        observed, meaning = "nothing there", "The broker's own figures are missing from 'pulseline status'."
    elif verdict is Verdict.HOLDS:
        observed, meaning = f"{len(topics)} topics, retained", "'pulseline status' shows the broker's figures at once."
    else:
        observed = f"{len(topics)} topics, {len(retained) or 'none'} of them retained"
        meaning = "'pulseline status' shows the broker's figures after their next interval."
    return Finding(
        check="$SYS topics",
        verdict=verdict,
        observed=observed,
        guarantee=Guarantee.MONITORING,
        meaning=meaning,
        facts={"topics": len(topics), "retained": len(retained), "version": versions[0] if versions else None},
    )
