"""Whether the broker notices that a client is gone, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Final

from pulseline_client.doctor.bench import CLEAN, Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import Link
from pulseline_client.doctor.packets import Connect, Will

_KEEP_ALIVE_S: Final = 1

#: A broker has to act after 1.5 times the keep-alive; those that look every few seconds take longer.
_LATEST_S: Final = 12.0


class LivenessProbe:
    """Has a client end in three ways, and waits for the wills."""

    name = "liveness"

    def run(self, area: Area) -> Iterator[Finding]:
        """Say goodbye, fall silent, be killed."""
        with area.dial("watcher") as watcher:
            watcher.subscribe(area.name_topic("#"))
            goodbye = self._connect(area, "goodbye", CLEAN)
            goodbye.drain()  # amqtt takes the goodbye for a loss while it still sends what nobody asked for
            goodbye.leave()
            silent = self._connect(area, "silent", Connect(keep_alive_s=_KEEP_ALIVE_S))
            self._connect(area, "killed", CLEAN).crash()
            after_s = _watch(watcher, {b"killed", b"silent"}, timeout_s=min(area.plan.timeout_s, _LATEST_S))
            silent.leave()
        yield judge_will(after_s.get(b"killed"), is_quiet=b"goodbye" not in after_s)
        yield judge_keep_alive(after_s.get(b"silent"))

    def _connect(self, area: Area, name: str, ask: Connect) -> Link:
        return area.dial(name, replace(ask, will=Will(topic=area.name_topic(name), payload=name.encode())))


def _watch(watcher: Link, awaited: set[bytes], *, timeout_s: float) -> dict[bytes, float]:
    """Wait for wills; return all that came, with the seconds that each took."""
    begun, found = monotonic(), dict[bytes, float]()
    while (left_s := begun + timeout_s - monotonic()) > 0 and not awaited <= found.keys():
        for message in watcher.receive(1, timeout_s=left_s):
            found[message.payload] = monotonic() - begun
    return found


def judge_will(after_s: float | None, *, is_quiet: bool) -> Finding:
    """Say whether a will comes when it has to, and only then.

    Args:
        after_s: how long it took after the client was killed; ``None``, it did not come.
        is_quiet: whether none came after a goodbye.
    """
    if after_s is None:
        verdict, observed = Verdict.FAILS, "does not come after a client was killed"
        meaning = "Devices that are gone stay 'online'."
    elif not is_quiet:
        verdict, observed = Verdict.PARTLY, "comes when a client is killed, but after a goodbye as well"
        meaning = "Devices that end as they should may show as 'offline' twice."
    else:
        verdict, observed = Verdict.HOLDS, f"{after_s:.1f} s after a client is killed; none after a goodbye"
        meaning = "A device whose program ends becomes 'offline'."
    return Finding(
        check="last will",
        verdict=verdict,
        observed=observed,
        guarantee=Guarantee.AVAILABILITY,
        meaning=meaning,
        facts={"after_s": None if after_s is None else round(after_s, 1), "quiet_after_goodbye": is_quiet},
    )


def judge_keep_alive(after_s: float | None) -> Finding:
    """Say how long a silent client stayed; ``None``, it was never given up."""
    return Finding(
        check="keep-alive",
        verdict=Verdict.FAILS if after_s is None else Verdict.HOLDS,
        observed=f"{_KEEP_ALIVE_S} s asked for; a silent client is never given up"
        if after_s is None
        else f"{_KEEP_ALIVE_S} s asked for; a silent client is given up after {after_s:.1f} s",
        guarantee=Guarantee.AVAILABILITY,
        meaning="A device without power stays 'online' for ever."
        if after_s is None
        else "A device without power becomes 'offline'.",
        facts={"keep_alive_s": _KEEP_ALIVE_S, "after_s": None if after_s is None else round(after_s, 1)},
    )
