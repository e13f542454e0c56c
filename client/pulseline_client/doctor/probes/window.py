"""How many messages a subscriber gets before it has to acknowledge one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulseline_client.doctor.bench import Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict

_COUNT: Final = 300

#: Messages of one commit from which on the disk is not what everything waits for (0003-group-commit).
_ENOUGH: Final = 100


class WindowProbe:
    """Listens without acknowledging."""

    name = "window"

    def run(self, area: Area) -> Iterator[Finding]:
        """Publish more than a window."""
        with area.dial("worker", withholds=True) as worker, area.dial("device") as device:
            worker.subscribe(area.name_topic("x"))
            device.publish_all(area.name_topic("x"), [b"x"] * _COUNT)
            yield judge_window(len(worker.drain()), sent=_COUNT)
            worker.crash()


def judge_window(received: int, *, sent: int) -> Finding:
    """Say what a window is good for."""
    is_enough = received >= _ENOUGH
    return Finding(
        check="in-flight window",
        verdict=Verdict.HOLDS if is_enough else Verdict.PARTLY if received else Verdict.UNCLEAR,
        observed=f"{sent} and more unacknowledged"
        if received >= sent
        else f"{received} unacknowledged, the rest waits",
        guarantee=Guarantee.SPEED,
        meaning="Ingest commits in large groups."
        if is_enough
        else f"One commit of ingest takes {received} messages at most. Raise it for speed; nothing is lost.",
        facts={"window": received, "sent": sent},
    )
