"""Who a client is: anonymous, the REST server, or a user of the users file.

Passwords are verified on threads of their own, at most two at a time (each takes 64 MiB for a moment), so a storm of
log-ins neither stalls the event loop nor fills the memory. A password that was right is remembered for the life of the
process as a keyed digest together with the hash it was right for, so that clients that come back need no argon2.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from pulseline_broker.access import ANONYMOUS, Rights, build_api_rights
from pulseline_broker.password import is_password_right
from pulseline_broker.throttle import Throttle
from pulseline_broker.users import User, UsersFile
from pulseline_core.data_folder import API_USER
from pulseline_core.errors import PulselineError

logger = logging.getLogger(__name__)

_MAX_VERIFICATIONS: Final = 2

#: Passwords that are remembered as right.
_MAX_REMEMBERED: Final = 10_000


class BadCredentials(Exception):
    """The user does not exist, or the password is wrong; which of both is not said."""


class UserSource(Protocol):
    """Where users come from."""

    def get_users(self) -> Mapping[str, User] | None:
        """Return the users as of now, or ``None`` when everybody may come in as nobody."""


class FileUsers:
    """The users file, read again when it changes.

    While it is broken, or gone, the users from before stay: a mistake in the file lets nobody in.

    Args:
        file: where the users are.
        is_required: whether it has to be there; otherwise there are no users until it is.

    Raises:
        ConfigError: it is required and not there, or does not fit.
    """

    def __init__(self, file: UsersFile, *, is_required: bool) -> None:
        self._file = file
        self._version = file.read_version()
        self._users: Mapping[str, User] | None = file.read() if self._version or is_required else None

    def get_users(self) -> Mapping[str, User] | None:
        """Return the users as of now."""
        version = self._file.read_version()
        if version != self._version:
            self._version = version
            try:
                self._users = self._file.read()
            except PulselineError as error:
                self._users = self._users or {}
                logger.error(  # noqa: TRY400 - the message says all, and it is the file's fault
                    "the users stay as they were: %s", error, extra={"action": "users_file_broken"}
                )
        return self._users


class Login:
    """Verifies credentials.

    Args:
        users: asked at each log-in.
        api_token: the password of the REST server.
        root: the topic levels above ours.
    """

    def __init__(self, users: UserSource, *, api_token: str, root: str) -> None:
        self._users = users
        self._api_token = api_token.encode()
        self._root = root
        self._throttle = Throttle()
        self._executor = ThreadPoolExecutor(_MAX_VERIFICATIONS, thread_name_prefix="pulseline-broker-password")
        self._key = secrets.token_bytes(32)
        self._remembered: set[bytes] = set()

    def close(self) -> None:
        """Wait for the verifications that run, and start no other."""
        self._executor.shutdown(cancel_futures=True)

    def is_rest_server(self, username: str | None, password: bytes | None) -> bool:
        """Return whether it is the REST server that logs in, with its token."""
        return username == API_USER and hmac.compare_digest(password or b"", self._api_token)

    async def check(self, username: str | None, password: bytes | None, *, address: str) -> tuple[str | None, Rights]:
        """Return the user's name, ``None`` if anonymous, and rights.

        Args:
            username: as in CONNECT.
            password: as in CONNECT.
            address: where the client is; failures from there are answered more and more slowly.

        Raises:
            BadCredentials: refused; the delay is over.
        """
        users = self._users.get_users()
        if username == API_USER:
            if self.is_rest_server(username, password):
                return username, build_api_rights(self._root)
        elif users is None:
            return None, ANONYMOUS
        else:
            user = users.get(username or "")
            if await self._is_right(password or b"", user.password_hash if user is not None else None) and user:
                self._throttle.note_success(address)
                return user.name, user.rights
        await asyncio.sleep(self._throttle.note_failure(address, now=asyncio.get_running_loop().time()))
        raise BadCredentials

    async def _is_right(self, password: bytes, hashed: str | None) -> bool:
        mark = self._build_mark(password, hashed)
        if mark in self._remembered:
            return True
        loop = asyncio.get_running_loop()
        verify: Callable[[bytes, str | None], bool] = is_password_right
        if not await loop.run_in_executor(self._executor, verify, password, hashed):
            return False
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered.add(mark)
        return True

    def _build_mark(self, password: bytes, hashed: str | None) -> bytes:
        return hashlib.blake2b((hashed or "").encode() + b"\0" + password, key=self._key, digest_size=32).digest()
