"""One connection of a probe, which shows what arrives as it arrives; used by one thread.

Theory of operation. There is no thread and no callback: a method sends, and reads until what it waits for is there or
its time is over. Whatever else arrives meanwhile is kept in order: messages in ``inbox`` when they lie within the
link's area or were subscribed to, else in ``strays``, since there are brokers that send what nobody asked for. Messages
of QoS 1 are acknowledged as they are read, unless the link ``withholds`` that.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from time import monotonic
from typing import Final, Self

from pulseline_client.connection import BrokerAddress
from pulseline_client.doctor import packets
from pulseline_client.doctor.packets import Connack, Connect, Delivered, Kind, Packet
from pulseline_core.errors import Unavailable
from pulseline_core.tls import describe_certificate
from pulseline_core.topic import is_match

#: How long the broker may take to answer a packet.
REPLY_TIMEOUT_S: Final = 10.0

#: Silence after which nothing more is expected to arrive by itself.
QUIET_S: Final = 0.7

#: Publishes that are sent before their acknowledgements are read; fewer than any broker's limit of its own.
_WINDOW: Final = 100

_READ_BYTES: Final = 65_536

#: MQTT 3.1.1 section 3.2.2.3.
_REFUSALS: Final = {
    1: "unacceptable protocol version",
    2: "identifier rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorized",
}


class LinkLost(Unavailable):
    """The connection ended, or the broker did not answer in time."""


class LinkSilent(LinkLost):
    """The broker takes the connection and says nothing."""


class CertificateRefused(LinkLost):
    """The broker's certificate does not say that it is the one that is meant."""


class LinkRefused(LinkLost):
    """The broker does not let us in.

    Attributes:
        code: of the CONNACK.
        reason: the same in words.
    """

    def __init__(self, code: int) -> None:
        self.reason = _REFUSALS.get(code, f"reason 0x{code:02x}")
        super().__init__(f"the broker refuses the connection: {self.reason}")
        self.code = code


class Link:
    """A connection that the broker let in.

    Attributes:
        connack: the broker's answer.
        inbox: messages that were to come, in order of arrival; the user takes them out.
        strays: messages of other topics.
        withholds: whether messages are not acknowledged.
    """

    def __init__(self, connection: socket.socket, ask: Connect, *, area: str, withholds: bool = False) -> None:
        """Store a connected socket; ``open_link`` makes it a link."""
        self.connack = Connack(code=0, session_present=False, properties={})
        self.inbox: list[Delivered] = []
        self.strays: list[Delivered] = []
        self.withholds = withholds
        self._socket = connection
        self._level = ask.level
        self._area = area
        self._filters: list[str] = []
        self._data = bytearray()
        self._packet_ids = count(1)
        self._reasons: dict[int, int] = {}
        self._suback: int | None = None
        self._pongs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def greet(self, ask: Connect) -> None:
        """Send CONNECT and wait for the answer.

        Raises:
            LinkRefused: the answer is no.
            LinkLost: it is another one, or there is none (``LinkSilent``).
        """
        self._send(packets.build_connect(ask))
        packet = self._read(monotonic() + REPLY_TIMEOUT_S)
        if packet is None:
            raise LinkSilent("the broker takes the connection but does not answer CONNECT")
        if packet.kind != Kind.CONNACK:
            raise LinkLost(f"the broker answers CONNECT with a packet of type 0x{packet.kind:02x}")
        self.connack = packets.parse_connack(packet.body)
        if self.connack.code:
            raise LinkRefused(self.connack.code)

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """Publish with QoS 1, and return the reason of the acknowledgement: 0 is yes, as is all of MQTT 3.1.1."""
        packet_id = self._take_packet_id()
        self._send(packets.build_publish(topic, payload, packet_id=packet_id, retain=retain, level=self._level))
        if not self._await(lambda: packet_id in self._reasons, REPLY_TIMEOUT_S):
            raise LinkLost("the broker does not acknowledge a publish")
        return self._reasons.pop(packet_id)

    def publish_at_most_once(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 0."""
        self._send(packets.build_publish(topic, payload, level=self._level))

    def publish_all(self, topic: str, payloads: Sequence[bytes]) -> None:
        """Publish with QoS 1, many at once; return when all are acknowledged."""
        for start in range(0, len(payloads), _WINDOW):
            self._publish_group(topic, payloads[start : start + _WINDOW])

    def _publish_group(self, topic: str, payloads: Sequence[bytes]) -> None:
        numbered = {self._take_packet_id(): payload for payload in payloads}
        self._send(
            b"".join(
                packets.build_publish(topic, payload, packet_id=packet_id, level=self._level)
                for packet_id, payload in numbered.items()
            )
        )
        if not self._await(lambda: numbered.keys() <= self._reasons.keys(), REPLY_TIMEOUT_S):
            raise LinkLost("the broker does not acknowledge all publishes")
        self._reasons.clear()

    def subscribe(self, topic_filter: str, *, qos: int = 1) -> int:
        """Subscribe, and return the broker's code: the QoS granted, or a failure from 0x80 on."""
        self._suback = None
        self._filters.append(topic_filter)
        packet_id = self._take_packet_id()
        self._send(packets.build_subscribe(topic_filter, packet_id=packet_id, qos=qos, level=self._level))
        if not self._await(lambda: self._suback is not None, REPLY_TIMEOUT_S):
            raise LinkLost("the broker does not answer SUBSCRIBE")
        assert self._suback is not None
        return self._suback

    def receive(self, number: int, *, timeout_s: float) -> list[Delivered]:
        """Wait until so many messages are there, or the time is over, and take out what there is."""
        self._await(lambda: len(self.inbox) >= number, timeout_s)
        return self.take()

    def drain(self, *, timeout_s: float = 30.0) -> list[Delivered]:
        """Wait until nothing has arrived for a while, and take out what there is."""
        end = monotonic() + timeout_s
        while monotonic() < end and self._step(min(end, monotonic() + QUIET_S)):
            pass
        return self.take()

    def take(self) -> list[Delivered]:
        """Take out the messages that are there."""
        taken, self.inbox = self.inbox, []
        return taken

    def is_alive(self, *, timeout_s: float = 2.0) -> bool:
        """Return whether the broker answers a PING."""
        before = self._pongs
        try:
            self._send(packets.PINGREQ)
            return self._await(lambda: self._pongs > before, timeout_s)
        except LinkLost:
            return False

    def has_ended(self, *, timeout_s: float) -> bool:
        """Wait for the broker to end the connection; return whether it did."""
        try:
            self._await(lambda: False, timeout_s)
        except LinkLost:
            return True
        return False

    def leave(self) -> None:
        """Say goodbye, so that no will is published, and close; idempotent."""
        with suppress(OSError):
            self._socket.sendall(packets.DISCONNECT)
        self._socket.close()

    def crash(self) -> None:
        """Close without a word, as the kernel does for a process that is killed."""
        self._socket.close()

    def cut(self) -> None:
        """Have whoever reads find the end; any thread may call."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _take_packet_id(self) -> int:
        return next(self._packet_ids)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(REPLY_TIMEOUT_S)
            self._socket.sendall(data)
        except OSError as error:
            raise LinkLost(f"the connection was lost: {error}") from error

    def _await(self, is_over: Callable[[], bool], timeout_s: float) -> bool:
        """Read until something is the case; return whether it is."""
        end = monotonic() + timeout_s
        while not is_over():
            if not self._step(end):
                return is_over()
        return True

    def _step(self, deadline: float) -> bool:
        """Read one packet and do what it asks for; return whether there was one."""
        packet = self._read(deadline)
        if packet is None:
            return False
        match packet.kind:
            case Kind.PUBLISH:
                self._take_in(packets.parse_publish(packet, level=self._level))
            case Kind.PUBACK:
                packet_id, reason = packets.parse_acknowledgement(packet.body)
                self._reasons[packet_id] = reason
            case Kind.SUBACK:
                self._suback = packets.parse_suback(packet.body)
            case Kind.PINGRESP:
                self._pongs += 1
            case Kind.DISCONNECT:
                raise LinkLost("the broker says goodbye")
            case _:
                pass
        return True

    def _take_in(self, message: Delivered) -> None:
        (self.inbox if self._is_expected(message.topic) else self.strays).append(message)
        if message.qos and not self.withholds:
            self._send(packets.build_puback(message.packet_id))

    def _is_expected(self, topic: str) -> bool:
        return topic.startswith(self._area) or any(is_match(topic, each) for each in self._filters)

    def _read(self, deadline: float) -> Packet | None:
        """Return the next packet, or ``None`` when the time is over."""
        try:
            while (packet := packets.split_packet(self._data)) is None:
                left_s = deadline - monotonic()
                if left_s <= 0:
                    return None
                self._socket.settimeout(left_s)
                data = self._socket.recv(_READ_BYTES)
                if not data:
                    raise LinkLost("the broker closed the connection")
                self._data += data
        except TimeoutError:
            return None
        except OSError as error:
            raise LinkLost(f"the connection was lost: {error}") from error
        except packets.BadPacket as error:
            raise LinkLost(f"the broker sends what is no MQTT: {error}") from error
        return packet


def open_link(address: BrokerAddress, ask: Connect, *, area: str, withholds: bool = False) -> Link:
    """Connect and log in.

    Args:
        address: the broker; its user is added to what is asked for.
        ask: the session.
        area: the beginning of the topics whose messages go into the inbox.
        withholds: whether messages are not acknowledged, from the first one on.

    Raises:
        LinkRefused: the broker answers with a no.
        LinkLost: it can not be reached, or does not answer.
    """
    try:
        connection = socket.create_connection((address.host, address.port), REPLY_TIMEOUT_S)
    except (OSError, UnicodeError) as error:
        raise LinkLost(str(error)) from error
    ask = replace(ask, username=address.username, password=address.password)
    try:
        link = Link(_encrypt(connection, address), ask, area=area, withholds=withholds)
        link.greet(ask)
    except BaseException:
        connection.close()
        raise
    return link


def _encrypt(connection: socket.socket, address: BrokerAddress) -> socket.socket:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.tls is None:
        return connection
    try:
        return address.tls.wrap_socket(connection, server_hostname=address.host)
    except ssl.SSLCertVerificationError as error:
        raise CertificateRefused(describe_certificate(error)) from error
    except (OSError, ssl.SSLError) as error:
        raise LinkLost(f"no TLS: {error}") from error
