"""One MQTT connection, from the attempt to the loss; the one module that knows paho.

Theory of operation. Each attempt makes a fresh paho client: nothing of a lost connection (packet ids, queued
messages, half-read packets) is taken over, because the outbox knows what to send. paho runs without a thread of its
own, on the thread that calls ``open`` and ``wait``, which waits for the socket and for the waker together. So there is
no network thread that an exception in a callback could end in silence (paho 2.2.0), descriptors above 1023 are
fine, and a message goes from the outbox to the socket without a switch of threads.

The callbacks only note what happened; ``open`` and ``wait`` act on it. An exception in one of them is logged by paho
and counted as nothing worse than a message that was not understood.
"""

from __future__ import annotations

import selectors
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from pulseline_core.address import reach
from pulseline_core.errors import BrokerUnavailable, ExitCode
from pulseline_core.settings import MqttSettings
from pulseline_core.tls import CERTIFICATE_HINT, build_tls, describe_certificate
from pulseline_core.types import PublisherId
from pulseline_core.waker import Waker

#: A silent connection is noticed after at most twice this.
KEEPALIVE_S: Final = 30

#: For the TCP connection, and again for CONNACK and SUBACK.
CONNECT_TIMEOUT_S: Final = 5.0

#: How often paho looks after its keepalive; far less than the keepalive itself.
HOUSEKEEPING_S: Final = 5.0

#: Answers to CONNECT that are about who we are.
_LOGIN_REFUSALS: Final = frozenset({"Bad user name or password", "Not authorized"})

_LOGIN_HINT: Final = (
    "set PULSELINE_MQTT_USERNAME and PULSELINE_MQTT_PASSWORD, or username and password of [mqtt] in the settings file"
)

#: Answers to CONNECT that mean "later", not "no".
_PASSING: Final = frozenset({"Server unavailable", "Server busy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is, and who we are there; without ``tls`` the connection is not encrypted."""

    host: str
    port: int
    username: str = ""
    password: str = ""
    tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"BrokerAddress({self.host!r}, {self.port}, username={self.username!r})"

    @classmethod
    def of(cls, mqtt: MqttSettings) -> Self:
        """Return what the settings say; raise ``InvalidSetting`` when a file of theirs can not be used."""
        return cls(
            host=reach(mqtt.host),
            port=mqtt.port,
            username=mqtt.username,
            password=mqtt.password,
            tls=build_tls(mqtt),
        )


class ConnectionRefused(BrokerUnavailable):
    """The broker answers, and does not want us: no right to read our acknowledgements, say."""


class LoginRefused(ConnectionRefused):
    """The broker wants another user name or password, or one at all."""

    exit_code = ExitCode.NOT_PERMITTED

    def __str__(self) -> str:
        return f"the MQTT broker at {self.host}:{self.port} refuses the log-in: {self.reason}"


class Connection:
    """Used by one thread. Call ``open`` once, then ``publish`` and ``wait``; after an error only ``close``."""

    def __init__(
        self, address: BrokerAddress, *, publisher: PublisherId, ack_topic: str, waker: Waker, stop: threading.Event
    ) -> None:
        """Store where to connect to.

        Args:
            address: the broker.
            publisher: our MQTT client id.
            ack_topic: what to subscribe to.
            waker: what ends a ``wait`` early.
            stop: what ends an ``open`` early, when it is set and the waker woken.
        """
        self._address = address
        self._ack_topic = ack_topic
        self._waker = waker
        self._stop = stop
        self._received: list[bytes] = []
        self._connect_code: ReasonCode | None = None
        self._subscribe_code: ReasonCode | None = None
        self._loss = ""
        self._selector = selectors.DefaultSelector()
        self._socket: Any = None  # paho's own idea of a socket
        self._housekeeping_at = 0.0
        self._watched = selectors.EVENT_READ
        self._client = self._build_client(publisher)

    def _build_client(self, publisher: PublisherId) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=publisher, clean_session=True)
        client.suppress_exceptions = True
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(0)  # no limit of paho's: the delivery keeps the window
        if self._address.username:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls is not None:
            client.tls_set_context(self._address.tls)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def open(self) -> None:
        """Connect and subscribe; returns when acknowledgements will reach us.

        Raises:
            ConnectionRefused: the broker does not want us.
            BrokerUnavailable: it can not be reached, does not answer in time, or we are to stop.
        """
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=KEEPALIVE_S)
        except ssl.SSLCertVerificationError as error:
            reason = describe_certificate(error)
            raise BrokerUnavailable(self._address.host, self._address.port, reason, hint=CERTIFICATE_HINT) from error
        except (OSError, ValueError) as error:  # ValueError: a host name or port that can not exist
            raise self.build_error(str(error) or type(error).__name__) from error
        self._socket = self._client.socket()
        if self._socket is None:
            raise self.build_error("it closed the connection")
        self._selector.register(self._socket, self._watched)
        self._selector.register(self._waker, selectors.EVENT_READ)
        deadline = monotonic() + CONNECT_TIMEOUT_S
        self._await(lambda: self._connect_code, deadline, "the connection")
        self._client.subscribe(self._ack_topic, qos=0)
        self._await(lambda: self._subscribe_code, deadline, "reading our acknowledgements")

    def _await(self, get_code: Callable[[], ReasonCode | None], deadline: float, what: str) -> None:
        """Wait for the broker's answer, and raise unless it agrees."""
        while (code := get_code()) is None:
            left_s = deadline - monotonic()
            if left_s <= 0 or self._stop.is_set():
                raise self.build_error("it accepts the connection but does not answer")
            self._poll(left_s)
            if get_code() is None:
                self._check_lost()
        if code.getName() in _PASSING:
            raise self.build_error(code.getName().lower())
        if code.getName() in _LOGIN_REFUSALS:
            raise LoginRefused(self._address.host, self._address.port, code.getName().lower(), hint=_LOGIN_HINT)
        if code.is_failure:
            reason = f"it refuses {what}: {code.getName().lower()}"
            raise ConnectionRefused(self._address.host, self._address.port, reason)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Hand a message over with QoS 1; never blocks.

        Raises:
            BrokerUnavailable: the connection is lost.
        """
        published = self._client.publish(topic, payload, qos=1, retain=retain)
        if published.rc is not paho.MQTT_ERR_SUCCESS:
            self._check_lost()
            raise self.build_error(paho.error_string(published.rc))

    def wait(self, timeout_s: float) -> list[bytes]:
        """Wait until something arrives, the waker is woken or the time is over; return the payloads that arrived.

        Raises:
            BrokerUnavailable: the connection is lost.
        """
        self._poll(timeout_s)
        received, self._received = self._received, []
        if not received:
            self._check_lost()
        return received

    def close(self) -> None:
        """Say goodbye if the broker still listens, and let go of the socket."""
        self._client.disconnect()
        self._selector.close()
        if self._socket is not None:
            self._socket.close()

    def _poll(self, timeout_s: float) -> None:
        """Wait once, and let paho read, write and keep alive."""
        self._watch()
        for key, events in self._selector.select(min(timeout_s, HOUSEKEEPING_S)):
            if key.fileobj is self._waker:
                self._waker.clear()
                continue
            if events & selectors.EVENT_READ:
                self._read()
            if events & selectors.EVENT_WRITE:
                self._client.loop_write()
        now = monotonic()
        if now >= self._housekeeping_at:
            self._housekeeping_at = now + HOUSEKEEPING_S
            self._client.loop_misc()

    def _read(self) -> None:
        """Let paho read; what TLS has decrypted already would not wake anybody."""
        self._client.loop_read()
        while self._address.tls is not None and self._client.socket() is not None and self._socket.pending():
            self._client.loop_read()

    def _watch(self) -> None:
        """Wait for room in the socket only while something is left to write."""
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._client.want_write() else 0)
        if wanted != self._watched and self._client.socket() is not None:
            self._selector.modify(self._socket, wanted)
            self._watched = wanted

    def _check_lost(self) -> None:
        if self._loss or self._client.socket() is None:
            raise self.build_error(self._loss or "the connection was closed")

    def build_error(self, reason: str) -> BrokerUnavailable:
        """Return the error that says what is wrong with this broker."""
        return BrokerUnavailable(self._address.host, self._address.port, reason)

    # paho calls these from within its loop and publish methods, on the thread that called us.

    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        self._connect_code = code

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        self._subscribe_code = codes[0]

    def _on_message(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        self._received.append(bytes(message.payload))

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        name = code.getName().lower()
        self._loss = "the connection was closed" if name == "unspecified error" else f"the connection was lost: {name}"
