"""Limits that are no settings: they fit every installation, and are one object so that tests can lower them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, or all together, may make the broker keep."""

    #: QoS 1 and 2 messages sent to a subscriber and not acknowledged yet (Mosquitto: 20; NATS: 1,024).
    in_flight: int = 100

    #: QoS 1 and 2 messages that wait for a subscriber, present or not (Mosquitto's max_queued_messages).
    queued_messages: int = 1_000

    #: Bytes of those, of one subscriber.
    queued_bytes: int = 8 * 2**20

    #: Bytes of those, of all subscribers together.
    all_queued_bytes: int = 64 * 2**20

    #: Bytes written to a connection that the peer has not taken; above it QoS 0 is dropped and QoS 1 waits.
    unsent_bytes: int = 2**20

    #: Bytes for a connection that come up in one turn of the loop, before anybody can see whether the peer takes them.
    burst_bytes: int = 8 * 2**20

    #: Retained messages that clients may leave; ingest's own are not limited.
    retained_messages: int = 100_000

    #: Bytes of those: payloads, topics, and what the levels of the topics cost.
    retained_bytes: int = 64 * 2**20

    #: Sessions of clients that are away; the one that is away longest goes first.
    absent_sessions: int = 1_000

    #: Distinct topics of one connection whose rights are remembered: a gateway's devices, 2 MB at most.
    remembered_topics: int = 10_000

    #: Bytes of a client id; the standard's own limit is 65,535.
    client_id_bytes: int = 1_024
