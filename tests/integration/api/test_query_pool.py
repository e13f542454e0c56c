"""Queries in processes of their own: what becomes of the query, and of the next one, whatever happens to a process."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from time import monotonic

import pytest
from werkzeug.exceptions import ServiceUnavailable

from pulseline_api.client_watch import ClientGone, ClientWatch
from pulseline_api.query_pool import QueryPool
from pulseline_api.query_process import QueryFailed, QueryProcessLost
from pulseline_core.errors import Closed, Unavailable
from pulseline_core.query.errors import QueryInterpretError, QueryParseError
from tests.integration.api.queries import ask, begin, build_pool, build_request, find_modules


@pytest.fixture(autouse=True)
def _modules(monkeypatch: pytest.MonkeyPatch) -> None:
    find_modules(monkeypatch)


@pytest.fixture(name="pool")
def _pool() -> Iterator[QueryPool]:
    """Return one process, whose queries may run for long."""
    with build_pool() as pool:
        yield pool


def is_alive(pid: int) -> bool:
    """Return whether a process is there; one of ours that has ended is not, once it was waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_query_is_run_with_all_that_was_asked(pool: QueryPool) -> None:
    """In another process, which stays for the next."""
    first = ask(pool, "answer")

    assert first["starts"] == ["2026-11-23T00:00:00+00:00"]
    assert first["pid"] == ask(pool, "answer")["pid"] != os.getpid()


def test_warnings_come_with_the_last_piece(pool: QueryPool) -> None:
    """They are what the run returns."""
    run = begin(pool, "answer", "pattern '(' can not be read")
    next(run)

    with pytest.raises(StopIteration) as caught:
        next(run)

    assert caught.value.value == ("pattern '(' can not be read",)


def test_many_pieces_arrive_in_order_and_whole(pool: QueryPool) -> None:
    """More than any buffer between the two holds."""
    text = ask(pool, "many 20")[0]

    assert len(text) == 20 * 1024 * 1024


def test_wrong_query_is_told(pool: QueryPool) -> None:
    """And the process goes on."""
    pid = ask(pool, "answer")["pid"]

    with pytest.raises(QueryParseError, match=r"^Tried to parse nothing$"):
        ask(pool, "refuse")

    assert ask(pool, "answer")["pid"] == pid


def test_store_that_is_away_is_told(pool: QueryPool) -> None:
    """It may be there for the next query."""
    with pytest.raises(Unavailable, match="database is away"):
        ask(pool, "away")


def test_bug_is_told_with_its_traceback_and_a_new_process_answers_next(pool: QueryPool) -> None:
    """Who knows what it left behind."""
    pid = ask(pool, "answer")["pid"]

    with pytest.raises(QueryFailed) as caught:
        ask(pool, "fail")

    assert "KeyError: 'unforeseen'" in caught.value.__notes__[0]
    assert ask(pool, "answer")["pid"] != pid


@pytest.mark.parametrize("how", ["killed", "crashed"])
def test_end_of_a_process_is_the_end_of_its_query_alone(pool: QueryPool, how: str) -> None:
    """As when the system has no memory left; the next query finds another process."""
    run = begin(pool, "crash" if how == "crashed" else "hang")
    next(run)
    pid = pool.pids[0]
    if how == "killed":
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(QueryProcessLost, match="SIGKILL"):
        next(run)

    assert ask(pool, "answer")["pid"] != pid
    assert not is_alive(pid)


def test_process_that_was_killed_between_two_queries_is_not_missed(pool: QueryPool) -> None:
    """Another one is started."""
    pid = ask(pool, "answer")["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert ask(pool, "answer")["pid"] != pid


@pytest.mark.parametrize("word", ["loop", "hang", "hold"])
def test_query_ends_when_its_time_is_over(word: str) -> None:
    """By itself, or with its process, when it hears nothing."""
    with build_pool(timeout_s=0.5) as pool:
        pid = ask(pool, "answer")["pid"]
        began = monotonic()

        with pytest.raises(QueryInterpretError, match=r"longer than 0\.5 s"):
            ask(pool, word)

        assert monotonic() - began < 4
        assert (ask(pool, "answer")["pid"] == pid) is (word == "loop")


@pytest.mark.parametrize("word", ["fill", "overflow"])
def test_query_that_takes_all_memory_is_refused(pool: QueryPool, word: str) -> None:
    """Long before the machine has none left, and the memory goes with its process."""
    assert ask(pool, "memory") == 512 * 1024 * 1024
    pid = pool.pids[0]

    with pytest.raises(QueryInterpretError, match="limit is 536870912"):
        ask(pool, word)

    assert ask(pool, "answer")["pid"] != pid


def test_answer_that_nobody_takes_any_more_ends_with_its_process(pool: QueryPool) -> None:
    """As when the disk is full; the place is free again."""
    run = begin(pool, "many 20")
    next(run)
    pid = pool.pids[0]

    run.close()

    assert ask(pool, "answer")["pid"] != pid


@pytest.fixture(name="client")
def _client() -> Iterator[tuple[ClientWatch, socket.socket]]:
    """Return a watch over a client, and the client."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ClientWatch(ours), theirs


@pytest.mark.parametrize("word", ["loop", "hang"])
def test_hang_up_stops_a_query(pool: QueryPool, client: tuple[ClientWatch, socket.socket], word: str) -> None:
    """Which ends by itself, or with its process, when it hears nothing."""
    watch, other_end = client
    run = begin(pool, word, client=watch)
    next(run)
    pid = pool.pids[0]
    began = monotonic()
    other_end.close()

    with pytest.raises(ClientGone):
        next(run)

    assert monotonic() - began < 3
    assert (ask(pool, "answer")["pid"] == pid) is (word == "loop")


def test_hang_up_while_the_process_starts_is_noticed(client: tuple[ClientWatch, socket.socket]) -> None:
    """And the process is there for others."""
    watch, other_end = client
    other_end.close()
    with build_pool() as pool:
        pid = pool.pids[0]

        with pytest.raises(ClientGone):
            ask(pool, "answer", client=watch)

        assert ask(pool, "answer")["pid"] == pid


def test_client_that_sends_more_is_not_gone(pool: QueryPool, client: tuple[ClientWatch, socket.socket]) -> None:
    """Its next request may come before the answer to this one."""
    watch, other_end = client
    other_end.sendall(b"GET / HTTP/1.1\r\n")

    assert ask(pool, "answer", client=watch)["pid"]


def test_queries_that_find_no_free_process_wait_for_one(pool: QueryPool) -> None:
    """For less time than a query may run."""
    run = begin(pool, "loop")
    next(run)
    answers: list[object] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(pool, "answer")))
    waiting.start()

    run.close()
    waiting.join(20)

    assert len(answers) == 1


def test_query_that_waits_for_too_long_is_turned_away() -> None:
    """With the time after which to ask again."""
    with build_pool(timeout_s=0.5) as pool, closing(begin(pool, "hang")) as run:
        next(run)

        with pytest.raises(ServiceUnavailable, match=r"left no process free within 0\.2 s") as caught:
            ask(pool, "answer")

    assert caught.value.retry_after is not None


def test_more_queries_than_there_are_places_are_turned_away_at_once() -> None:
    """Each holds a thread of the server."""
    with build_pool(places=1) as pool, closing(begin(pool, "loop")) as run:
        next(run)

        with pytest.raises(ServiceUnavailable, match="1 queries run or wait already"):
            ask(pool, "answer")


def test_hang_up_is_noticed_while_a_query_waits_for_its_turn(
    pool: QueryPool, client: tuple[ClientWatch, socket.socket]
) -> None:
    """It gives its place to others."""
    watch, other_end = client
    with closing(begin(pool, "loop")) as run:
        next(run)
        other_end.close()

        with pytest.raises(ClientGone):
            ask(pool, "answer", client=watch)


def test_processes_are_started_as_they_are_needed() -> None:
    """The first one with the pool; and the one that was used last is used next."""
    with build_pool(workers=2) as pool:
        (first,) = pool.pids
        assert ask(pool, "answer")["pid"] == ask(pool, "answer")["pid"] == first

        with closing(begin(pool, "loop")) as run:
            next(run)
            second = ask(pool, "answer")["pid"]

        assert second != first
        assert sorted(pool.pids) != sorted([first, second])  # the first one's answer was not taken to its end


@pytest.mark.parametrize("word", ["loop", "hang", "hold"])
def test_close_ends_the_processes_and_their_queries(word: str) -> None:
    """At once, whatever they do."""
    errors: list[Exception] = []
    has_begun = threading.Event()

    def run() -> None:
        try:
            for _ in begin(pool, word):
                has_begun.set()
        except (QueryProcessLost, Closed) as error:
            errors.append(error)

    with build_pool(workers=2) as pool:
        thread = threading.Thread(target=run)
        thread.start()
        assert has_begun.wait(20)
        (pid,) = pool.pids
        began = monotonic()
    took_s = monotonic() - began
    thread.join(10)

    assert took_s < 1
    assert len(errors) == 1
    assert not is_alive(pid)
    with pytest.raises(Closed):
        ask(pool, "answer")


def test_process_that_does_not_start_is_told() -> None:
    """Each time: something is not installed."""
    with build_pool(engine="tests.integration.api.scripted_engine:open_nothing") as pool:
        for _ in range(2):
            with pytest.raises(QueryProcessLost, match="exit code 9"):
                ask(pool, "answer")


def test_system_that_starts_no_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool opens all the same; its next query tries again."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as full:
        full.setattr("subprocess.Popen", refuse)
        pool = build_pool()
        pool.__enter__()
        with pytest.raises(QueryProcessLost, match=r"could not be started: .*temporarily"):
            ask(pool, "answer")

    with closing(pool):
        assert ask(pool, "answer")["pid"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_for_everybody_end_no_query(pool: QueryPool, number: signal.Signals) -> None:
    """The API is told as well, and ends the process in its turn."""
    pid = ask(pool, "answer")["pid"]

    os.kill(pid, number)

    assert ask(pool, "answer")["pid"] == pid


def test_name_of_a_query_reaches_it(pool: QueryPool) -> None:
    """Text of any script."""
    (answer,) = pool.run(build_request("answer", name="Ümlaut"), ClientWatch())

    assert '"name": "Ümlaut"'.encode() in answer
