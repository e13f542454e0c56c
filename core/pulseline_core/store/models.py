"""The schema, as peewee models that belong to no database.

::

    bucket 1 ──── n event n ──── 1 event_data        watermark    dead_letter    key_value

Each distinct ``data`` object is one row of ``event_data``, so equal data is an equal number. Numbers of rows are
never used twice: what somebody kept of a deleted row can not be taken for another.

Models are bound to no database; a query is given one when it is executed (``query.execute(database)``), so that a
program can have several stores open. Instants and durations are integer microseconds.
"""

# ruff: noqa: D106 - peewee's ``Meta`` is configuration, the model has the docstring

from __future__ import annotations

from typing import Any, Final

import peewee


class RowId(peewee.BigAutoField):
    """A primary key that is never used again after its row was deleted."""

    def ddl(self, ctx: Any) -> peewee.NodeList:
        """Return the column's definition; SQLite reuses numbers unless told ``AUTOINCREMENT``."""
        column = super().ddl(ctx)
        if ctx.state.field_types["BIGAUTO"] == peewee.SqliteDatabase.field_types["BIGAUTO"]:
            return peewee.NodeList((column, peewee.SQL("AUTOINCREMENT")))
        return column


class BucketTable(peewee.Model):
    """A bucket; ``name`` is the id that people know it by. See ``deleted`` for those that are not there any more."""

    id = RowId()
    name = peewee.TextField()
    type = peewee.TextField()
    client = peewee.TextField()
    hostname = peewee.TextField()
    data = peewee.TextField()
    pulsetime_us = peewee.BigIntegerField(null=True)
    created_us = peewee.BigIntegerField()
    #: No event of the bucket is longer: a power of two, so that it is rarely written. It never shrinks.
    longest_us = peewee.BigIntegerField()

    class Meta:
        table_name = "bucket"


class EventDataTable(peewee.Model):
    """A distinct ``data`` object: its canonical JSON, found by digest."""

    id = RowId()
    digest = peewee.BlobField()
    json = peewee.TextField()

    class Meta:
        table_name = "event_data"


class EventTable(peewee.Model):
    """An event; both ends of its time belong to it."""

    id = RowId()
    bucket = peewee.ForeignKeyField(BucketTable, index=False)
    start_us = peewee.BigIntegerField()
    end_us = peewee.BigIntegerField()
    data = peewee.ForeignKeyField(EventDataTable, index=False)

    class Meta:
        table_name = "event"


class WatermarkTable(peewee.Model):
    """The last message of a publisher and bucket that is committed; it outlives the bucket."""

    publisher = peewee.TextField()
    bucket = peewee.TextField()
    seq = peewee.BigIntegerField()

    class Meta:
        table_name = "watermark"
        primary_key = peewee.CompositeKey("publisher", "bucket")
        without_rowid = True


class DeadLetterTable(peewee.Model):
    """A message that could not be applied."""

    id = RowId()
    topic = peewee.TextField()
    payload = peewee.BlobField()
    reason = peewee.TextField()
    received_us = peewee.BigIntegerField()
    client_id = peewee.TextField()

    class Meta:
        table_name = "dead_letter"


class KeyValueTable(peewee.Model):
    """What there is one of: the database's own ``epoch`` and when it was made."""

    key = peewee.TextField(primary_key=True)
    value = peewee.TextField()

    class Meta:
        table_name = "key_value"
        without_rowid = True


class RewriteTable(peewee.Model):
    """A change of events other than behind the newest one: the bucket's timeline changed from ``from_us`` on.

    Readers that keep a part of a timeline learn from it which part is true no more. Only the latest are kept.
    """

    id = RowId()
    bucket = peewee.BigIntegerField()
    from_us = peewee.BigIntegerField()

    class Meta:
        table_name = "rewrite"


#: Events longer than this, an hour, have an index of their own: a range read looks for short ones an hour back, and
#: for long ones in there, however far back. Part of the schema.
LONG_US: Final = 3_600_000_000

#: Holds for buckets that are not deleted: the names of those that are begin with a control character, as no id does.
IS_KEPT: Final = "name >= ' '"

#: The condition of that index, in the words that make a database use it.
IS_LONG: Final = f"end_us - start_us > {LONG_US}"


def _add_index(name: str, *fields: peewee.Field, unique: bool = False, where: peewee.Expression | None = None) -> None:
    """Give a model an index with a name that does not change when the model's does."""
    index = fields[0].model.index(*fields, unique=unique, name=name)
    fields[0].model.add_index(index if where is None else index.where(where))


_add_index("bucket_by_name", BucketTable.name, unique=True)
_add_index("event_data_by_digest", EventDataTable.digest, unique=True)
_add_index("event_by_start", EventTable.bucket, EventTable.start_us)
_add_index(
    "long_event_by_start",
    EventTable.bucket,
    EventTable.start_us,
    where=EventTable.end_us - EventTable.start_us > LONG_US,
)
#: So that data which no event has any more is found when its last event goes.
_add_index("event_by_data", EventTable.data)

#: In an order in which they can be created.
TABLES: Final[tuple[type[peewee.Model], ...]] = (
    BucketTable,
    EventDataTable,
    EventTable,
    WatermarkTable,
    DeadLetterTable,
    KeyValueTable,
    RewriteTable,
)
