"""Log-ins: who is who, what a failure costs, and that nothing tells a wrong name from a wrong password."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pulseline_broker import login as login_module
from pulseline_broker.access import ANONYMOUS, Rights
from pulseline_broker.login import BadCredentials, Login
from pulseline_broker.password import hash_password, is_hash, is_password_right
from pulseline_broker.throttle import Throttle
from pulseline_broker.users import User
from tests.unit.broker.test_users import HASH

DESK = User(name="desk", password_hash=HASH, rights=Rights(publish=("a",)))


class OneUser:
    """Only desk."""

    def get_users(self) -> dict[str, User]:
        """Return it."""
        return {"desk": DESK}


class Everybody:
    """No users."""

    def get_users(self) -> None:
        """Return that there are none."""


def run(use: Callable[[Login], Awaitable[object]], *, users: OneUser | Everybody) -> object:
    """Run with a login object."""

    async def body() -> object:
        login = Login(users, api_token="token", root="pulseline/v1")
        try:
            return await use(login)
        finally:
            login.close()

    return asyncio.run(body())


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, str | None]]:
    """What argon2 was asked; the password is ``secret``."""
    calls: list[tuple[bytes, str | None]] = []

    def verify(password: bytes, hashed: str | None) -> bool:
        calls.append((password, hashed))
        return password == b"secret" and hashed is not None

    monkeypatch.setattr(login_module, "is_password_right", verify)
    return calls


def test_password_that_was_right_is_remembered(verified: list[tuple[bytes, str | None]]) -> None:
    """A client that comes back costs no second argon2; a wrong password never profits."""

    async def use(login: Login) -> object:
        for _ in range(3):
            assert await login.check("desk", b"secret", address="x") == ("desk", DESK.rights)
        for _ in range(2):
            with pytest.raises(BadCredentials):
                await login.check("desk", b"wrong", address="x")
        return None

    run(use, users=OneUser())

    assert verified == [(b"secret", HASH), (b"wrong", HASH), (b"wrong", HASH)]


def test_unknown_user_is_verified_too(verified: list[tuple[bytes, str | None]]) -> None:
    """A name that does not exist takes the same work as one that does."""

    async def use(login: Login) -> object:
        with pytest.raises(BadCredentials):
            await login.check("nobody", b"secret", address="x")
        return None

    run(use, users=OneUser())

    assert verified == [(b"secret", None)]


def test_everybody_is_anonymous_without_users(verified: list[tuple[bytes, str | None]]) -> None:
    """With no users nothing is verified, but the REST server's token."""

    async def use(login: Login) -> object:
        assert await login.check("anybody", b"x", address="x") == (None, ANONYMOUS)
        assert await login.check(None, None, address="x") == (None, ANONYMOUS)
        name, rights = await login.check("pulseline-api", b"token", address="x")
        assert (name, rights.admin) == ("pulseline-api", True)
        with pytest.raises(BadCredentials):
            await login.check("pulseline-api", None, address="x")
        return None

    run(use, users=Everybody())

    assert verified == []


def test_failures_are_answered_more_and_more_slowly() -> None:
    """The delay doubles up to a limit, by address, and is forgotten after a minute or a success."""
    throttle = Throttle()

    delays = [throttle.note_failure("a", now=0.0) for _ in range(8)]

    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 3.2, 3.2]
    assert throttle.note_failure("b", now=0.0) == 0.1
    assert throttle.note_failure("a", now=60.0) == 0.1
    throttle.note_success("b")
    assert throttle.note_failure("b", now=1.0) == 0.1


def test_throttle_remembers_a_bounded_number_of_addresses() -> None:
    """A flood of addresses does not fill the memory."""
    throttle = Throttle()

    for number in range(20_000):
        throttle.note_failure(str(number), now=0.0)

    assert len(throttle._failures) == 10_000


def test_argon2_hash_is_verified() -> None:
    """A password belongs to its own hash only, and to no missing one."""
    hashed = hash_password("secret")

    assert is_hash(hashed)
    assert not is_hash("secret")
    assert is_password_right(b"secret", hashed)
    assert not is_password_right(b"wrong", hashed)
    assert not is_password_right(b"secret", None)
    assert not is_password_right(b"secret", "no hash")
