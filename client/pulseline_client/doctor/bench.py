"""What all probes share: connections, names that are nobody else's, and tidying up.

Probes run on threads of their own. Each has an area: the topics below one level, and client ids with its name, so that
no probe sees what another one does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from pulseline_client.connection import BrokerAddress
from pulseline_client.doctor.link import Link, LinkLost, open_link
from pulseline_client.doctor.packets import MQTT_5, Connect

#: A session that ends with its connection, and one that stays.
CLEAN: Final = Connect()
PERSISTENT: Final = Connect(is_clean=False)

DEFAULT_PREFIX: Final = "pulseline-doctor"

#: NATS sends again what was not acknowledged after 30 s.
DEFAULT_TIMEOUT_S: Final = 35.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to find out, and how long to wait for it.

    Attributes:
        token: random, so that two doctors at one broker do not meet.
        prefix: the topic levels above all of the doctor's; the token is added.
        timeout_s: how long to wait for what may never come.
        max_payload_bytes: the largest payload of Pulseline's.
        refused_topic: a topic that the access rights refuse this user; empty is none that is known.
        restart_command: for a shell; empty is none. ``{signal}`` in it becomes ``TERM``, then ``KILL``.
    """

    token: str
    prefix: str = DEFAULT_PREFIX
    timeout_s: float = DEFAULT_TIMEOUT_S
    max_payload_bytes: int = 262_144
    refused_topic: str = ""
    restart_command: str = ""


class Bench:
    """Opens links, and knows what has to be cleared away afterwards; any thread may call.

    Attributes:
        stop: set when the examination is given up.
        speaks_5: whether the broker speaks MQTT 5, once that is known.
    """

    def __init__(self, address: BrokerAddress, plan: Plan) -> None:
        self.address = address
        self.plan = plan
        self.stop = threading.Event()
        self.speaks_5 = False
        self._lock = threading.Lock()
        self._links: list[Link] = []
        self._sessions: set[str] = set()
        self._retained: set[str] = set()

    def open_area(self, name: str) -> Area:
        """Return the part of the broker that one probe has for itself."""
        return Area(self, name)

    def dial(self, ask: Connect, *, area: str, withholds: bool) -> Link:
        """Open a connection; ``Area.dial`` knows the names."""
        if self.stop.is_set():
            raise LinkLost("the examination was given up")
        if not ask.is_clean or ask.level == MQTT_5:  # there a session may outlive its connection, clean or not
            with self._lock:
                self._sessions.add(ask.client_id)
        link = open_link(self.address, ask, area=area, withholds=withholds)
        with self._lock:
            self._links.append(link)
            if self.stop.is_set():  # meanwhile
                link.cut()
        return link

    def note_retained(self, topic: str) -> None:
        """Remember to clear a topic."""
        with self._lock:
            self._retained.add(topic)

    def note_cleared(self, topic: str) -> None:
        """Forget a topic."""
        with self._lock:
            self._retained.discard(topic)

    def give_up(self) -> None:
        """Have all probes end soon."""
        self.stop.set()
        with self._lock:
            for link in self._links:
                link.cut()

    def clear(self) -> list[str]:
        """Remove our sessions and retained messages from the broker; return what could not be removed."""
        for link in self._links:
            link.leave()
        left = [f"session {name!r}" for name in sorted(self._sessions) if not _try(self._end_session, name)]
        left += [f"retained {topic!r}" for topic in sorted(self._retained) if not _try(self._clear_topic, topic)]
        return left

    def _end_session(self, client_id: str) -> None:
        open_link(self.address, Connect(client_id=client_id), area="").leave()

    def _clear_topic(self, topic: str) -> None:
        with open_link(self.address, Connect(client_id=f"doctor-{self.plan.token}-clear"), area="") as link:
            link.publish(topic, b"", retain=True)


class Area:
    """One probe's own topics and client ids."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.bench = bench
        self.plan = bench.plan
        self._name = name

    def name_topic(self, name: str = "") -> str:
        """Return a topic of the area, or with no name what all of them begin with."""
        return f"{self.plan.prefix}/{self.plan.token}/{self._name}/{name}"

    def dial(self, role: str, ask: Connect = CLEAN, *, withholds: bool = False) -> Link:
        """Open a connection; whoever asks closes it.

        Args:
            role: completes the client id: the same one is the same client.
            ask: what to ask for; the client id is filled in.
            withholds: whether messages are not acknowledged.

        Raises:
            LinkLost: it does not come about, or the examination was given up.
        """
        client_id = f"doctor-{self.plan.token}-{self._name}-{role}"
        return self.bench.dial(replace(ask, client_id=client_id), area=self.name_topic(), withholds=withholds)

    def retain(self, link: Link, topic: str, payload: bytes) -> None:
        """Publish a retained message, which is cleared at the end; an empty one clears it now."""
        if payload:
            self.bench.note_retained(topic)
        link.publish(topic, payload, retain=True)
        if not payload:
            self.bench.note_cleared(topic)

    def pause(self, seconds: float) -> None:
        """Give the broker time; ends early when the examination is given up."""
        self.bench.stop.wait(seconds)


def _try(act: Callable[[str], object], name: str) -> bool:
    with suppress(LinkLost):
        act(name)
        return True
    return False
