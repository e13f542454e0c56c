"""How the whole pipeline is doing: the API's connection, broker, workers and store, from where each is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pulseline_api.broker_figures import normalise
from pulseline_api.reader import Reader
from pulseline_api.status_board import StatusBoard
from pulseline_core.bucket import Bucket
from pulseline_core.errors import PulselineError
from pulseline_core.types import JSONObject
from pulseline_core.worker_report import WorkerReport


class Pipeline:
    """Used by many threads.

    Args:
        reader: what is stored.
        board: what workers and broker said last.
        read_link: how the API's connection to the broker is doing.
    """

    def __init__(self, reader: Reader, board: StatusBoard, read_link: Callable[[], JSONObject]) -> None:
        self._reader = reader
        self._board = board
        self._read_link = read_link

    def get_link(self) -> JSONObject:
        """Return how the API's connection to the broker is doing."""
        return self._read_link()

    @property
    def is_connected(self) -> bool:
        """Whether what is heard of broker and workers is of now."""
        return self.get_link().get("connected") is True

    def get_workers(self) -> Sequence[WorkerReport]:
        """Return what each worker said last."""
        return self._board.get_workers()

    def get_broker_topics(self) -> JSONObject:
        """Return what the broker says, in its own words."""
        return self._board.get_broker()

    def get_broker(self) -> JSONObject:
        """Return what the broker says, in ours."""
        return normalise(self._board.get_broker())

    def read_buckets(self) -> Sequence[Bucket]:
        """Return all buckets; raise ``StoreUnavailable``."""
        return self._reader.read_buckets()

    def count_dead_letters(self) -> int:
        """Return how many messages could not be applied and are kept; raise ``StoreUnavailable``."""
        return self._reader.count_dead_letters()

    def check_parts(self) -> dict[str, bool]:
        """Return for each part whether it does its work.

        The broker can be reached; the store can be read; and what is published comes through at least one worker into
        the store. That one of several workers does not is for an alarm: the others take over.
        """
        return {
            "broker": self.is_connected,
            "store": self._is_readable(),
            "ingest": any(worker.makes_progress for worker in self.get_workers()),
        }

    def _is_readable(self) -> bool:
        try:
            self._reader.check()
        except PulselineError:
            return False
        return True
