"""Acknowledgements: cumulative, results in order, one message for each publisher, none without a bound."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pulseline_client.acknowledgement import Acknowledgement, parse_acknowledgements
from pulseline_core.types import BucketId
from pulseline_ingest.acknowledgement import MAX_ARRAY_BYTES, AcknowledgementRules, Acknowledgements, build_problems
from tests.unit.ingest.samples import read_acknowledgements, read_json

RULES = AcknowledgementRules(root="pulseline/v1", epoch="0b5c", window=100)
COMMON = {"epoch": "0b5c", "window": 100}


def build(answers: Acknowledgements) -> list[dict[str, Any]]:
    """Return what the only publisher is told."""
    [message] = answers.iter_messages(RULES)
    return read_acknowledgements(message)


def test_single_acknowledgement_is_an_object_on_the_publishers_topic() -> None:
    """With the database's name and the window, neither retained nor confirmed."""
    answers = Acknowledgements()
    answers.add("outbox", "plug", 5)

    [message] = answers.iter_messages(RULES)

    assert (message.topic, message.qos, message.retain) == ("pulseline/v1/_ack/outbox", 0, False)
    assert read_json(message) == {"bucket": "plug", "seq": 5, **COMMON}


def test_group_without_numbered_messages_acknowledges_nothing() -> None:
    """No message is published."""
    assert list(Acknowledgements().iter_messages(RULES)) == []


def test_last_of_a_bucket_stands_for_all_before_it() -> None:
    """A thousand messages of one bucket are one acknowledgement, each bucket has its own."""
    answers = Acknowledgements()
    for seq in range(1, 1001):
        answers.add("outbox", "plug", seq)
    answers.add("outbox", "desk", 7)

    assert [(each["bucket"], each["seq"]) for each in build(answers)] == [("plug", 1000), ("desk", 7)]


def test_repeated_message_does_not_take_an_acknowledgement_back() -> None:
    """What is done stays done, in whatever order messages came."""
    answers = Acknowledgements()
    for seq in (5, 3, 4):
        answers.add("outbox", "plug", seq)

    assert [each["seq"] for each in build(answers)] == [5]


def test_watermark_of_nothing_is_acknowledged_too() -> None:
    """The client hears which number it has to begin with."""
    answers = Acknowledgements()
    answers.add("outbox", "plug", 0)

    assert [each["seq"] for each in build(answers)] == [0]


def test_results_come_each_before_the_last_number() -> None:
    """As the module's drawing has it."""
    answers = Acknowledgements()
    answers.add("outbox", "a", 1)
    answers.add_result("outbox", "a", seq=2, result={"id": 7})
    answers.add("outbox", "a", 3)
    answers.add("outbox", "a", 4)
    answers.add("outbox", "b", 7)

    assert build(answers) == [
        {"bucket": "a", "seq": 2, "result": {"id": 7}, **COMMON},
        {"bucket": "a", "seq": 4, **COMMON},
        {"bucket": "b", "seq": 7, **COMMON},
    ]


def test_number_that_a_result_covers_is_not_sent_again() -> None:
    """The last result of a bucket is its acknowledgement; that of another bucket is not."""
    answers = Acknowledgements()
    answers.add("outbox", "a", 1)
    answers.add("outbox", "b", 1)
    answers.add_result("outbox", "a", seq=2, result=None)

    assert [(each["bucket"], each["seq"]) for each in build(answers)] == [("a", 2), ("b", 1)]


def test_late_result_of_a_repeated_message_covers_no_more_and_no_less() -> None:
    """The greatest number that was answered counts, not the last one."""
    answers = Acknowledgements()
    for bucket_id in ("a", "b"):
        answers.add_result("outbox", bucket_id, seq=5, result=1)
        answers.add_result("outbox", bucket_id, seq=2, result={"duplicate": True})
    answers.add("outbox", "a", 4)
    answers.add("outbox", "b", 6)

    assert [(each["bucket"], each["seq"]) for each in build(answers)] == [
        ("a", 5),
        ("a", 2),
        ("b", 5),
        ("b", 2),
        ("b", 6),
    ]


def test_publishers_do_not_see_each_others_acknowledgements() -> None:
    """Each has a topic and a message of its own."""
    answers = Acknowledgements()
    answers.add("anna", "plug", 1)
    answers.add("ben", "plug", 2)
    answers.add_result("anna", "desk", seq=3, result={"id": 7})

    told = {message.topic: read_acknowledgements(message) for message in answers.iter_messages(RULES)}

    assert {topic: [each["seq"] for each in items] for topic, items in told.items()} == {
        "pulseline/v1/_ack/anna": [3, 1],
        "pulseline/v1/_ack/ben": [2],
    }


def test_each_publisher_is_told_once_what_the_problem_is() -> None:
    """On its own topic, as the client reads it."""
    messages = build_problems(RULES, ["anna", "ben", "anna"], "the disk is ill")

    assert [message.topic for message in messages] == ["pulseline/v1/_ack/anna", "pulseline/v1/_ack/ben"]
    assert [parse_acknowledgements(message.payload).problem for message in messages] == ["the disk is ill"] * 2


def test_results_of_a_large_group_are_several_messages() -> None:
    """None is much larger than the bound, and the order is that of the messages."""
    answers = Acknowledgements()
    for seq in range(1, 501):
        answers.add_result("outbox", "plug", seq=seq, result={"text": "x" * 1000})

    messages = list(answers.iter_messages(RULES))

    assert [each["seq"] for message in messages for each in read_acknowledgements(message)] == list(range(1, 501))
    assert max(len(message.payload) for message in messages) <= MAX_ARRAY_BYTES + len("[]")
    assert len(messages) < 12


def test_result_beyond_the_bound_is_sent_alone() -> None:
    """It delays and hides none of its neighbours."""
    answers = Acknowledgements()
    for seq, size in ((1, 10), (2, 2 * MAX_ARRAY_BYTES), (3, 10)):
        answers.add_result("outbox", "plug", seq=seq, result="x" * size)

    told = [[each["seq"] for each in read_acknowledgements(each)] for each in answers.iter_messages(RULES)]

    assert told == [[1], [2], [3]]


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 9), st.one_of(st.none(), st.text(max_size=3)))),
)
def test_client_hears_the_greatest_number_and_every_result(handled: list[tuple[str, int, str | None]]) -> None:
    """Whatever a group held; ``None`` is a message that wants no reply."""
    answers = Acknowledgements()
    for bucket_id, seq, result in handled:
        if result is None:
            answers.add("outbox", bucket_id, seq)
        else:
            answers.add_result("outbox", bucket_id, seq=seq, result=result)

    heard: list[Acknowledgement] = []
    for message in answers.iter_messages(RULES):
        heard += parse_acknowledgements(message.payload).items

    results = [(each.bucket_id, each.seq, each.result) for each in heard if each.has_result]
    assert results == [each for each in handled if each[2] is not None]
    for bucket_id in ("a", "b"):
        numbers = [seq for each, seq, _ in handled if each == bucket_id]
        assert max((each.seq for each in heard if each.bucket_id == BucketId(bucket_id)), default=-1) == max(
            numbers, default=-1
        )
