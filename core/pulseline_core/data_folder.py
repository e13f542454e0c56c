"""The data folder: who may use it, and the small files that several processes share.

Created by the first one who needs it, for its owner alone (0700). The process that writes the database holds the
lock for as long as it runs; the kernel lets go of it when the process ends, however it ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from pulseline_core.errors import AlreadyRunning, DiskFull, NotPermitted
from pulseline_core.whole_file import create_whole

#: A process that is just stopping gets this long to let go of the folder.
LOCK_TIMEOUT_S: Final = 1.5

_LOCK_RETRY_S: Final = 0.05

#: The user name of the REST server at the embedded broker; its password is the token in the data folder.
API_USER: Final = "pulseline-api"

#: 256 bits, as tokens of the common web services have.
_TOKEN_BYTES: Final = 32

#: What no change of owner or mode would mend.
_MISPLACED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR})

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class DataFolder:
    """A folder of ours; nothing is touched before a method is called."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the folder where it is missing, readable by its owner alone.

        Raises:
            NotPermitted: it can not be made, is no folder, belongs to someone else or is not writable.
            DiskFull: there is no space for it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check(self.path.stat())
        except FileExistsError as error:
            raise NotPermitted(str(self.path), "it is not a folder", hint="choose another place") from error
        except OSError as error:
            raise map_os_error(error, self.path) from error

    def _check(self, status: os.stat_result) -> None:
        if status.st_uid != os.geteuid():
            raise NotPermitted(str(self.path), f"it belongs to user {status.st_uid}, not to user {os.geteuid()}")
        if status.st_mode & stat.S_IWOTH:
            raise NotPermitted(str(self.path), "everybody may write there")
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise NotPermitted(str(self.path), "it is not writable")

    @contextmanager
    def lock(self, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        """Hold the folder as the only process, creating it where it is missing.

        Raises:
            AlreadyRunning: another process holds it, after ``timeout_s``.
            NotPermitted: as for ``create``.
        """
        self.create()
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise map_os_error(error, self.path / "lock") from error
        try:
            self._wait_for_lock(descriptor, timeout_s)
            yield
        finally:
            os.close(descriptor)

    @property
    def is_held(self) -> bool:
        """Whether a process holds the folder now, this one or another; makes nothing.

        Raises:
            NotPermitted: the folder is somebody else's.
        """
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise map_os_error(error, self.path / "lock") from error
        try:
            return not _has_locked(descriptor)
        finally:
            os.close(descriptor)

    def _wait_for_lock(self, descriptor: int, timeout_s: float) -> None:
        deadline = monotonic() + timeout_s
        never = threading.Event()
        while not _has_locked(descriptor):
            if monotonic() >= deadline:
                raise AlreadyRunning(str(self.path))
            never.wait(_LOCK_RETRY_S)

    def read_api_token(self) -> str:
        """Return the password of ``API_USER`` at the embedded broker; whoever asks first makes it."""
        return self._read_or_create("api.token", lambda: secrets.token_urlsafe(_TOKEN_BYTES))

    def read_device_id(self) -> str:
        """Return the id of this installation, a UUID; whoever asks first makes it."""
        return self._read_or_create("device_id", lambda: str(uuid.uuid4()))

    def _read_or_create(self, name: str, make: Callable[[], str]) -> str:
        """Return a small file's text; of several that create it at once, one wins and all return its text."""
        self.create()
        path = self.path / name
        try:
            if not path.exists():
                create_whole(path, make())
            return path.read_text(encoding="ascii")
        except OSError as error:
            raise map_os_error(error, path) from error


def _has_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_disk_full(error: OSError) -> bool:
    """Return whether something could not be written for want of space."""
    return error.errno in _FULL


def map_os_error(error: OSError, path: Path) -> NotPermitted | DiskFull:
    """Return the error that a person can act on."""
    if is_disk_full(error):
        return DiskFull(str(path))
    reason = (error.strerror or str(error)).lower()
    if error.errno in _MISPLACED:
        return NotPermitted(str(path), reason, hint="choose another place")
    return NotPermitted(str(path), reason)


def lock_folder(path: Path) -> AbstractContextManager[None]:
    """Hold a data folder as the only process; see ``DataFolder.lock``."""
    return DataFolder(path).lock()
