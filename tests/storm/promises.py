"""The check after a storm: what the publishers were promised is stored, soon, once and in order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import httpx

from pulseline_client import Client
from tests.storm.assembly import Assembly
from tests.storm.crowd import LIBRARY, PUBLISHERS, Crowd
from tests.storm.ledger import Mark, check_timeline, read_ledger
from tests.storm.publisher import IN_FLIGHT
from tests.storm.system import System, wait_until

#: How long a broken system may take until everything handed over is readable.
CATCH_UP_S: Final = 30.0

#: How many events are read at once.
_PAGE: Final = 20_000


def check_promises(assembly: Assembly, crowd: Crowd) -> int:
    """Fail unless the store holds what is in the ledgers; return how many events these are.

    Plain publishers only know what the broker told them. Where it forgets that, some may be lost, but none is doubled.
    """
    for bucket_id in LIBRARY:
        drain(crowd, bucket_id)
    count = 0
    for bucket_id, kind in PUBLISHERS.items():
        is_plain = kind == "plain"
        promised = read_ledger(crowd.folder / f"{bucket_id}.ledger")
        is_kept = assembly.keeps_word or not is_plain
        if is_kept:
            await_stored(assembly.system, bucket_id, max(promised))
        stored = read_stored(assembly.system, bucket_id)
        if is_plain and not assembly.keeps_order:
            stored = sorted(await_rest(assembly.system, bucket_id, promised) if is_kept else stored)
        verdict = check_timeline(promised, stored, in_flight=IN_FLIGHT if is_plain else 1)
        print(f"{bucket_id}: {verdict.promised} promised, {len(stored)} stored, {len(verdict.lost)} lost")
        assert verdict.is_clean if is_kept else not (verdict.doubled or verdict.unknown), verdict
        count += verdict.promised
    return count


def drain(crowd: Crowd, bucket_id: str) -> None:
    """Let the library deliver what is left in the outbox of a dead publisher."""
    outbox = crowd.folder / f"{bucket_id}.outbox.db"
    username, password = crowd.user
    with Client(port=crowd.port, outbox=outbox, name=bucket_id, username=username, password=password) as client:
        client.flush(CATCH_UP_S)


def await_stored(system: System, bucket_id: str, last: Mark) -> None:
    """Return when the bucket has this event, or one that comes after it."""
    wait_until(
        lambda: (newest := read_newest(system, bucket_id)) is not None and newest >= last,
        timeout_s=CATCH_UP_S,
        what=f"{last} of {bucket_id}",
    )


def await_rest(system: System, bucket_id: str, promised: Sequence[Mark]) -> list[Mark]:
    """Return what is stored once newer events have not overtaken older ones any more, or it took too long for that."""
    with suppress(AssertionError):  # what is missing then is in the verdict
        wait_until(
            lambda: not set(promised).difference(read_stored(system, bucket_id)),
            timeout_s=CATCH_UP_S,
            what=f"the rest of {bucket_id}",
        )
    return read_stored(system, bucket_id)


def read_newest(system: System, bucket_id: str) -> Mark | None:
    """Return the mark of the bucket's newest event; nothing while it has none, or can not be read."""
    with suppress(httpx.HTTPError):
        for event in system.read_events(bucket_id, limit=1):
            return build_mark(event)
    return None


def read_stored(system: System, bucket_id: str) -> list[Mark]:
    """Return the marks of the bucket's events in the order in which they were stored."""
    marks: dict[int, Mark] = {}
    end: dict[str, str] = {}
    while True:
        page = system.read_events(bucket_id, limit=_PAGE, **end)
        marks |= {int(str(event["id"])): build_mark(event) for event in page}
        if len(page) < _PAGE:
            return [mark for _, mark in sorted(marks.items())]
        end = {"end": str(page[-1]["timestamp"])}  # the next page begins with this one again


def build_mark(event: dict[str, object]) -> Mark:
    """Return which event of its publisher it is."""
    return Mark(**event["data"])  # type: ignore[arg-type]  # reason: JSON of our own making
