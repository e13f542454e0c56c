"""The outbox among threads and processes that share it, are interrupted or killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

import pytest

from pulseline_client import outbox as outbox_module
from pulseline_client.outbox import Outbox
from pulseline_core.errors import Misuse, OutboxInUse
from tests.integration.client.outbox_messages import build_drafts, read_all


def put_until_interrupted(outbox: Outbox, after_s: float) -> None:
    """Put one message after the other until a Ctrl-C arrives."""
    interrupt = threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGINT))
    try:
        interrupt.start()
        while True:
            outbox.put(build_drafts())
    except KeyboardInterrupt:
        interrupt.join()


def test_interrupted_caller_leaves_the_outbox_whole(path: Path) -> None:
    """Ctrl-C in the midst of a call: the next call works, and the file has every message once."""
    with Outbox(path) as outbox:
        for n in range(50):
            put_until_interrupted(outbox, 0.0007 * (n % 10))
        (last,) = outbox.put(build_drafts())
        found = read_all(outbox)

    assert [message.seq for message in found] == list(range(1, last.seq + 1))
    assert last.seq > 50


def test_second_open_is_refused(path: Path) -> None:
    """Two senders of one sequence would lose events."""
    with Outbox(path), pytest.raises(OutboxInUse, match="in use by another process"):
        Outbox(path).__enter__()
    with Outbox(path):
        pass


def test_second_process_is_refused_until_the_first_is_killed(path: Path) -> None:
    """The lock dies with its process."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.client.putter", str(path), "1"],
        stdout=subprocess.PIPE,
        env=build_environment(),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(OutboxInUse):
            Outbox(path).__enter__()
        process.kill()
        process.stdout.read()

    with Outbox(path) as outbox:
        assert outbox.messages > 0


def build_environment() -> dict[str, str]:
    """Return an environment in which a child finds this project."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def test_opened_before_a_fork_it_refuses_the_child(path: Path) -> None:
    """A child would share file positions and locks that SQLite relies on."""
    with Outbox(path) as outbox:
        context = multiprocessing.get_context("fork")
        answers = context.SimpleQueue()

        def put_in_child() -> None:
            try:
                outbox.put(build_drafts())
            except Misuse as error:
                answers.put(str(error))

        child = context.Process(target=put_in_child)
        child.start()
        child.join()
        assert "fork" in answers.get()
        outbox.put(build_drafts())


@pytest.mark.parametrize("threads", [1, 8])
def test_every_put_that_returned_is_there_after_kill_9(path: Path, threads: int) -> None:
    """Over several lives: nothing promised is missing, and each bucket's numbers follow one another."""
    promised: dict[str, set[int]] = defaultdict(set)
    for lines in (50, 400, 1000):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.integration.client.putter", str(path), str(threads)],
            stdout=subprocess.PIPE,
            env=build_environment(),
        ) as process:
            assert process.stdout is not None
            written = [process.stdout.readline() for _ in range(lines)]
            process.send_signal(signal.SIGKILL)
            written += process.stdout.readlines()
        for line in written:
            bucket, _, seq = line.decode().partition(" ")
            assert int(seq) not in promised[bucket], "a number was given twice"
            promised[bucket].add(int(seq))

    with Outbox(path) as outbox:
        kept: dict[str, list[int]] = defaultdict(list)
        for message in read_all(outbox):
            kept[message.bucket_id].append(message.seq)
    for bucket, seqs in promised.items():
        oldest = kept[bucket][0]
        assert kept[bucket] == list(range(oldest, kept[bucket][-1] + 1))
        assert max(seqs) <= kept[bucket][-1]
        assert oldest <= max(seqs) - 9, "something was deleted that was not confirmed"


def test_threads_share_commits(path: Path) -> None:
    """Sixteen threads put together, and none waits for sixteen syncs."""
    commits = 0
    with Outbox(path) as outbox:
        write = outbox._write

        def count_commits(connection: sqlite3.Connection, group: outbox_module._Group) -> list[int]:
            nonlocal commits
            commits += 1
            return write(connection, group)

        outbox._write = count_commits  # type: ignore[method-assign]  # counts what it calls

        def put() -> None:
            for _ in range(50):
                outbox.put(build_drafts())

        threads = [threading.Thread(target=put) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [message.seq for message in read_all(outbox)] == list(range(1, 801))

    assert commits < 400
