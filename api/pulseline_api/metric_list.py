"""What ``/metrics`` tells of workers and broker: each metric, and where its value stands in their figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name, a counter's without the ``_total`` that it is shown with; and where it is in the figures.

    Attributes:
        path: keys, one below the other, to a number, or to a histogram's ``bounds``, ``counts`` and ``sum``.
    """

    name: str
    path: tuple[str, ...]
    text: str


#: Of each worker, with its name as the label ``worker``. Counters begin again at 0 when the worker is started again.
WORKER_COUNTERS: Final = (
    Metric("pulseline_messages_received", ("counters", "received"), "Messages that asked for something."),
    Metric("pulseline_messages_applied", ("counters", "applied"), "Messages that were applied."),
    Metric("pulseline_messages_duplicate", ("counters", "duplicates"), "Messages sent again in vain."),
    Metric("pulseline_messages_dead", ("counters", "dead_letters"), "Messages that became dead letters."),
    Metric("pulseline_messages_ignored", ("counters", "ignored"), "Messages that asked for nothing."),
    Metric("pulseline_messages_refused", ("commit", "refused"), "Messages given back unstored."),
    Metric("pulseline_heartbeats_merged", ("commit", "merged"), "Heartbeats that prolonged an event."),
    Metric("pulseline_reconnects", ("broker", "reconnects"), "Lost connections to an external broker that came back."),
)

#: Those two that are the most of something are of the time since the last report.
WORKER_GAUGES: Final = (
    Metric("pulseline_queue_messages", ("queue",), "Messages that wait for the worker."),
    Metric(
        "pulseline_unacknowledged_messages",
        ("unacknowledged",),
        "Most messages at once that were received and not acknowledged.",
    ),
    Metric("pulseline_lag_seconds", ("lag_s",), "Longest way of a message into the store."),
    Metric(
        "pulseline_progress_age_seconds",
        ("broker", "progress_age_s"),
        "Since a message came through an external broker.",
    ),
)

WORKER_HISTOGRAMS: Final = (
    Metric("pulseline_commit_seconds", ("commit", "seconds"), "How long commits took."),
    Metric("pulseline_batch_messages", ("commit", "sizes"), "How many messages were committed at once."),
)

#: Of the broker, as it tells them itself.
BROKER_COUNTERS: Final = (
    Metric("pulseline_broker_clients_refused", ("clients_refused",), "Clients that were not let in."),
    Metric("pulseline_broker_packets_received", ("packets_received",), "MQTT packets from clients."),
    Metric("pulseline_broker_packets_sent", ("packets_sent",), "MQTT packets to clients."),
    Metric("pulseline_broker_messages_received", ("messages_received",), "PUBLISH packets from clients."),
    Metric("pulseline_broker_messages_sent", ("messages_sent",), "PUBLISH packets to clients."),
    Metric("pulseline_broker_messages_dropped", ("messages_dropped",), "Messages that found no room."),
    Metric("pulseline_broker_messages_refused", ("messages_refused",), "Publishes without the right."),
    Metric("pulseline_broker_bytes_received", ("bytes_received",), "Bytes from clients."),
    Metric("pulseline_broker_bytes_sent", ("bytes_sent",), "Bytes to clients."),
)

BROKER_GAUGES: Final = (
    Metric("pulseline_broker_uptime_seconds", ("uptime_s",), "How long the broker has been running."),
    Metric("pulseline_broker_clients_connected", ("clients_connected",), "Clients that are connected."),
    Metric("pulseline_broker_clients_absent", ("clients_absent",), "Clients whose sessions are kept."),
    Metric("pulseline_broker_subscriptions", ("subscriptions",), "Subscriptions of all clients."),
    Metric("pulseline_broker_messages_retained", ("messages_retained",), "Retained messages."),
    Metric("pulseline_broker_messages_stored", ("messages_stored",), "Messages kept, retained or queued."),
    Metric(
        "pulseline_broker_messages_uncommitted",
        ("messages_uncommitted",),
        "Publishes whose commit is awaited; embedded broker.",
    ),
    Metric("pulseline_broker_memory_bytes", ("memory_bytes",), "Memory in use."),
)
