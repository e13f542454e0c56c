"""What one run of ``pulseline`` knows about itself, whatever command it runs."""

from __future__ import annotations

import logging
import sys


class Session:
    """Handed to every command as click's object.

    Attributes:
        is_verbose: log each step, and show a bug with its traceback.
    """

    def __init__(self) -> None:
        self.is_verbose = False

    def set_verbose(self) -> None:
        """Send the log to standard error, down to its least level."""
        self.is_verbose = True
        logging.basicConfig(
            level=logging.DEBUG, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", force=True
        )
        logging.getLogger("httpcore").setLevel(logging.INFO)
