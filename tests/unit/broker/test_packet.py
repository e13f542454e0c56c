"""Packets: what clients send is read as they meant it, however it is cut; what MQTT forbids is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_broker.packet import (
    ConnectCode,
    Framer,
    MalformedPacket,
    Packet,
    PacketType,
    UnsupportedVersion,
    build_acknowledgement,
    build_connack,
    build_publish,
    build_suback,
    decode_text,
    parse_connect,
    parse_packet_id,
    parse_subscribe,
    parse_unsubscribe,
    split_publish,
)

TOPICS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=50)


def frame(data: bytes, *, max_packet_bytes: int = 1_000_000) -> list[Packet]:
    """Cut bytes that come at once."""
    framer = Framer(max_packet_bytes=max_packet_bytes)
    framer.feed(data)
    return list(iter(framer.take, None))


@given(
    topic=TOPICS,
    payload=st.binary(max_size=20_000),
    qos=st.integers(0, 2),
    packet_id=st.integers(1, 65_535),
    retain=st.booleans(),
)
def test_publish_is_read_as_it_was_built(topic: str, payload: bytes, qos: int, packet_id: int, retain: bool) -> None:
    """Topic, packet id, payload and flags survive the way through bytes."""
    data = build_publish(topic.encode(), payload, packet_id=packet_id, flags=qos << 1 | retain)

    (packet,) = frame(data)

    assert packet.first == 0x30 | qos << 1 | retain
    assert split_publish(packet) == (topic.encode(), packet_id if qos else 0, payload)


@given(payloads=st.lists(st.binary(max_size=300), max_size=8), cuts=st.lists(st.integers(0, 3_000), max_size=20))
def test_cuts_do_not_matter(payloads: list[bytes], cuts: list[int]) -> None:
    """The same packets come out, wherever the stream is cut into chunks."""
    data = b"".join(build_publish(b"a", payload) for payload in payloads)
    framer, packets = Framer(max_packet_bytes=1_000), []
    edges = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})

    for start, end in itertools.pairwise(edges):
        framer.feed(data[start:end])
        packets += list(iter(framer.take, None))

    assert [split_publish(packet)[2] for packet in packets] == payloads


@given(data=st.binary(max_size=300))
def test_any_bytes_are_cut_or_refused(data: bytes) -> None:
    """No bytes make anything but packets or ``MalformedPacket``."""
    try:
        packets = frame(data, max_packet_bytes=200)
    except MalformedPacket:
        return
    assert sum(2 + len(packet.body) for packet in packets) <= len(data)


@given(body=st.binary(max_size=120))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """Whatever a body holds, its reader returns or refuses it."""
    for read in (parse_connect, parse_packet_id, parse_subscribe, parse_unsubscribe):
        try:
            read(body)
        except (MalformedPacket, UnsupportedVersion):
            continue
    for first in (0x30, 0x32):
        try:
            split_publish(Packet(first, body))
        except MalformedPacket:
            continue


@pytest.mark.parametrize("size", [127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_remaining_length_at_its_edges(size: int) -> None:
    """The length takes one byte more at each power of 128 (MQTT 3.1.1 section 2.2.3)."""
    (packet,) = frame(build_publish(b"a", b"x" * (size - 3)), max_packet_bytes=3_000_000)

    assert len(packet.body) == size


def test_size_is_judged_without_the_body() -> None:
    """A packet over the limit is refused as soon as its length is read."""
    with pytest.raises(MalformedPacket, match="the limit is 100"):
        frame(b"\x30\xff\x01", max_packet_bytes=100)


def test_connect_is_read_whole() -> None:
    """Flags, keep-alive, will and credentials; the password is bytes."""
    body = b"\x00\x04MQTT\x04\xee\x00\x1e\x00\x02id\x00\x01t\x00\x01m\x00\x01u\x00\x02\xff\xfe"

    connect = parse_connect(body)

    assert (connect.client_id, connect.clean_session, connect.keep_alive_s) == ("id", True, 30)
    assert (connect.username, connect.password) == ("u", b"\xff\xfe")
    assert connect.will is not None
    assert (connect.will.topic, connect.will.payload, connect.will.qos, connect.will.retain) == ("t", b"m", 1, True)


@pytest.mark.parametrize("level", [3, 5, 6, 0, 255])
def test_other_versions_are_told_apart(level: int) -> None:
    """The level is known before anything that another version writes differently is read."""
    with pytest.raises(UnsupportedVersion) as caught:
        parse_connect(b"\x00\x04MQTT" + bytes((level,)) + b"anything")

    assert caught.value.level == level


@pytest.mark.parametrize("raw", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"a\0b", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_text_that_is_no_utf_8_is_refused(raw: bytes) -> None:
    """Strict UTF-8 without NUL and surrogates (MQTT 3.1.1 section 1.5.3)."""
    with pytest.raises(MalformedPacket):
        decode_text(raw)


def test_answers_have_their_bytes() -> None:
    """CONNACK, SUBACK and the others as the standard draws them."""
    assert build_connack(ConnectCode.ACCEPTED, session_present=True) == b"\x20\x02\x01\x00"
    assert build_connack(ConnectCode.UNAVAILABLE, session_present=True) == b"\x20\x02\x00\x03"
    assert build_suback(258, [0, 2, 0x80]) == b"\x90\x05\x01\x02\x00\x02\x80"
    assert build_acknowledgement(PacketType.PUBREL, 258) == b"\x62\x02\x01\x02"
