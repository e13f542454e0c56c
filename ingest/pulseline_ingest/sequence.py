"""The rule of sequence numbers: which message of a library client comes next.

A client numbers its messages 1, 2, 3 ... per bucket, and says with each which one is the oldest (``base``) that it
still holds. The store holds the last number that is committed, the watermark; 0 for an unknown publisher. What lies
below ``base`` was acknowledged once and will not come again, so the watermark in effect is at least ``base - 1``::

    stored       0 · · 3            an unknown publisher, or a database that was restored from an old copy, or made
    base              [5  6  7]     anew: the client holds 5 to 7, so 4 is in effect and 5 comes next

    seq <= watermark        Repeated    its effect is there already
    seq == watermark + 1    Next        is applied, or becomes a dead letter; then the watermark moves up to it
    seq >  watermark + 1    Early       one before it is missing: ignored, the client sends again from the missing one

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from pulseline_core.message import Envelope


@dataclass(frozen=True, slots=True)
class Next:
    """The message is to be handled now."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The message was handled before, or another one under its number; ``watermark`` is the last that was."""

    watermark: int


@dataclass(frozen=True, slots=True)
class Early:
    """A message before this one is missing; ``watermark`` is the last one that was handled."""

    watermark: int


Turn: TypeAlias = Next | Repeated | Early

_NEXT: Final = Next()


def judge(envelope: Envelope, stored: int) -> Turn:
    """Return whose turn it is, given the watermark in the store."""
    watermark = max(stored, envelope.base - 1)
    if envelope.seq == watermark + 1:
        return _NEXT
    return Repeated(watermark) if envelope.seq <= watermark else Early(watermark)
