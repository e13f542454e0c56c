"""An outbox on a full disk: what is confirmed makes room, although nothing else on the disk does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pulseline_client.outbox_room import RESERVE_BYTES
from tests.e2e.up_process import build_small_disk
from tests.integration.client.test_outbox_processes import build_environment

DISK_BYTES = 6 * 1024 * 1024

#: What every program below begins with; it runs with a disk of its own, at its first argument.
_PRELUDE = """
import os, signal, sys
from contextlib import suppress
from pathlib import Path
from pulseline_client.outbox import Outbox
from pulseline_core.errors import DiskFull
from pulseline_core.types import BucketId
from tests.e2e.test_full_disk import fill
from tests.integration.client.outbox_messages import PLUG, build_drafts, read_all

path, filler = Path(sys.argv[1]) / "outbox.db", Path(sys.argv[1]) / "filler"
LAMP = BucketId("lamp")

def put_until_full(outbox, *bucket_ids, body=b"x" * 2000):
    found = []
    with suppress(DiskFull):
        while True:
            for bucket_id in bucket_ids:
                found += outbox.put(build_drafts(bucket_id=bucket_id, body=body))
    return found
"""


def run_on_small_disk(program: str, disk: Path, *arguments: str) -> str:
    """Run a program on a disk that is thrown away afterwards; return what it printed."""
    wrapper = build_small_disk(disk, size_bytes=DISK_BYTES)
    ended = subprocess.run(
        [*wrapper, sys.executable, "-c", _PRELUDE + program, str(disk), *arguments],
        cwd=Path(__file__).parents[3],
        env=build_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("filled_by", ["itself", "somebody else"])
@pytest.mark.parametrize("before", ["goes on", "is closed", "is killed"])
def test_full_outbox_empties_itself_when_all_is_confirmed(tmp_path: Path, filled_by: str, before: str) -> None:
    """The same process, the next one, or the one after a kill: it deletes, and takes the next message."""
    program = """
filled_by, before = sys.argv[2:]

def fill_outbox(outbox):
    outbox.put(build_drafts(20, body=b"x" * 2000))
    if filled_by == "somebody else":
        fill(filler)
    put_until_full(outbox, PLUG)
    put_until_full(outbox, PLUG, body=b"x")

if before == "is killed":
    child = os.fork()
    if not child:
        fill_outbox(Outbox(path).__enter__())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
outbox = Outbox(path).__enter__()
if before != "is killed":
    fill_outbox(outbox)
if before == "is closed":
    outbox.close()
    if filled_by == "somebody else":
        fill(filler)
    outbox = Outbox(path).__enter__()
filled = outbox.messages
outbox.discard(PLUG, filled)
outbox.commit()
emptied = outbox.messages
(message,) = outbox.put(build_drafts())
print(filled >= 20, emptied, (message.id, message.seq) == (filled + 1, filled + 1), outbox.messages)
outbox.close()
"""
    assert run_on_small_disk(program, tmp_path / "disk", filled_by, before) == "True 0 True 1\n"


def test_full_outbox_that_was_emptied_fills_and_empties_again(tmp_path: Path) -> None:
    """It takes about as much as the first time, each time, and numbers go on."""
    program = """
with Outbox(path) as outbox:
    sizes = []
    for _ in range(5):
        found = put_until_full(outbox, PLUG)
        sizes.append(len(found))
        outbox.discard(PLUG, found[-1].seq)
        outbox.commit()
    print(min(sizes) > 0.8 * max(sizes), min(sizes) > 1000, found[-1].seq == sum(sizes), outbox.messages)
"""
    assert run_on_small_disk(program, tmp_path / "disk") == "True True True 0\n"


def test_full_outbox_deletes_nothing_that_is_not_confirmed(tmp_path: Path) -> None:
    """Of one bucket half is confirmed, of the other nothing; a put that is too large still has deleted, and counts."""
    program = """
with Outbox(path) as outbox:
    found = put_until_full(outbox, PLUG, LAMP)
    seq = found[-1].seq // 2
    kept = [message for message in found if message.bucket_id == LAMP or message.seq > seq]
    outbox.discard(PLUG, seq)
    with suppress(DiskFull):
        outbox.put(build_drafts(3000, body=b"x" * 2000))
    print(outbox.messages == len(kept))
    kept += outbox.put(build_drafts(bucket_id=LAMP))
    size_bytes = outbox._bytes
with Outbox(path) as outbox:
    print(read_all(outbox) == kept, outbox.messages == len(kept), outbox._bytes == size_bytes)
    print(kept[-1].id == found[-1].id + 1)
"""
    assert run_on_small_disk(program, tmp_path / "disk") == "True\nTrue True True\nTrue\n"


def test_message_that_is_larger_than_the_reserve_leaves_room_to_delete_it(tmp_path: Path) -> None:
    """It is refused when the log could hold it and the file could not."""
    program = """
with Outbox(path) as outbox:
    seqs = [message.seq for message in put_until_full(outbox, PLUG, body=b"x" * 1_400_000)]
    fill(filler)
    outbox.discard(PLUG, seqs[-1])
    outbox.commit()
    print(len(seqs), outbox.messages, outbox.put(build_drafts())[0].seq)
"""
    seqs, left, seq = map(int, run_on_small_disk(program, tmp_path / "disk").split())

    assert (left, seq) == (0, seqs + 1)
    assert seqs >= 1


def test_reserve_is_made_again_when_the_disk_has_room(tmp_path: Path) -> None:
    """The next time that the disk is full will come."""
    program = """
reserve = path.with_name("outbox.db.reserve")
with Outbox(path) as outbox:
    outbox.put(build_drafts(20))
    fill(filler)
    put_until_full(outbox, PLUG)
    outbox.discard(PLUG, outbox.last_id)
    outbox.commit()
    on_full_disk = reserve.stat().st_size
    filler.unlink()
    outbox.put(build_drafts())
    print(on_full_disk, reserve.stat().st_size)
"""
    on_full_disk, afterwards = map(int, run_on_small_disk(program, tmp_path / "disk").split())

    assert 0 < on_full_disk < RESERVE_BYTES == afterwards
