"""A socket that reads and writes in large pieces."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pulseline_ingest.buffered_socket import BufferedSocket

Pair = tuple[BufferedSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give the test a buffered socket that does not block, and the other end."""
    inner, other = socket.socketpair()
    inner.setblocking(False)
    buffered = BufferedSocket(inner, max_packet_bytes=8)
    yield buffered, other
    buffered.close()
    other.close()


def test_bytes_come_out_as_they_are_asked_for(pair: Pair) -> None:
    """Out of the buffer alone: what it does not hold yet has to be filled in."""
    buffered, other = pair
    other.sendall(b"abc")

    with pytest.raises(BlockingIOError):
        buffered.recv(1)
    assert buffered.fill()
    assert [buffered.recv(1), buffered.recv(9)] == [b"a", b"bc"]
    assert not buffered.has_incoming
    assert not buffered.fill()


def test_what_is_left_stands_before_what_comes_later(pair: Pair) -> None:
    """Half of a packet waits for its other half."""
    buffered, other = pair
    other.sendall(b"abc")
    buffered.fill()
    buffered.recv(1)

    other.sendall(b"de")
    buffered.fill()

    assert buffered.recv(9) == b"bcde"


def test_end_is_an_empty_read_after_all_the_rest(pair: Pair) -> None:
    """As from any socket."""
    buffered, other = pair
    other.sendall(b"abc")
    other.close()

    buffered.fill()
    first = buffered.recv(9)
    buffered.fill()

    assert [first, buffered.recv(9)] == [b"abc", b""]


def test_packet_is_taken_when_all_of_it_is_here(pair: Pair) -> None:
    """If it is of the kind that is asked for; what follows it stays."""
    buffered, other = pair
    other.sendall(b"\x32\x03ab")
    buffered.fill()
    early = buffered.take_packet(3)
    other.sendall(b"c\xd0\x00\x30\x80")
    buffered.fill()

    assert (early, buffered.take_packet(13), buffered.take_packet(3)) == (None, None, (0x32, b"abc", 0))
    assert buffered.take_packet(3) is None
    assert buffered.take_packet(13) == (0xD0, b"", 0)


def test_packet_whose_length_is_not_here_yet_is_nobody_s(pair: Pair) -> None:
    """It may turn out to be too long; at the end there is no more to wait for."""
    buffered, other = pair
    other.sendall(b"\x30\x80")
    buffered.fill()

    assert buffered.take_packet(3) is None
    assert not buffered.has_incoming
    with pytest.raises(BlockingIOError):
        buffered.recv(1)
    other.close()
    buffered.fill()
    assert buffered.take_packet(3) is None
    assert [buffered.recv(9), buffered.recv(9)] == [b"\x30\x80", b""]


@pytest.mark.parametrize("cut", range(1, 15))
def test_packet_that_is_too_long_is_taken_without_its_end(pair: Pair, cut: int) -> None:
    """However it comes in; nothing of it is handed out before all of it is here, and what follows it stays."""
    buffered, other = pair
    long, next_one = b"\x32\x0cabcdefghijkl", b"\xd0\x00"

    other.sendall(long[:cut])
    buffered.fill()
    early = buffered.take_packet(3)
    if cut < len(long):
        assert early is None
        assert not buffered.has_incoming
        with pytest.raises(BlockingIOError):
            buffered.recv(1)
    other.sendall(long[cut:] + next_one)
    buffered.fill()

    assert (early or buffered.take_packet(3)) == (0x32, b"abcdefgh", 4)
    assert buffered.take_packet(13) == (0xD0, b"", 0)


def test_what_there_is_no_room_for_waits(pair: Pair) -> None:
    """All of it is taken at once and sent in order."""
    buffered, other = pair
    size = 8 * 1024 * 1024

    assert buffered.send(b"x" * size) == size
    buffered.flush()
    waiting = buffered.outgoing_bytes
    read = 0
    while read < size:
        read += len(other.recv(1_000_000))
        buffered.flush()

    assert 0 < waiting < size
    assert buffered.outgoing_bytes == 0


def test_last_bytes_are_sent_at_the_end(pair: Pair) -> None:
    """The goodbye, say."""
    buffered, other = pair
    buffered.send(b"goodbye")

    buffered.close()

    assert other.recv(100) == b"goodbye"
