"""What a worker is made of, opened and made to the settings, whatever its source is."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from pulseline_core import __version__
from pulseline_core.data_folder import DataFolder
from pulseline_core.partition import EVERYTHING, Partition
from pulseline_core.payload import PayloadRules
from pulseline_core.settings import Settings
from pulseline_core.store import Reader, Store, open_reader, open_store
from pulseline_ingest.acknowledgement import AcknowledgementRules
from pulseline_ingest.apply import ApplyRules, Host
from pulseline_ingest.batch import Batcher
from pulseline_ingest.share import Share
from pulseline_ingest.state_publisher import StatePublisher
from pulseline_ingest.status import WorkerFacts
from pulseline_ingest.worker import WorkerParts


def open_parts(settings: Settings, stack: ExitStack, *, partition: Partition | None = None) -> WorkerParts:
    """Open what a worker needs; the writer closes last, so that it can fold its log into the file.

    The embedded broker's worker may write what it likes: nobody else hears its devices.

    Raises:
        PartitionTaken: another worker has the partition.
        InvalidSetting: other workers share the buckets, and this one would take everything.
        PulselineError: the store can not be opened.
    """
    host = Host(name=socket.gethostname(), device_id=DataFolder(settings.data_dir).read_device_id())
    lease = partition or (EVERYTHING if settings.mqtt.is_external else None)
    store = stack.enter_context(open_store(settings.database, lease=lease))
    reader = stack.enter_context(open_reader(settings.database))
    return build_parts(settings, host=host, store=store, reader=reader, partition=partition)


def build_parts(
    settings: Settings, *, host: Host, store: Store, reader: Reader, partition: Partition | None = None
) -> WorkerParts:
    """Return a worker's parts, made to the settings."""
    mqtt, ingest = settings.mqtt, settings.ingest
    share = Share(root=mqtt.root, worker=ingest.worker, partition=partition, is_dealt=ingest.broker_partitions)
    payload_rules = PayloadRules(root=mqtt.root, max_payload_bytes=mqtt.max_payload_bytes)
    apply_rules = ApplyRules(
        host=host, pulsetime=timedelta(seconds=ingest.pulsetime_s), creates_buckets=ingest.create_buckets
    )
    return WorkerParts(
        store=store,
        batcher=Batcher(payload_rules, apply_rules),
        states=StatePublisher(reader, share=share, interval_s=ingest.state_interval_s),
        facts=WorkerFacts(
            root=mqtt.root,
            worker=share.name,
            version=__version__,
            epoch=store.epoch,
            started=datetime.now(UTC),
            interval_s=ingest.status_interval_s,
            host=host.name,
            partition=partition,
        ),
        share=share,
        payload_rules=payload_rules,
        acknowledgement_rules=AcknowledgementRules(root=mqtt.root, epoch=store.epoch, window=ingest.window),
        max_batch=ingest.max_batch,
    )
