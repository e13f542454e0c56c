"""One connection to an external broker, from the attempt to the loss; the one module that knows paho here.

Theory of operation. Each attempt makes a fresh paho client, which runs without a thread of its own, on the thread that
calls. The session lives at the broker: what was not acknowledged there when the connection ends comes again over the
next one, so a connection that is gone is forgotten with all that belongs to it::

    open     TCP, TLS, CONNECT         read ──> CONNACK ──> SUBSCRIBE ──> SUBACK: ``is_ready``
    read     packets of the buffer ──paho──> ``_on_publish`` notes a Received ──> the caller
    acknowledge   PUBACKs of a group, in the order of receipt, as one write

The callbacks only note what happened; an exception in one is a bug, and comes out of ``read``. How many messages are
unacknowledged is bounded by the broker, by the receive maximum (MQTT 5) or its own limit (3.1.1); how many are noted
here, by ``read``'s own bound. How long one may be is not said to the broker: it would drop a longer one as if that had
been delivered (MQTT 5 section 3.1.2.11.4), and there would be no dead letter. What is too long to be held is taken
without its end, and becomes one.

Two things are done past paho, since it would take longer for them than the worker for all the rest: PUBLISH packets are
read by ``publish_packet``, out of the buffer where they are there as a whole, and the PUBACKs of a group go into the
socket's buffer as they are. The latter is safe, as the buffer takes each packet of paho's as a whole. They go by names
that are paho's own affair: the server's requirements hold it to one minor version, and a test fails when a new one does
not call us any more.
"""

from __future__ import annotations

import logging
import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from pulseline_core.errors import BrokerUnavailable, ConfigError
from pulseline_core.tls import describe_certificate
from pulseline_ingest.buffered_socket import BufferedSocket
from pulseline_ingest.login import (
    BrokerRefused,
    ConnectionClosed,
    ConnectionEnded,
    Level,
    LevelRefused,
    Login,
    SessionMissing,
    WorkerReplaced,
)
from pulseline_ingest.publish_packet import MalformedPublish, PublishPacket, decode_publish
from pulseline_ingest.source import Outgoing, Received

logger = logging.getLogger(__name__)

#: A silent connection is noticed after at most twice this.
_KEEPALIVE_S: Final = 30

#: For TCP and TLS, and again for CONNACK and SUBACK; a stop has to wait for it.
CONNECT_TIMEOUT_S: Final = 3.0

#: How often paho looks after its keepalive.
_HOUSEKEEPING_S: Final = 5.0

#: A broker that does not read what we write is written no more; acknowledgements are sent again when they are missed.
_MAX_OUTGOING_BYTES: Final = 4 * 1024 * 1024

#: MQTT 5 section 3.3: what a packet has around topic and payload, at most.
_PUBLISH_FRAME_BYTES: Final = 10

#: MQTT 3.1.1 section 2.2.3: the most that a length can say; MQTT 5 lets a broker say less.
_MAX_PACKET_BYTES: Final = 268_435_455

#: Payloads of one group: a few of the largest messages, or tens of thousands of small ones.
_MAX_RECEIVED_BYTES: Final = 4 * 1024 * 1024

#: MQTT 3.1.1 section 3.4, and MQTT 5 section 3.4.2.1: without a reason it is a success.
_PUBACK: Final = struct.Struct(">BBH")
_PUBACK_HEADER: Final = (0x40, 2)

#: MQTT 3.1.1 section 2.2.1.
_PUBLISH: Final = 3

#: Answers to CONNECT that only another set-up helps against.
_REFUSALS: Final = frozenset(
    {
        "Bad user name or password",
        "Not authorized",
        "Client identifier not valid",
        "Banned",
        "Bad authentication method",
    }
)


class Connection:
    """Used by one thread. Call ``open`` once, then the rest; after an error only ``close``."""

    def __init__(self, login: Login, level: Level, *, keeps_subscriptions: bool) -> None:
        """Store what to do.

        Args:
            login: where and as whom.
            level: the protocol's version.
            keeps_subscriptions: whether a session that the broker still has knows our topics: subscribing again would
                have all retained messages sent again.
        """
        self.is_ready = False
        self._login = login
        self._is_admitted = False
        self._keeps_subscriptions = keeps_subscriptions
        self._received: list[Received] = []
        self._received_bytes = 0
        self._problem: BrokerUnavailable | ConfigError | None = None
        self._socket: BufferedSocket | None = None
        self._max_packet_bytes = _MAX_PACKET_BYTES
        self._deadline = 0.0
        self._housekeeping_at = 0.0
        self._client = _Client(login, level)
        self._topic_filters = login.topic_filters
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.take_publish = self._on_publish
        self._client.on_disconnect = self._on_disconnect

    def open(self) -> None:
        """Connect; ``read`` takes what the broker says to it.

        Raises:
            BrokerUnavailable: it can not be reached, or is not the one that it should be.
        """
        login = self._login
        try:
            self._client.connect(login.host, login.port, _KEEPALIVE_S, **self._client.connect_options)
        except ssl.SSLCertVerificationError as error:
            raise BrokerRefused(login.host, login.port, describe_certificate(error)) from error
        except (OSError, ValueError) as error:  # ValueError: a host name that can not exist
            raise self._build_error(str(error) or type(error).__name__) from error
        self._socket = self._client.buffer
        self._deadline = monotonic() + CONNECT_TIMEOUT_S
        self._flush()

    def fileno(self) -> int:
        """Return what to wait on."""
        assert self._socket is not None, "only after open"
        return self._socket.fileno()

    @property
    def has_incoming(self) -> bool:
        """Whether ``read`` would find something without waiting."""
        return self._socket is not None and self._socket.has_incoming

    @property
    def has_outgoing(self) -> bool:
        """Whether something waits for room in the socket."""
        return self._socket is not None and self._socket.outgoing_bytes > 0

    def read(self, max_messages: int) -> list[Received]:
        """Return up to so many of the messages that have come in; never blocks.

        Raises:
            BrokerUnavailable: the connection is lost; what was not returned comes again.
            SessionMissing: the broker had none, and one is needed.
            WorkerReplaced: another process has taken the session over.
        """
        buffer = self._socket
        assert buffer is not None, "only after open"
        try:
            while self._has_room(max_messages) and (buffer.has_incoming or buffer.fill()):
                if not self._client.take_whole_publish():
                    self._client.loop_read()
                    self._check()
        except OSError as error:
            raise self._build_error(str(error)) from error
        self._flush()
        self._keep_alive()
        self._check()
        received, self._received = self._received, []
        self._received_bytes = 0
        return received

    def _has_room(self, max_messages: int) -> bool:
        return len(self._received) < max_messages and self._received_bytes < _MAX_RECEIVED_BYTES

    def acknowledge(self, messages: Sequence[Received]) -> None:
        """Let the broker forget messages of this connection, in the order of receipt; an error shows at ``read``."""
        if self._socket is None:
            return
        packets = [_PUBACK.pack(*_PUBACK_HEADER, message.ticket) for message in messages if message.ticket]
        self._socket.send(b"".join(packets))
        self._flush()

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Send messages out; what the broker has no room for is dropped. An error shows at ``read``."""
        for message in messages:
            if self._socket is None or self._socket.outgoing_bytes > _MAX_OUTGOING_BYTES:
                return
            if _measure(message) > self._max_packet_bytes:  # it would end the connection
                logger.warning(
                    "the broker takes no message of %d bytes", len(message.payload), extra={"action": "message_dropped"}
                )
                continue
            self._client.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)
        self._flush()

    def close(self) -> None:
        """Say goodbye if the broker still listens, and let go of the socket."""
        self._client.disconnect()
        if self._socket is not None:
            self._socket.close()

    def _flush(self) -> None:
        if self._socket is None:
            return
        if self._client.want_write():
            self._client.loop_write()  # into the buffer: what a callback asked for
        try:
            self._socket.flush()
        except OSError as error:
            self._note_problem(self._build_error(str(error)))

    def _keep_alive(self) -> None:
        now = monotonic()
        if now >= self._housekeeping_at:
            self._housekeeping_at = now + _HOUSEKEEPING_S
            self._client.loop_misc()
            self._flush()
        if not self.is_ready and now >= self._deadline:
            self._note_problem(self._build_silence())

    def _check(self) -> None:
        if self._problem is None and self._client.socket() is None:
            self._problem = ConnectionClosed(self._login.host, self._login.port)
        if self._problem is not None:
            raise self._problem

    def _note_problem(self, problem: BrokerUnavailable | ConfigError) -> None:
        """Keep the first one: what follows from it tells less."""
        self._problem = self._problem or problem

    def _build_error(self, reason: str) -> BrokerUnavailable:
        return BrokerUnavailable(self._login.host, self._login.port, reason, hint="")

    def _build_silence(self) -> BrokerUnavailable:
        """Return the error for an answer that did not come."""
        if self._is_admitted:
            return self._build_error("it lets us in but does not answer")
        return LevelRefused(self._login.host, self._login.port, "it accepts the connection but does not answer")

    def _build_refusal(self, name: str) -> BrokerUnavailable:
        """Return the error for an answer to CONNECT."""
        host, port = self._login.host, self._login.port
        if name == "Unsupported protocol version":
            return LevelRefused(host, port, name.lower())
        return BrokerRefused(host, port, name.lower()) if name in _REFUSALS else self._build_error(name.lower())

    # paho calls these from within its loop, on the thread that called us.

    def _on_connect(self, _client: Any, _userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        name = code.getName()
        if code.is_failure:
            self._note_problem(self._build_refusal(name))
            return
        self._is_admitted = True
        self._max_packet_bytes = getattr(properties, "MaximumPacketSize", _MAX_PACKET_BYTES)
        if self._login.needs_session and not flags.session_present:
            self._note_problem(SessionMissing(self._login.host, self._login.port))
        elif flags.session_present and self._keeps_subscriptions:
            self.is_ready = True
        else:
            self._client.subscribe_all(self._topic_filters)

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        if len(codes) != len(self._topic_filters):
            reason = f"its answer is for {len(codes)} topics, not for the {len(self._topic_filters)} that we asked for"
            self._note_problem(self._build_error(reason))
            return
        refused = [
            topic_filter for topic_filter, code in zip(self._topic_filters, codes, strict=True) if code.is_failure
        ]
        if refused:
            reason = f"we may not subscribe to {refused[0]!r}"
            self._note_problem(BrokerRefused(self._login.host, self._login.port, reason))
        self.is_ready = not refused

    def _on_publish(self, packet: PublishPacket) -> None:
        self._received_bytes += len(packet.payload)
        self._received.append(
            Received(
                topic=self._login.share.restore(packet.topic),
                payload=packet.payload,
                received_at=datetime.now(UTC),
                client_id=None,
                ticket=packet.packet_id,
                connection=self,
                is_replay=packet.is_retained,
                dropped_bytes=packet.dropped_bytes,
            )
        )

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        name = code.getName()
        if name == "Session taken over":
            self._note_problem(WorkerReplaced(self._login.client_id))
        elif not self._is_admitted:
            self._note_problem(LevelRefused(self._login.host, self._login.port, "it closed the connection"))
        elif name == "Unspecified error":  # paho does not know either
            self._note_problem(ConnectionClosed(self._login.host, self._login.port))
        else:
            self._note_problem(ConnectionEnded(self._login.host, self._login.port, name.lower()))


def _measure(message: Outgoing) -> int:
    """Return the bytes of a message's packet, at most."""
    return _PUBLISH_FRAME_BYTES + len(message.topic.encode()) + len(message.payload)


class _Client(paho.Client):
    """paho's client with a socket that is buffered, and the differences between the versions of the protocol.

    Attributes:
        buffer: the socket, once there is one.
        take_publish: called with each message that comes in.
        connect_options: what else ``connect`` takes.
    """

    def __init__(self, login: Login, level: Level) -> None:
        self._login = login
        self._is_5 = level is Level.MQTT_5
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=login.client_id,
            clean_session=None if self._is_5 else False,
            protocol=paho.MQTTv5 if self._is_5 else paho.MQTTv311,
            manual_ack=True,
        )
        self.buffer: BufferedSocket | None = None
        self.take_publish: Callable[[PublishPacket], object] = bool
        self.max_inflight_messages_set(0)  # no limit of paho's: we publish little at QoS 1
        self.will_set(login.will.topic, login.will.payload, qos=login.will.qos, retain=login.will.retain)
        if login.username:
            self.username_pw_set(login.username, login.password)
        self.connect_options: dict[str, Any] = {}
        if self._is_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
            properties.SessionExpiryInterval = login.session_expiry_s
            properties.ReceiveMaximum = login.receive_maximum
            self.connect_options = {"clean_start": False, "properties": properties}

    def _create_socket(self) -> Any:
        """Return the socket; paho calls this, and has variants of its own for proxies and websockets."""
        login = self._login
        inner = socket.create_connection((login.host, login.port), timeout=CONNECT_TIMEOUT_S)
        inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if login.tls is not None:
            inner = login.tls.wrap_socket(inner, server_hostname=login.host)  # closes it when that fails
        self.buffer = BufferedSocket(inner, max_packet_bytes=login.max_packet_bytes)
        return self.buffer

    def take_whole_publish(self) -> bool:
        """Take a packet that is in the buffer as a whole, and return whether there is one; else it is paho's turn."""
        packet = None if self._in_packet["command"] or self.buffer is None else self.buffer.take_packet(_PUBLISH)
        if packet is None:
            return False
        result = self._take_publish(*packet)
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._loop_rc_handle(result)  # which ends the connection
            return False
        return True

    def _handle_publish(self) -> MQTTErrorCode:
        """Take a packet; paho calls this, and would build a message with all that MQTT 5 knows."""
        return self._take_publish(self._in_packet["command"], bytes(self._in_packet["packet"]))

    def _take_publish(self, command: int, body: bytes, dropped_bytes: int = 0) -> MQTTErrorCode:
        try:
            self.take_publish(decode_publish(command, body, dropped_bytes, has_properties=self._is_5))
        except MalformedPublish:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def subscribe_all(self, topic_filters: Sequence[str]) -> None:
        """Ask for the topics at QoS 1; with MQTT 5 for what is retained only with a new subscription."""
        if self._is_5:
            options = SubscribeOptions(qos=1, noLocal=False, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            self.subscribe([(topic_filter, options) for topic_filter in topic_filters])
        else:
            self.subscribe([(topic_filter, 1) for topic_filter in topic_filters])
