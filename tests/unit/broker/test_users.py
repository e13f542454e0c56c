"""The users file: what is written is read again, and what does not fit is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_broker.access import Rights
from pulseline_broker.users import User, UsersError, format_users, parse_users

HASH = "$argon2id$v=19$m=65536,t=3,p=4$vGMfVkbgCwRVJHsRbB3KpQ$7L34oAeIKYoJbTiVTTEgK0mMuX8Ww5sGdmLc1bYRmkc"

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,20}", fullmatch=True)
LEVELS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#/"), min_size=1, max_size=8)
FILTER_LISTS = st.lists(st.lists(LEVELS, min_size=1, max_size=3).map("/".join), max_size=3).map(tuple)


@given(users=st.dictionaries(NAMES, st.tuples(FILTER_LISTS, FILTER_LISTS, st.booleans()), max_size=4))
def test_file_is_read_as_it_was_written(users: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]]) -> None:
    """Names and filters of any characters survive the file."""
    known = {
        name: User(name=name, password_hash=HASH, rights=Rights(publish=publish, subscribe=subscribe, admin=admin))
        for name, (publish, subscribe, admin) in users.items()
    }

    assert parse_users(format_users(known)) == known


def entry(**changes: str) -> str:
    """Return a users file with one user; values are TOML."""
    values = {"password": f'"{HASH}"', **changes}
    return "[users.desk]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[users", "not TOML"),
        ("x = 1", "something else"),
        ("users = 3", "something else"),
        ("[users]\ndesk = 3", "other entries"),
        (entry(color='"red"'), "other entries"),
        ("[users.desk]\n", "no password"),
        (entry(password='"secret"'), "no argon2 hash"),
        (entry(admin='"yes"'), "not true or false"),
        (entry(publish='"a"'), "not a list"),
        (entry(publish="[1]"), "not a list"),
        (entry(subscribe='["a/#/b"]'), "no topic filter"),
        (entry().replace("desk", '"a/b"'), "is not made of"),
        (entry().replace("desk", "pulseline-api"), "kept for the REST server"),
    ],
)
def test_entry_that_does_not_fit_is_named(text: str, message: str) -> None:
    """Each fault has its own message."""
    with pytest.raises(UsersError, match=message):
        parse_users(text)


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a b", "-x", "x" * 65, "é", "a\n"])
def test_user_names_are_plain(name: str) -> None:
    """A name that would bring wildcards or levels into a right can not exist."""
    user = User(name="x", password_hash=HASH, rights=Rights())

    with pytest.raises(UsersError):
        replace(user, name=name)
