"""Topics: buckets as levels, what a topic asks for, filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.errors import BadInput, InvalidBucketId, InvalidTopic
from pulseline_core.topic import (
    DEFAULT_ROOT,
    MAX_TOPIC_BYTES,
    BucketTopic,
    Kind,
    build_topic,
    check_topic_filter,
    check_topic_name,
    decode_level,
    encode_level,
    is_match,
    parse_topic,
)
from pulseline_core.types import BucketId

bucket_ids = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], min_codepoint=0x20, exclude_characters="\x7f"),
    min_size=1,
    max_size=64,
)
levels = st.text(alphabet="ab$ ", max_size=2)
topics = st.lists(levels, min_size=1, max_size=4).map("/".join).filter(bool)


@pytest.mark.parametrize(
    ("bucket_id", "level"),
    [
        pytest.param("plug", "plug", id="plain"),
        pytest.param("aw-watcher-window_host", "aw-watcher-window_host", id="dash and underscore"),
        pytest.param("host.local", "host%2Elocal", id="point"),
        pytest.param("_private", "%5Fprivate", id="leading underscore"),
        pytest.param("a/b+c#d", "a%2Fb%2Bc%23d", id="MQTT's own characters"),
        pytest.param("100%", "100%25", id="percent"),
        pytest.param("ä", "%C3%A4", id="two bytes"),
        pytest.param("$SYS", "%24SYS", id="dollar"),
    ],
)
def test_levels_are_percent_encoded(bucket_id: str, level: str) -> None:
    """Every byte outside the plain ones is a code, in capitals."""
    assert encode_level(bucket_id) == level
    assert decode_level(level) == bucket_id


@given(bucket_id=bucket_ids)
def test_bucket_ids_round_trip_through_levels(bucket_id: str) -> None:
    """Any id can be a level, and only a plain one looks like itself."""
    level = encode_level(bucket_id)

    assert decode_level(level) == bucket_id
    check_topic_name(level)
    assert not set(level) & set("/+#$.")


@given(bucket_id=bucket_ids, kind=st.sampled_from(Kind))
def test_topics_round_trip(bucket_id: str, kind: Kind) -> None:
    """A topic that is built is read back."""
    topic = build_topic(DEFAULT_ROOT, bucket_id, kind)

    assert parse_topic(topic, root=DEFAULT_ROOT) == BucketTopic(BucketId(bucket_id), kind)


@pytest.mark.parametrize(
    ("level", "bucket_id"),
    [
        pytest.param("host.local", "host.local", id="point"),
        pytest.param("living room", "living room", id="space"),
        pytest.param("Küche", "Küche", id="other letters"),
        pytest.param("100%", "100%", id="percent without digits"),
        pytest.param("%zz", "%zz", id="percent with letters"),
        pytest.param("%c3%a4", "ä", id="small codes"),
    ],
)
def test_a_level_that_arrives_unencoded_is_taken_as_it_is(level: str, bucket_id: str) -> None:
    """Devices write plain names."""
    assert decode_level(level) == bucket_id


@pytest.mark.parametrize(
    ("level", "error"),
    [
        pytest.param("_ack", InvalidTopic, id="one of ours"),
        pytest.param("%FF", InvalidTopic, id="codes that are not UTF-8"),
        pytest.param("%ED%A0%80", InvalidTopic, id="codes of a surrogate"),
        pytest.param("", InvalidBucketId, id="empty"),
        pytest.param("%00", InvalidBucketId, id="code of NUL"),
        pytest.param("x" * 257, InvalidBucketId, id="too long"),
    ],
)
def test_a_level_that_is_no_bucket_is_refused(level: str, error: type[BadInput]) -> None:
    """Before and after decoding."""
    with pytest.raises(error):
        decode_level(level)


@pytest.mark.parametrize(
    "topic",
    [
        pytest.param("other/v1/plug/heartbeat", id="another root"),
        pytest.param("pulseline/v1", id="the root alone"),
        pytest.param("pulseline/v1/plug", id="no kind"),
        pytest.param("pulseline/v1/plug/", id="an empty kind"),
        pytest.param("pulseline/v1/plug/heartbeat/", id="a level too many"),
        pytest.param("pulseline/v1/plug/heartbeat/x", id="two kinds"),
        pytest.param("pulseline/v1/plug/HEARTBEAT", id="capitals"),
        pytest.param("pulseline/v1/plug/pulse", id="an unknown kind"),
        pytest.param("pulseline/v1/_status/main", id="one of ours"),
        pytest.param("pulseline/v11/plug/heartbeat", id="a longer root"),
    ],
)
def test_a_topic_of_another_form_is_refused(topic: str) -> None:
    """The error holds the topic or its level."""
    with pytest.raises(InvalidTopic):
        parse_topic(topic, root=DEFAULT_ROOT)


def test_an_empty_bucket_level_is_refused() -> None:
    """There is no bucket without a name."""
    with pytest.raises(InvalidBucketId):
        parse_topic("pulseline/v1//heartbeat", root=DEFAULT_ROOT)


@pytest.mark.parametrize("topic", ["a", "/", "a//b", " ", "$SYS/broker", "ä/ö", "x" * MAX_TOPIC_BYTES])
def test_check_topic_name_takes_what_mqtt_allows(topic: str) -> None:
    """Empty levels and spaces are legal (MQTT 3.1.1 section 4.7.3)."""
    check_topic_name(topic)


@pytest.mark.parametrize(
    "topic", ["", "a\0", "a/+/b", "#", "a+", "\ud800", "x" * (MAX_TOPIC_BYTES + 1)], ids=lambda topic: repr(topic[:8])
)
def test_check_topic_name_refuses_what_mqtt_forbids(topic: str) -> None:
    """Wildcards, NUL, surrogates, nothing, too much."""
    with pytest.raises(InvalidTopic):
        check_topic_name(topic)


@pytest.mark.parametrize("topic_filter", ["#", "+", "a/#", "+/+", "/+", "+/#", "a/+/b", "$SYS/#", "a"])
def test_check_topic_filter_takes_wildcards_in_their_places(topic_filter: str) -> None:
    """The examples of MQTT 3.1.1 section 4.7.1."""
    check_topic_filter(topic_filter)


@pytest.mark.parametrize("topic_filter", ["", "a#", "a/#/b", "a+", "+a/b", "a/b+", "##", "#/a", "++", "a\0/#"])
def test_check_topic_filter_refuses_wildcards_elsewhere(topic_filter: str) -> None:
    """A wildcard is a whole level, and '#' the last."""
    with pytest.raises(InvalidTopic):
        check_topic_filter(topic_filter)


@pytest.mark.parametrize(
    ("topic", "topic_filter", "expected"),
    [
        ("sport/tennis/player1", "sport/tennis/player1/#", True),
        ("sport/tennis/player1/ranking", "sport/tennis/player1/#", True),
        ("sport/tennis/player1/score/wimbledon", "sport/tennis/player1/#", True),
        ("sport", "sport/#", True),
        ("sport/tennis/player1", "sport/tennis/+", True),
        ("sport/tennis/player1/ranking", "sport/tennis/+", False),
        ("sport", "sport/+", False),
        ("sport/", "sport/+", True),
        ("/finance", "+/+", True),
        ("/finance", "/+", True),
        ("/finance", "+", False),
        ("$SYS/monitor/Clients", "#", False),
        ("$SYS/monitor/Clients", "+/monitor/Clients", False),
        ("$SYS/", "$SYS/#", True),
        ("$SYS/monitor/Clients", "$SYS/monitor/+", True),
        ("ACCOUNTS", "Accounts", False),
        ("a/b", "a", False),
        ("a", "a/b", False),
        ("a/b", "+/b", True),
        ("a//b", "a/+/b", True),
        ("a/$b", "a/+", True),
    ],
)
def test_is_match_follows_the_specification(topic: str, topic_filter: str, expected: bool) -> None:
    """The examples of MQTT 3.1.1 section 4.7, and their neighbours."""
    assert is_match(topic, topic_filter) is expected


@given(topic=topics)
def test_a_topic_matches_itself_and_nearly_everything_matches_hash(topic: str) -> None:
    """Only topics that begin with '$' keep out of '#'."""
    assert is_match(topic, topic)
    assert is_match(topic, "#") is not topic.startswith("$")


@given(topic=topics, data=st.data())
def test_a_plus_stands_for_any_one_level(topic: str, data: st.DataObject) -> None:
    """Any level but one that begins with '$' at the front."""
    parts = topic.split("/")
    place = data.draw(st.integers(0, len(parts) - 1))
    topic_filter = "/".join("+" if index == place else part for index, part in enumerate(parts))

    assert is_match(topic, topic_filter) is not (topic.startswith("$") and place == 0)
