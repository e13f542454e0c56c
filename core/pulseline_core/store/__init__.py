"""The store: buckets, events, watermarks and dead letters in a database.

::

    open_store ──> Store.transaction() ──> Transaction      one writer
    open_reader ─> Reader                                   any number of readers

Kinds of databases are backends (``sqlite``); all else is shared by them.
"""

from __future__ import annotations

from pulseline_core.store.buckets import BucketRow
from pulseline_core.store.dead_letters import DeadLetter
from pulseline_core.store.event_rows import EventRow
from pulseline_core.store.opening import open_reader, open_store
from pulseline_core.store.places import open_roster
from pulseline_core.store.reader import Reader
from pulseline_core.store.roster import Attendance, Roster
from pulseline_core.store.timeline import Imported
from pulseline_core.store.writer import Store, Transaction

__all__ = [
    "Attendance",
    "BucketRow",
    "DeadLetter",
    "EventRow",
    "Imported",
    "Reader",
    "Roster",
    "Store",
    "Transaction",
    "open_reader",
    "open_roster",
    "open_store",
]
