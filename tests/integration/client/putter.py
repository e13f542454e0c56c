"""A process that puts messages into an outbox until it is killed: ``python -m ... OUTBOX THREADS``.

After each ``put`` it writes a line ``bucket seq``; the line is the promise.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from pulseline_client.outbox import Outbox
from pulseline_client.queued_message import Draft
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId


def put_for_ever(outbox: Outbox, bucket_id: BucketId) -> None:
    """Put small batches and say so."""
    while True:
        drafts = [Draft(bucket_id=bucket_id, kind=Kind.HEARTBEAT, body=b'{"data":{"n":1}}')] * 2
        for message in outbox.put(drafts):
            os.write(1, f"{bucket_id} {message.seq}\n".encode())
        if message.seq % 20 == 0:
            outbox.discard(bucket_id, message.seq - 10)


def main() -> None:
    """Put on several threads, each into a bucket of its own."""
    outbox = Outbox(Path(sys.argv[1]))
    with outbox:
        threads = [
            threading.Thread(target=put_for_ever, args=(outbox, BucketId(f"b{number}")))
            for number in range(int(sys.argv[2]))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
