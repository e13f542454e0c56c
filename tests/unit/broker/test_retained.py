"""What clients may leave retained, and what gives them room again."""

from __future__ import annotations

from pulseline_broker.limits import Limits
from pulseline_broker.message import Message
from pulseline_broker.retained import RetainedMessages

#: What a message of one level and 100 bytes costs: its topic, its payload and the node of its level.
COST = 1 + 100 + 256


def build_message(topic: str, size_bytes: int = 100) -> Message:
    """Return a message of some size."""
    return Message(topic, b"x" * size_bytes, 0)


def get_topics(retained: RetainedMessages) -> set[str]:
    """Return where something is retained."""
    return {message.topic for message in retained.iter_matching("#")}


def test_bytes_of_clients_are_limited() -> None:
    """What does not fit is not kept, and its sender's other messages stay."""
    retained = RetainedMessages(Limits(retained_bytes=2 * COST))

    kept = [retained.keep_from_client(build_message(topic)) for topic in "abc"]

    assert kept == [True, True, False]
    assert get_topics(retained) == {"a", "b"}


def test_levels_of_a_topic_cost_too() -> None:
    """Each level is a node of the tree, also one without a letter."""
    retained = RetainedMessages(Limits(retained_bytes=10 * COST))

    assert not retained.keep_from_client(build_message("/" * 20))


def test_replaced_messages_give_their_bytes_back() -> None:
    """A topic costs what its newest message does."""
    retained = RetainedMessages(Limits(retained_bytes=2 * COST))
    for _ in range(10):
        retained.keep_from_client(build_message("a"))

    assert retained.keep_from_client(build_message("b"))


def test_cleared_messages_give_their_bytes_back() -> None:
    """Whether their client clears them or the gate does."""
    retained = RetainedMessages(Limits(retained_bytes=2 * COST))
    retained.keep_from_client(build_message("a"))
    retained.keep_from_client(build_message("b"))

    retained.keep_from_client(build_message("a", 0))
    retained.keep(build_message("b", 0))

    assert get_topics(retained) == set()
    assert [retained.keep_from_client(build_message(topic)) for topic in "cd"] == [True, True]


def test_what_a_message_without_room_would_replace_goes() -> None:
    """Later subscribers get nothing rather than what is no longer true."""
    retained = RetainedMessages(Limits(retained_bytes=COST))
    retained.keep_from_client(build_message("a"))

    assert not retained.keep_from_client(build_message("a", 101))
    assert get_topics(retained) == set()
    assert retained.keep_from_client(build_message("b"))


def test_other_messages_take_no_room_of_clients() -> None:
    """The gate's own are neither limited nor counted, also in the place of a client's."""
    retained = RetainedMessages(Limits(retained_messages=1, retained_bytes=COST))
    retained.keep_from_client(build_message("a"))
    for topic in "abc":
        retained.keep(build_message(topic, 1_000))

    assert retained.keep_from_client(build_message("d"))
    assert get_topics(retained) == {"a", "b", "c", "d"}


def test_packet_for_those_who_are_there_is_not_kept() -> None:
    """It would cost the payload once more."""
    retained = RetainedMessages(Limits())
    message = build_message("a")
    retained.keep_from_client(message)
    message.build_live_packet()

    kept = retained.get("a")

    assert kept == message
    assert kept is not message
