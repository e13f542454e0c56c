"""A disk that fills up under a running Pulseline, and is emptied again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.e2e.devices import Device
from tests.e2e.up_process import Up, build_small_disk
from tests.storm.system import find_descendants, wait_until

DISK_BYTES = 16 * 1024 * 1024

TOPIC = "pulseline/v1/load/events"


def build_payload(number: int) -> bytes:
    """Return an event of 50 KB, so that a disk is soon full."""
    return b'{"data": {"number": %d, "filler": "%s"}}' % (number, b"x" * 50_000)


def fill(path: Path) -> None:
    """Write a file until the disk is full to the last byte."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        for size_bytes in (65_536, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size_bytes))
    with path.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        file.write(bytes(65_536))


def publish_until_refused(system: Up, first: int, acknowledged: set[int]) -> int:
    """Publish until a message is not acknowledged; return its number."""
    number = first
    with Device(system.mqtt_port) as device:
        while device.try_publish(TOPIC, build_payload(number)):
            acknowledged.add(number)
            number += 1
    return number


def is_accepted(system: Up, number: int) -> bool:
    """Return whether an event is acknowledged."""
    try:
        with Device(system.mqtt_port) as device:
            return device.try_publish(TOPIC, build_payload(number))
    except OSError:
        return False


def test_a_full_disk_refuses_and_an_emptied_one_goes_on(tmp_path: Path) -> None:
    """Nothing is acknowledged that is not stored, reads go on, REST says 507, and all goes on by itself afterwards."""
    disk = tmp_path / "disk"
    wrapper = build_small_disk(disk, size_bytes=DISK_BYTES)
    acknowledged: set[int] = set()
    with Up(home=tmp_path, flags=("--data-dir", str(disk / "data")), wrapper=wrapper) as system:
        children = find_descendants(system.pid)
        filler = Path(f"/proc/{system.pid}/root{disk}/filler")

        assert is_accepted(system, 0)
        fill(filler)
        refused = publish_until_refused(system, 1, acknowledged)
        reads = httpx.get(f"{system.url}/buckets/")
        write = httpx.post(f"{system.url}/buckets/load/events", json=[{"data": {"filler": "x" * 100_000}}], timeout=30)
        filler.unlink()
        wait_until(lambda: is_accepted(system, refused), timeout_s=30, what="a commit after the disk was emptied")
        acknowledged.add(refused)

        stored = {event["data"].get("number") for event in system.read_events("load")}  # type: ignore[attr-defined]  # JSON
        children_afterwards = find_descendants(system.pid)
        code = system.terminate()

    assert reads.status_code == 200
    assert (write.status_code, "no space left" in write.json()["message"]) == (507, True)
    assert acknowledged <= stored
    assert children_afterwards == children
    assert code == 0
    assert "Traceback" not in (tmp_path / "stderr.log").read_text()
