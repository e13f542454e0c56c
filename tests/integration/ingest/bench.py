"""Workers on a real store, run over scripts to their end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from pulseline_core.event import Event
from pulseline_core.payload import PayloadRules
from pulseline_core.store import BucketRow, DeadLetter, Transaction, open_reader, open_store
from pulseline_core.types import JSONObject
from pulseline_ingest.acknowledgement import AcknowledgementRules
from pulseline_ingest.apply import ApplyRules, Host
from pulseline_ingest.batch import Batcher
from pulseline_ingest.share import Share
from pulseline_ingest.source import Received
from pulseline_ingest.state_publisher import StatePublisher
from pulseline_ingest.status import WorkerFacts
from pulseline_ingest.worker import Worker, WorkerParts
from tests.contract.store.samples import MORNING, outline
from tests.integration.ingest.scripted_source import Clock, Group, ScriptedSource
from tests.unit.ingest.samples import ROOT, receive

HOST = Host(name="laptop", device_id="device-1")
RULES = ApplyRules(host=HOST)
PAYLOAD_RULES = PayloadRules(root=ROOT)
SHARE = Share(root=ROOT, worker="main")

Break: TypeAlias = Callable[[Callable[[BucketRow, Event], Exception | None]], None]
"""Lets merges fail; takes what says, for a bucket and an event, which error comes instead."""


class Bench:
    """A store, a reader of it, and as many workers on it as a test wants, one after the other.

    Args:
        path: of the database file.
        rules: how events are applied.
        clock: what the workers' timers are told, if the test lets them.
    """

    def __init__(self, path: Path, *, rules: ApplyRules = RULES, clock: Clock | None = None) -> None:
        self.rules = rules
        self.clock = clock or Clock()
        self.store = open_store(path)
        self.reader = open_reader(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.close()
        self.store.close()

    def build_parts(
        self, *, max_batch: int = 1000, state_interval_s: float = 1.0, status_interval_s: float = 0.0
    ) -> WorkerParts:
        """Return the parts of a worker; it reports after every group unless told otherwise."""
        return WorkerParts(
            store=self.store,
            share=SHARE,
            batcher=Batcher(PAYLOAD_RULES, self.rules),
            states=StatePublisher(self.reader, share=SHARE, interval_s=state_interval_s),
            facts=WorkerFacts(
                root=ROOT,
                worker="main",
                version="1.2.3",
                epoch=self.store.epoch,
                started=MORNING,
                interval_s=status_interval_s,
            ),
            payload_rules=PAYLOAD_RULES,
            acknowledgement_rules=AcknowledgementRules(root=ROOT, epoch=self.store.epoch, window=100),
            max_batch=max_batch,
        )

    def run(
        self,
        *groups: Group,
        is_resending: bool = False,
        on_pause: Callable[[], object] = lambda: None,
        **parts: Any,
    ) -> ScriptedSource:
        """Run a worker over groups until it ends; return what it said."""
        source = ScriptedSource(*groups, clock=self.clock, is_resending=is_resending, on_pause=on_pause)
        Worker(source, self.build_parts(**parts)).run()
        return source

    def get_row(self, tx: Transaction, bucket_id: str = "plug") -> BucketRow:
        """Return a bucket that there is."""
        row = tx.get_bucket(bucket_id)
        assert row is not None
        return row

    def read_outline(self, bucket_id: str = "plug") -> list[tuple[float, float, JSONObject]]:
        """Return (start, end, data) of a bucket's events, oldest first, in seconds of the morning."""
        return outline(reversed(self.reader.read_events(bucket_id)))

    def read_letters(self) -> list[DeadLetter]:
        """Return the dead letters, oldest first."""
        return list(reversed(self.reader.read_dead_letters(1000)))


def build_beat(start_s: float = 0, length_s: float = 0, data: JSONObject | None = None, **more: Any) -> dict[str, Any]:
    """Return the payload of a heartbeat of the morning."""
    timestamp = (MORNING + timedelta(seconds=start_s)).isoformat()
    return {"timestamp": timestamp, "duration": length_s, "data": {"on": True} if data is None else data, **more}


def beat(start_s: float = 0, *, bucket: str = "plug", connection: object | None = None, **more: Any) -> Received:
    """Return a plain heartbeat as it was received."""
    return receive(build_beat(start_s, **more), topic=f"{bucket}/heartbeat", connection=connection)
