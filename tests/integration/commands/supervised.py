"""A supervisor in a process of its own, with tiny children, watched through the lines that they print."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from time import monotonic
from typing import Final, Self

#: Longer than anything here takes on a busy machine.
TIMEOUT_S: Final = 20.0

#: What every child begins with: it tells each step on one line.
_CHILD: Final = """
import os, select, signal, sys, time
name, ready, lifeline = sys.argv[1], int(os.environ["PULSELINE_READY_FD"]), int(os.environ["PULSELINE_LIFELINE_FD"])
def say(word):
    os.write(1, f"{name} {word} {os.getpid()}\\n".encode())
def stop(*_):
    say("stopped")
    os._exit(0)
def serve():
    os.write(ready, b"ready\\n")
    os.read(lifeline, 1)
    say("orphaned")
signal.signal(signal.SIGTERM, stop)
say("started")
"""

#: Serves until it is told to stop.
GOOD: Final = _CHILD + "serve()"

#: Sends each connection the number of its process.
LISTENING: Final = (
    _CHILD
    + """
import socket
listener = socket.socket(fileno=int(os.environ["PULSELINE_LISTENER_FDS"]))
listener.listen()
os.write(ready, b"ready\\n")
while lifeline not in select.select([listener, lifeline], [], [])[0]:
    connection, _ = listener.accept()
    connection.sendall(str(os.getpid()).encode())
    connection.close()
"""
)

#: Fails before it is ready, with a code of its own.
FAILING: Final = _CHILD + "sys.exit(4)"

#: Never becomes ready.
SILENT: Final = _CHILD + "os.read(lifeline, 1)"

#: Serves, and does not stop when it is told to.
STUBBORN: Final = _CHILD + "signal.signal(signal.SIGTERM, lambda *_: say('refused'))\nserve()"

#: Closes its pipe without a word, and runs on.
MUTE: Final = _CHILD + "os.close(ready)\nos.read(lifeline, 1)"

_SUPERVISOR: Final = """
import json, logging, sys
from pulseline_core.child import ChildCommand
from pulseline_core.errors import PulselineError
from pulseline_core.supervisor import Patience, Supervisor
children, address, patience = json.loads(sys.argv[1])
logging.basicConfig(level="WARNING", stream=sys.stdout, format="log %(message)s")
address = address and tuple(address)
commands = [
    ChildCommand(
        name=name, argv=(sys.executable, "-S", "-c", code, name), address=address, address_setting="api.host"
    )
    for name, code in children
]
def say(line):
    sys.stdout.write(line + "\\n")
    sys.stdout.flush()
try:
    Supervisor(commands, on_ready=lambda: say("supervisor ready"), patience=Patience(**patience)).run()
except PulselineError as error:
    say(f"supervisor error: {error}")
    sys.exit(1)
say("supervisor done")
"""


class Supervised:
    """The running supervisor; as a context manager it is killed at the end, which ends the children as well.

    Args:
        children: names and programs.
        address: host and port of the child, if there is one that has an address.
        patience: time-outs.
    """

    def __init__(self, *children: tuple[str, str], address: tuple[str, int] | None = None, **patience: float) -> None:
        times = {"restart_s": 0.02, "restart_maximum_s": 0.05} | patience
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SUPERVISOR, json.dumps([children, address, times])],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.read_rest()
        self.process.wait(TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def send(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Return the supervisor's exit code."""
        return self.process.wait(TIMEOUT_S)

    def expect(self, beginning: str) -> str:
        """Read on to the next line that begins so, and return what follows in it."""
        while True:
            line = self._read_line()
            assert line is not None, f"the output ended before {beginning!r}"
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()

    def read_rest(self) -> list[str]:
        """Return all further lines, once every process that could print is gone."""
        lines = []
        while (line := self._read_line()) is not None:
            lines.append(line)
        return lines

    def _read_line(self) -> str | None:
        end = monotonic() + TIMEOUT_S
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self._unread:
            readable, _, _ = select.select([descriptor], [], [], max(0.0, end - monotonic()))
            assert readable, f"nothing more came after {self._unread!r}"
            chunk = os.read(descriptor, 65_536)
            if not chunk:
                return None
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()
