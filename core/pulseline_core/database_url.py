"""What the URL of a PostgreSQL database holds that others must not read. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

#: Parameters of libpq that are passwords.
_PASSWORDS: Final = frozenset({"password", "sslpassword"})


def has_password(url: str) -> bool:
    """Return whether there is a password in a URL, behind its user or among its parameters.

    It is cut up as libpq does that, to which a ``?`` or ``#`` of a password means nothing.
    """
    rest = url.partition("://")[2]
    user, at, _ = rest.partition("/")[0].partition("@")
    parameters = rest.partition("?")[2].split("&")
    return bool(at and ":" in user) or any(unquote(each.partition("=")[0]) in _PASSWORDS for each in parameters)
