"""Callers who wait for a result."""

from __future__ import annotations

import pytest

from pulseline_client.queued_message import QueuedMessage
from pulseline_client.reply import CONFIRMED, Outcome, Replies, Reply
from pulseline_core.errors import Closed, ReplyTimeout
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId


def build_message(seq: int) -> QueuedMessage:
    """Return message ``seq`` of a bucket."""
    return QueuedMessage(id=seq, bucket_id=BucketId("plug"), seq=seq, kind=Kind.HEARTBEAT, body=b'{"data":{}}')


def test_result_reaches_the_one_who_waits_for_it() -> None:
    """Bucket and seq name the message."""
    replies, first, second = Replies(), Reply(), Reply()
    replies.expect(build_message(1), first)
    replies.expect(build_message(2), second)

    replies.resolve(BucketId("plug"), 2, Outcome(result=7, is_known=True))

    assert second.wait(0).result == 7
    assert replies.has(build_message(1))
    assert not replies.has(build_message(2))


def test_missing_result_times_out() -> None:
    """The error says that the message is kept."""
    with pytest.raises(ReplyTimeout, match="the message is kept"):
        Reply().wait(0)


def test_confirmation_without_a_result_ends_the_wait() -> None:
    """A result that got lost with a connection does not come any more."""
    replies, reply = Replies(), Reply()
    replies.expect(build_message(1), reply)

    replies.confirm([build_message(1), build_message(2)])

    assert reply.wait(0) is CONFIRMED


def test_forgotten_reply_is_not_waited_for() -> None:
    """After a time-out the message is sent without asking for a result."""
    replies, reply = Replies(), Reply()
    replies.expect(build_message(1), reply)

    replies.forget(reply)
    replies.forget(Reply())

    assert not replies.has(build_message(1))
    assert not replies.resolve(BucketId("plug"), 1, CONFIRMED)


def test_everybody_hears_of_the_end() -> None:
    """A closed client leaves nobody waiting."""
    replies, reply = Replies(), Reply()
    replies.expect(build_message(1), reply)

    replies.fail_all(Closed("client"))

    assert isinstance(reply.wait(0).error, Closed)


def test_who_comes_after_the_end_does_not_wait() -> None:
    """A message that was committed while the client closed is kept; its caller hears so at once."""
    replies, reply = Replies(), Reply()
    replies.fail_all(Closed("client"))

    replies.expect(build_message(1), reply)

    assert isinstance(reply.wait(0).error, Closed)
