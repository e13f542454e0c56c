"""Retained messages: the last word on each topic, for those who subscribe later.

What clients leave is limited in number and in bytes; what the gate and the broker itself leave is not, and does not
take the clients' room. Event loop's thread only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulseline_broker.limits import Limits
from pulseline_broker.message import Message
from pulseline_broker.topic_tree import TopicTree

#: Bytes of the tree's node for one level of a topic, measured as about 230; topics may have many levels of one letter.
_LEVEL_BYTES: Final = 256


class RetainedMessages:
    """Retained messages by topic.

    Args:
        limits: what clients may leave.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._messages: TopicTree[Message] = TopicTree()
        self._client_sizes: dict[str, int] = {}
        self._client_bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def get(self, topic: str) -> Message | None:
        """Return the message of a topic."""
        return self._messages.get(topic)

    def iter_matching(self, topic_filter: str) -> Iterator[Message]:
        """Yield the messages of all topics that the filter matches, in no order."""
        return self._messages.iter_topics_matching(topic_filter)

    def keep(self, message: Message) -> None:
        """Keep a message in the place of an older one; an empty one only takes the older one away."""
        if not message.payload:
            self._clear(message.topic)
            return
        self._give_bytes_back(message.topic)
        # A copy, without the packet that was built for those who are there.
        self._messages.set(message.topic, Message(message.topic, message.payload, message.qos))

    def keep_from_client(self, message: Message) -> bool:
        """Keep a client's message if there is room, and return whether there was.

        The older one goes in any case: nothing is better than what is no longer true.
        """
        self._clear(message.topic)
        if not message.payload:
            return True
        size_bytes = _measure(message)
        if not self._has_room(size_bytes):
            return False
        self.keep(message)
        self._client_sizes[message.topic] = size_bytes
        self._client_bytes += size_bytes
        return True

    def _clear(self, topic: str) -> None:
        self._give_bytes_back(topic)
        self._messages.remove(topic)

    def _give_bytes_back(self, topic: str) -> None:
        self._client_bytes -= self._client_sizes.pop(topic, 0)

    def _has_room(self, size_bytes: int) -> bool:
        return (
            len(self._client_sizes) < self._limits.retained_messages
            and self._client_bytes + size_bytes <= self._limits.retained_bytes
        )


def _measure(message: Message) -> int:
    """Return what it costs to keep a message."""
    return message.size_bytes + _LEVEL_BYTES * (message.topic.count("/") + 1)
