"""Addresses that are taken before anybody listens."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pulseline_core import listening, runtime
from pulseline_core.errors import InvalidSetting, NotPermitted, PortInUse


def test_bound_address_refuses_until_somebody_listens() -> None:
    """Nobody's connection waits for a service that is not there yet."""
    (bound,) = listening.bind("127.0.0.1", 0, setting="api.host")
    with closing(bound):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(bound.getsockname())

        bound.listen()
        socket.create_connection(bound.getsockname()).close()


def test_port_on_which_another_listens_is_told() -> None:
    """At once, before a child is started."""
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortInUse) as caught:
        listening.bind("127.0.0.1", other.getsockname()[1], setting="api.host")

    assert caught.value.host == "127.0.0.1"


def test_port_of_a_connection_that_has_just_ended_is_free() -> None:
    """A quick restart does not wait for the system's time-out (SO_REUSEADDR)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with closing(socket.create_connection(address)) as client:
            server.accept()[0].close()  # who closes first waits
            client.recv(1)

    (bound,) = listening.bind(*address, setting="api.host")
    bound.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host.invalid", "x" * 300])
def test_host_that_is_not_ours_is_told(host: str) -> None:
    """It names the setting."""
    with pytest.raises(InvalidSetting, match=r"'api\.host' is"):
        listening.bind(host, 0, setting="api.host")


def test_other_errors_are_about_rights() -> None:
    """As below port 1024 for users other than root."""
    error = listening.map_error(PermissionError(13, "Permission denied"), "127.0.0.1", 80, setting="api.host")

    assert isinstance(error, NotPermitted)
    assert "'127.0.0.1:80'" in str(error)


def test_listeners_of_the_supervisor_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the service's own afterwards, and not its children's."""
    bound = [listening.bind("127.0.0.1", 0, setting="api.host")[0] for _ in range(2)]
    names = [each.getsockname() for each in bound]
    monkeypatch.setenv(runtime.LISTENERS_VARIABLE, ",".join(str(each.detach()) for each in bound))

    taken = runtime.take_listeners()

    assert [each.getsockname() for each in taken] == names
    assert not any(os.get_inheritable(each.fileno()) for each in taken)
    assert runtime.take_listeners() == []
    for each in taken:
        each.close()


@contextmanager
def pass_on(monkeypatch: pytest.MonkeyPatch, *passed: socket.socket, pid: int | None = None) -> Iterator[None]:
    """Pass sockets on as a service manager does, as consecutive descriptors, the first of which is no socket."""
    first = 200
    with Path(os.devnull).open() as other:
        for number, descriptor in enumerate([other.fileno(), *(each.fileno() for each in passed)]):
            os.dup2(descriptor, first + number)
    monkeypatch.setattr(listening, "FIRST_DESCRIPTOR", first)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() if pid is None else pid))
    monkeypatch.setenv("LISTEN_FDS", str(1 + len(passed)))
    try:
        yield
    finally:
        os.closerange(first, first + 1 + len(passed))


def test_the_service_manager_s_socket_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its port is in use, by that very socket; one that is bound elsewhere stays where it is."""
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as passed:
        with pass_on(monkeypatch, other, passed):
            (bound,) = listening.bind("127.0.0.1", passed.getsockname()[1], setting="api.host")

        with closing(bound):
            assert bound.getsockname() == passed.getsockname()
            socket.create_connection(passed.getsockname()).close()
            bound.accept()[0].close()


def test_sockets_for_another_process_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """They came down to us by inheritance."""
    with (
        socket.create_server(("127.0.0.1", 0)) as passed,
        pass_on(monkeypatch, passed, pid=1),
        pytest.raises(PortInUse),
    ):
        listening.bind("127.0.0.1", passed.getsockname()[1], setting="api.host")
