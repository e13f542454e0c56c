"""Access rights: who may publish where, subscribe to what, and receive which message.

Pure. Rights are topic filters; ``%u`` and ``%c`` as whole levels stand for the user name and the client id. Above
the rights of any user stand the rules of the interface below ``{root}``:

* ``_ack/...``, ``_dead``, ``_status/...`` and ``{bucket}/state`` are written by ingest alone;
* ``{bucket}/admin`` and ``_admin`` take the right ``admin``, whatever the filters say;
* ``_ack/{client id}`` is read by its own client; the acknowledgements of others by nobody without ``admin``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pulseline_core.errors import InvalidTopic
from pulseline_core.topic import Kind, check_topic_filter, is_match

#: A shared subscription would hand each message to one of several clients; refused, as amqtt has none.
SHARED_PREFIX: Final = "$share/"

#: What a watcher publishes.
WATCHER_KINDS: Final = (Kind.HEARTBEAT, Kind.EVENTS, Kind.META, Kind.AVAILABILITY)

#: Messages that mean something at one moment only: as retained ones they would be applied again and again.
_NEVER_RETAINED: Final = frozenset({Kind.HEARTBEAT.value, Kind.EVENTS.value, Kind.ADMIN.value})

#: Levels of a filter; more is no topic of a real device, but a way to fill the memory.
MAX_FILTER_LEVELS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a user may do.

    Attributes:
        publish: filters of topics to write.
        subscribe: filters of topics to read.
        admin: may change and delete what is stored, and read the acknowledgements of all.
    """

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    admin: bool = False

    def __post_init__(self) -> None:
        for topic_filter in (*self.publish, *self.subscribe):
            check_topic_filter(topic_filter)


#: Of anybody on this machine, while there is no users file: all that is not ingest's or the administrator's. Topics
#: outside the root are those of other programs that share the broker. What ingest makes nothing of below the root
#: becomes a dead letter, which helps more than a closed connection.
ANONYMOUS: Final = Rights(publish=("#",), subscribe=("#", "$SYS/#"))


def build_watcher_rights(root: str) -> Rights:
    """Return what a new user gets: publish to any bucket, read back states and descriptions."""
    return Rights(
        publish=tuple(f"{root}/+/{kind.value}" for kind in WATCHER_KINDS),
        subscribe=tuple(f"{root}/+/{kind.value}" for kind in (Kind.STATE, Kind.META, Kind.AVAILABILITY)),
    )


def build_api_rights(root: str) -> Rights:
    """Return the rights of the REST server: it writes for its users and administers."""
    return Rights(
        publish=(*build_watcher_rights(root).publish, f"{root}/+/{Kind.ADMIN.value}", f"{root}/_admin"),
        subscribe=(f"{root}/#", "$SYS/#"),
        admin=True,
    )


class Access:
    """The rights of one user on one connection.

    Args:
        rights: of the user; ``%u`` and ``%c`` are filled in here.
        root: the topic levels above ours.
        client_id: of the session.
        username: ``None`` for an anonymous client.
    """

    __slots__ = ("_acknowledgements", "_is_admin", "_own_acknowledgement", "_prefix", "_publish", "_subscribe")

    def __init__(self, rights: Rights, *, root: str, client_id: str, username: str | None) -> None:
        self._prefix = f"{root}/"
        self._acknowledgements = f"{root}/_ack/"
        self._own_acknowledgement = f"{root}/_ack/{client_id}"
        self._is_admin = rights.admin
        self._publish = _fill_in(rights.publish, client_id=client_id, username=username)
        self._subscribe = _fill_in(rights.subscribe, client_id=client_id, username=username)

    def may_publish(self, topic: str) -> bool:
        """Return whether the client may write to a valid topic."""
        if topic.startswith("$"):
            return False
        if topic.startswith(self._prefix):
            bucket, _, kind = topic[len(self._prefix) :].partition("/")
            if kind == Kind.ADMIN.value or (bucket, kind) == ("_admin", ""):
                return self._is_admin and self._matches_publish(topic)
            if bucket.startswith("_") or kind == Kind.STATE.value:
                return False
        return self._matches_publish(topic)

    def may_subscribe(self, topic_filter: str) -> bool:
        """Return whether the client may have a valid filter: each topic it can match has to be within its rights."""
        if self._own_acknowledgement == topic_filter:
            return True
        is_own_possible = self._is_admin or is_match(self._own_acknowledgement, topic_filter)
        if topic_filter.startswith(self._acknowledgements) and not is_own_possible:
            return False
        return any(is_covered(topic_filter, by=right) for right in self._subscribe)

    def may_receive(self, topic: str) -> bool:
        """Return whether a message may be handed to the client; asked for each, retained ones too."""
        if topic.startswith(self._acknowledgements) and not self._is_admin:
            return topic == self._own_acknowledgement
        return topic == self._own_acknowledgement or any(is_match(topic, right) for right in self._subscribe)

    def _matches_publish(self, topic: str) -> bool:
        return any(is_match(topic, right) for right in self._publish)


def is_retainable(topic: str, *, root: str) -> bool:
    """Return whether the broker may keep a client's retained message of this topic."""
    if not topic.startswith(f"{root}/"):
        return True
    bucket, _, kind = topic[len(root) + 1 :].partition("/")
    return kind not in _NEVER_RETAINED and not bucket.startswith("_")


def is_valid_filter(topic_filter: str) -> bool:
    """Return whether a client can subscribe to it here at all, rights aside."""
    if topic_filter.startswith(SHARED_PREFIX) or topic_filter.count("/") >= MAX_FILTER_LEVELS:
        return False
    try:
        check_topic_filter(topic_filter)
    except InvalidTopic:
        return False
    return True


def is_covered(topic_filter: str, *, by: str) -> bool:
    """Return whether every topic that ``topic_filter`` matches is matched by the filter ``by``.

    Args:
        topic_filter: valid.
        by: valid.
    """
    levels, wanted = topic_filter.split("/"), by.split("/")
    if levels[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or levels[place] == "#":
            return False
        if level not in ("+", levels[place]):
            return False
    return len(levels) == len(wanted)


def _fill_in(filters: Iterable[str], *, client_id: str, username: str | None) -> tuple[str, ...]:
    """Replace ``%u`` and ``%c``; a filter whose value is missing, or would bring levels or wildcards, falls away."""
    filled = []
    for topic_filter in filters:
        levels = topic_filter.split("/")
        values = {"%u": username, "%c": client_id}
        if all(_is_one_level(values[level]) for level in levels if level in values):
            filled.append("/".join(values.get(level) or level for level in levels))
    return tuple(filled)


def _is_one_level(value: str | None) -> bool:
    return bool(value) and not set(value or "") & set("/+#\0")
