"""A terminal of 80 columns, and what a command shows there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from pathlib import Path
from time import monotonic
from typing import Final, Self

from tests.e2e.command_line import PULSELINE, TIMEOUT_S
from tests.storm.system import clean_environment

COLUMNS: Final = 80
ROWS: Final = 24

CTRL_C: Final = b"\x03"

#: Colours, cursor movements and the like (ECMA-48 section 5.4).
_CONTROL_SEQUENCE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

#: A line, and then: show the cursor, one line up, erase it.
_ERASED_LINE: Final = re.compile(r"[^\n]*\n(?:\x1b\[\?25h)?\r?\x1b\[1A\x1b\[2K")


class Terminal:
    """A command that runs in the foreground of a terminal of its own; a context manager."""

    def __init__(self, *arguments: str, home: Path, encoding: str = "utf-8") -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = clean_environment(home) | {"TERM": "xterm-256color", "PYTHONIOENCODING": encoding}
        environment.pop("COLUMNS", None)
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *PULSELINE, *arguments], env=environment, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self.raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(TIMEOUT_S)
        os.close(self._master)

    @property
    def text(self) -> str:
        """Everything that was shown so far, without colours."""
        return _CONTROL_SEQUENCE.sub("", self._decode())

    def _decode(self) -> str:
        return self.raw.decode(errors="replace").replace("\r\n", "\n")

    @property
    def lines(self) -> list[str]:
        """The lines that are left of it: what was drawn over or erased (progress) is gone."""
        left = _CONTROL_SEQUENCE.sub("", _ERASED_LINE.sub("", self._decode()))
        return [line.rpartition("\r")[2].rstrip() for line in left.split("\n")]

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def wait_for(self, words: str) -> None:
        """Read until the words are shown."""
        end = monotonic() + TIMEOUT_S
        while words not in self.text:
            assert self._read(end), f"{words!r} did not come, but {self.text!r}"

    def wait(self) -> int:
        """Read to the end of the command; return its exit code."""
        end = monotonic() + TIMEOUT_S
        while self._read(end):
            pass
        return self.process.wait(max(0.1, end - monotonic()))

    def _read(self, end: float) -> bool:
        readable, _, _ = select.select([self._master], [], [], max(0.0, end - monotonic()))
        assert readable, f"nothing more came after {self.text!r}"
        try:
            chunk = os.read(self._master, 65_536)
        except OSError:  # EIO: nobody has the other side open any more
            return False
        self.raw += chunk
        return bool(chunk)


def show(*arguments: str, home: Path, encoding: str = "utf-8") -> Terminal:
    """Run a command on a terminal to its end, which has to be a good one; return what was shown."""
    with Terminal(*arguments, home=home, encoding=encoding) as terminal:
        assert terminal.wait() == 0, terminal.text
    return terminal
