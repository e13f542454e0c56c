"""The ingest writer as a process of its own, to be killed at any of its system calls.

``python -m tests.storm.writer FOLDER FIRST COUNT`` submits the events FIRST to FIRST + COUNT - 1 and writes each
number to standard output when it was settled as committed. Ends by itself when all are.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pulseline_core import settings
from pulseline_ingest.gate import IngestGate
from tests.storm.publisher import build_timestamp

BUCKET_ID = "plug"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """What the broker hands to a gate."""

    topic: str
    payload: bytes
    received_at: datetime
    qos: int = 1
    retain: bool = False
    client_id: str = "writer"
    username: str | None = None
    connection: None = None


def build_publish(n: int) -> Publish:
    """Return the n-th event; every third one is merged into the one before."""
    event = {
        "timestamp": build_timestamp(0, n).isoformat(),
        "data": {"life": 0, "n": n},
        "pulsetime": 0,
    }
    return Publish(
        topic=f"pulseline/v1/{BUCKET_ID}/heartbeat",
        payload=json.dumps(event).encode(),
        received_at=datetime.now(UTC),
    )


def main(folder: Path, first: int, count: int) -> None:
    """Submit in small groups, so that there are many commits, and report what was settled."""
    done = threading.Semaphore(0)

    def settle(tickets: Sequence[object], committed: bool, unapplied: Collection[object]) -> None:
        assert not unapplied, "every event is one"
        if committed:
            os.write(sys.stdout.fileno(), "".join(f"{n}\n" for n in tickets).encode())
        for _ in tickets:
            done.release()

    gate = IngestGate(settings.load({"data_dir": str(folder)}, {}, ""))
    gate.start(settle=settle, publish=lambda _messages: None)
    for n in range(first, first + count):
        gate.submit(build_publish(n), n)
        if n % 3 == 0:
            for _ in range(min(3, n - first + 1)):
                done.acquire()
    gate.close(10.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
