"""Listening to topics: for status pages and for watching what happens, never for data that must not get lost.

Theory of operation. One thread holds one connection, beside that of a client's sender: a topic that the access rights
refuse ends only this one. It connects with the first subscription, and again after a loss; the broker then sends what
is retained once more. Callbacks run on that thread::

    subscribe ──> filters ──wake──> thread: connect, subscribe, wait ──message──> callback of each filter that matches
"""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections.abc import Callable
from typing import Any, Final, Self

from pulseline_client.connection import BrokerAddress, Connection, ConnectionRefused
from pulseline_core import runtime
from pulseline_core.backoff import Backoff
from pulseline_core.errors import BrokerUnavailable, PulselineError
from pulseline_core.topic import check_topic_filter, is_match
from pulseline_core.types import PublisherId
from pulseline_core.waker import Waker

logger = logging.getLogger(__name__)

RECONNECT_S: Final = 0.2
MAX_RECONNECT_S: Final = 5.0

#: How long the thread waits for news in one go; new subscriptions and the end wake it before.
_PATIENCE_S: Final = 60.0

#: For the thread to end, callbacks included.
_CLOSE_TIMEOUT_S: Final = 2.0


class BrokerSilent(BrokerUnavailable):
    """The broker neither answers nor refuses for now: it is being started, or is busy."""


Callback = Callable[[str, bytes], None]
"""Called with a message's topic and payload, on the subscriber's thread; must not block for long."""


class _Feed(Connection):
    """A connection that hands over whole messages instead of acknowledgements."""

    def __init__(self, address: BrokerAddress, first_filter: str, *, waker: Waker, stop: threading.Event) -> None:
        name = PublisherId(f"pulseline-subscriber-{uuid.uuid4().hex}")
        super().__init__(address, publisher=name, ack_topic=first_filter, waker=waker, stop=stop)
        self._messages: list[tuple[str, bytes]] = []

    def subscribe(self, topic_filter: str) -> None:
        """Ask for one more filter; a refusal is the broker's to tell, by closing or by silence."""
        self._client.subscribe(topic_filter, qos=0)

    def take_messages(self, timeout_s: float) -> list[tuple[str, bytes]]:
        """Wait as ``wait`` does; return the messages that arrived."""
        self.wait(0.0 if self._messages else timeout_s)
        taken, self._messages = self._messages, []
        return taken

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        try:
            topic = str(message.topic)
        except UnicodeDecodeError:  # paho decodes late; no topic of ours
            return
        self._messages.append((topic, message.payload))


class Subscriber:
    """Hears of messages at a broker; a context manager. Any thread may call.

    Args:
        address: the broker, and who we are there.
        tell_link: told on the subscriber's thread whenever the connection comes about (``True``) or is lost.
    """

    def __init__(self, address: BrokerAddress, *, tell_link: Callable[[bool], object] = bool) -> None:
        self._address = address
        self._tell_link = tell_link
        self._lock = threading.Lock()
        self._subscriptions: list[tuple[str, Callback]] = []
        self._waker = Waker()
        self._stop = threading.Event()
        self._heard = threading.Condition()
        self._is_connected = False
        self._problem: PulselineError | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def subscribe(self, topic_filter: str, callback: Callback) -> None:
        """Have ``callback`` called with every message that ``topic_filter`` matches, retained ones first.

        Returns at once; the first subscription begins to connect.

        Raises:
            InvalidTopic: the filter is not valid.
        """
        check_topic_filter(topic_filter)
        with self._lock:
            self._subscriptions.append((topic_filter, callback))
            if self._thread is None:
                self._thread = runtime.spawn(self._run, name="pulseline-client-subscriber")
        self._waker.wake()

    def wait_connected(self, timeout_s: float) -> None:
        """Return when there is a connection; raise ``BrokerUnavailable`` with the reason why there is none in time.

        One that is refused is not waited for.
        """
        with self._heard:
            self._heard.wait_for(lambda: self._is_connected or isinstance(self._problem, ConnectionRefused), timeout_s)
            if self._is_connected:
                return
            if isinstance(self._problem, BrokerUnavailable):
                raise self._problem
        raise BrokerSilent(self._address.host, self._address.port, "it does not answer in time")

    def close(self) -> None:
        """End; a second call does nothing."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._waker.wake()
        if self._thread is None or runtime.join(self._thread, _CLOSE_TIMEOUT_S):
            self._waker.close()

    def _run(self) -> None:
        backoff = Backoff(RECONNECT_S, MAX_RECONNECT_S)
        while not self._stop.is_set():
            try:
                self._listen(backoff)
            except PulselineError as error:
                self._note_problem(error)
            except Exception:
                # The outermost loop of the thread: without it nothing would ever be heard again.
                logger.exception("the subscriber failed; it begins anew", extra={"action": "subscriber_failed"})
            self._stop.wait(backoff.next_delay_s(random.random))

    def _listen(self, backoff: Backoff) -> None:
        """Connect and hand messages over until the connection ends."""
        feed = _Feed(self._address, self._subscriptions[0][0], waker=self._waker, stop=self._stop)
        try:
            feed.open()
            backoff.reset()
            self._set_connected(is_connected=True)
            asked = 1
            while not self._stop.is_set():
                for topic_filter, _ in self._subscriptions[asked:]:
                    feed.subscribe(topic_filter)
                    asked += 1
                for topic, payload in feed.take_messages(_PATIENCE_S):
                    self._hand_over(topic, payload)
        finally:
            self._set_connected(is_connected=False)
            feed.close()

    def _hand_over(self, topic: str, payload: bytes) -> None:
        for topic_filter, callback in list(self._subscriptions):
            if is_match(topic, topic_filter):
                try:
                    callback(topic, payload)
                except Exception:
                    # Somebody else's code: its mistake must not end what the others hear.
                    logger.exception("a callback for %r failed", topic_filter, extra={"action": "callback_failed"})

    def _set_connected(self, *, is_connected: bool) -> None:
        with self._heard:
            is_news = self._is_connected != is_connected
            self._is_connected = is_connected
            self._heard.notify_all()
        if is_news and not self._stop.is_set():
            self._tell_link(is_connected)

    def _note_problem(self, error: PulselineError) -> None:
        if self._problem is None and not self._stop.is_set():
            logger.info("%s; trying again", error, extra={"action": "subscriber_disconnected"})
        with self._heard:
            self._problem = error
            self._heard.notify_all()
