"""The door: a new connection up to its CONNACK.

Nobody gets further without a CONNECT in time, in the right version, with the right credentials, for a client id that
is free or the same user's. Who is refused hears why, where MQTT 3.1.1 has a word for it (section 3.2.2.3).

When all places are taken, some further connections are still asked who they are: the REST server is let in, so that
writes over REST do not depend on who holds the places, and the others hear that there is none.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import Final

from pulseline_broker.access import MAX_FILTER_LEVELS, Access, Rights
from pulseline_broker.connection import Connection, Greeting
from pulseline_broker.hub import Hub
from pulseline_broker.login import BadCredentials, Login
from pulseline_broker.packet import (
    CONNACK_VERSION_5,
    Connect,
    ConnectCode,
    Framer,
    MalformedPacket,
    Packet,
    PacketType,
    UnsupportedVersion,
    build_connack,
    parse_connect,
)
from pulseline_broker.router import NotOwner, Owner
from pulseline_broker.transport import Transport
from pulseline_core.errors import InvalidTopic
from pulseline_core.topic import check_topic_name

logger = logging.getLogger(__name__)

#: Connections over the limit: the REST server's, and those that wait for the word that there is no place; further ones
#: are just cut.
_MAX_SURPLUS: Final = 64

#: How long one of those has to say CONNECT.
_SURPLUS_TIMEOUT_S: Final = 2.0


class Refused(Exception):
    """The connection is refused with a CONNACK."""

    def __init__(self, reason: str, answer: bytes) -> None:
        super().__init__(reason)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class _Admission:
    """A client that has proved who it is."""

    connect: Connect
    username: str | None
    rights: Rights
    framer: Framer


class Door:
    """Lets clients in.

    Args:
        hub: shared by all connections.
        login: verifies credentials.

    Attributes:
        connections: of clients that are in.
        is_open: whether new connections are looked at.
    """

    def __init__(self, hub: Hub, login: Login) -> None:
        self._hub = hub
        self._login = login
        self._inside = 0
        self._surplus = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: set[Connection] = set()
        self.is_open = True

    async def handle(self, transport: Transport) -> None:
        """Serve a new connection until its end."""
        task = asyncio.current_task()
        assert task is not None, "each connection has a task of its own"
        self._tasks.add(task)
        try:
            await self._handle(transport)
        finally:
            self._tasks.discard(task)

    async def _handle(self, transport: Transport) -> None:
        self._hub.counters.sockets += 1
        if not self.is_open:
            transport.abort()
        elif self._inside < self._hub.settings.max_connections:
            self._inside += 1
            try:
                await self._admit(transport)
            finally:
                self._inside -= 1
        elif self._surplus < _MAX_SURPLUS:
            self._surplus += 1
            try:
                await self._admit(transport, is_surplus=True)
            finally:
                self._surplus -= 1
        else:
            transport.abort()

    async def close(self, timeout_s: float) -> None:
        """End all connections, those included that have not logged in yet; they send what is buffered, in time."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for connection in tuple(self.connections):
            connection.close("the broker stops")
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _admit(self, transport: Transport, *, is_surplus: bool = False) -> None:
        try:
            async with asyncio.timeout(_SURPLUS_TIMEOUT_S if is_surplus else self._hub.settings.connect_timeout_s):
                admission = await self._identify(transport, is_surplus=is_surplus)
            connection = self._greet(transport, admission)
        except Refused as refusal:
            transport.write(refusal.answer)
            await self._refuse(transport, str(refusal))
        except TimeoutError:
            await self._refuse(transport, "it did not log in in time")
        except MalformedPacket as error:
            self._hub.counters.packets_malformed += 1
            await self._refuse(transport, str(error))
        else:
            self.connections.add(connection)
            try:
                await connection.serve()
            finally:
                self.connections.discard(connection)

    async def _refuse(self, transport: Transport, reason: str) -> None:
        self._hub.counters.clients_refused += 1
        logger.info("a connection from %s is refused: %s", transport.peer, reason, extra={"action": "client_refused"})
        await transport.close()

    async def _identify(self, transport: Transport, *, is_surplus: bool) -> _Admission:
        framer = Framer(max_packet_bytes=self._hub.settings.max_packet_bytes)
        connect = self._parse_connect(await self._read_first(transport, framer))
        if is_surplus and not self._login.is_rest_server(connect.username, connect.password):
            reason = f"there are {self._inside} connections already (broker.max_connections)"
            raise Refused(reason, build_connack(ConnectCode.UNAVAILABLE))
        if not connect.client_id and not connect.clean_session:
            raise Refused("it has no client id for its session", build_connack(ConnectCode.IDENTIFIER_REJECTED))
        if len(connect.client_id.encode()) > self._hub.limits.client_id_bytes:
            raise Refused("its client id is too long", build_connack(ConnectCode.IDENTIFIER_REJECTED))
        try:
            username, rights = await self._login.check(connect.username, connect.password, address=transport.peer)
        except BadCredentials as error:
            code = ConnectCode.NOT_AUTHORIZED if connect.username is None else ConnectCode.BAD_CREDENTIALS
            raise Refused(f"user {connect.username!r} or the password is wrong", build_connack(code)) from error
        return _Admission(connect, username, rights, framer)

    async def _read_first(self, transport: Transport, framer: Framer) -> Packet:
        while (packet := framer.take()) is None:
            data = await transport.read()
            if not data:
                raise MalformedPacket("it ended before CONNECT was whole")
            self._hub.counters.bytes_received += len(data)
            framer.feed(data)
        self._hub.counters.messages_received += 1
        return packet

    def _parse_connect(self, packet: Packet) -> Connect:
        if packet.first != PacketType.CONNECT:
            raise MalformedPacket("the first packet is not CONNECT")
        self._hub.counters.connections += 1
        try:
            return parse_connect(packet.body)
        except UnsupportedVersion as error:
            answer = CONNACK_VERSION_5 if error.level >= 5 else build_connack(ConnectCode.UNACCEPTABLE_VERSION)
            raise Refused(str(error), answer) from error

    def _greet(self, transport: Transport, admission: _Admission) -> Connection:
        """Open the session, answer, and begin to deliver; one step, nothing waits in between."""
        connect = admission.connect
        client_id = connect.client_id or f"auto-{secrets.token_hex(12)}"
        access = Access(admission.rights, root=self._hub.root, client_id=client_id, username=admission.username)
        self._check_will(connect, access)
        owner = Owner(client_id=client_id, username=admission.username, access=access, is_clean=connect.clean_session)
        try:
            session, is_present = self._hub.router.open_session(owner)
        except NotOwner as error:
            reason = f"client id {client_id!r} belongs to another user"
            raise Refused(reason, build_connack(ConnectCode.IDENTIFIER_REJECTED)) from error
        longest_s = self._hub.settings.max_keepalive_s
        greeting = Greeting(
            session=session,
            will=connect.will,
            keep_alive_s=min(connect.keep_alive_s or longest_s, longest_s),
            framer=admission.framer,
        )
        connection = Connection(self._hub, transport, greeting)
        self._hub.counters.messages_sent += 1
        connection.write(build_connack(ConnectCode.ACCEPTED, session_present=is_present))
        self._hub.router.attach(session, connection)
        logger.info(
            "client %r is connected from %s as %r",
            client_id,
            transport.peer,
            admission.username,
            extra={"action": "client_connected"},
        )
        return connection

    def _check_will(self, connect: Connect, access: Access) -> None:
        if connect.will is None:
            return
        topic = connect.will.topic
        try:
            check_topic_name(topic)
        except InvalidTopic as error:
            raise MalformedPacket(f"will: {error}") from error
        if topic.count("/") >= MAX_FILTER_LEVELS or not access.may_publish(topic):
            self._hub.note_refusal(connect.client_id, topic, "may not have a will on")
            raise Refused(f"its will is on {topic!r}", build_connack(ConnectCode.NOT_AUTHORIZED))
