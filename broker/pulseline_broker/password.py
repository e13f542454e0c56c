"""Passwords as argon2id hashes.

Both functions take tens of milliseconds and tens of megabytes, on purpose; neither is for the event loop's thread.
"""

from __future__ import annotations

from typing import Final

import argon2

#: RFC 9106 section 4, second choice (64 MiB, three passes): what the library takes by default.
_HASHER: Final = argon2.PasswordHasher()

#: For users that do not exist: their log-in has to take as long as that of others.
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$vGMfVkbgCwRVJHsRbB3KpQ$7L34oAeIKYoJbTiVTTEgK0mMuX8Ww5sGdmLc1bYRmkc"


def hash_password(password: str) -> str:
    """Return the hash to keep, with its own salt and parameters."""
    return _HASHER.hash(password)


def is_hash(text: str) -> bool:
    """Return whether a text is an argon2 hash that can be verified."""
    try:
        argon2.extract_parameters(text)
    except argon2.exceptions.InvalidHashError:
        return False
    return True


def is_password_right(password: bytes, hashed: str | None) -> bool:
    """Return whether a password belongs to a hash; without a hash it takes as long, and is wrong."""
    try:
        _HASHER.verify(hashed or _NOBODY, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return hashed is not None
