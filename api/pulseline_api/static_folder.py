"""A folder whose files are served as they are: those that lie in it, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flask import Response, send_file
from werkzeug.exceptions import NotFound as PathNotFound

from pulseline_core.errors import InvalidSetting

_INDEX: Final = "index.html"


class StaticFolder:
    """The files below a folder; looked up anew at each request, so that a new build shows at once.

    Args:
        path: the folder.
        policy: the ``Content-Security-Policy`` of all that it holds.
    """

    def __init__(self, path: Path, *, policy: str) -> None:
        self._root = path.resolve()
        self._policy = policy

    def check(self, setting: str) -> None:
        """Raise ``InvalidSetting`` unless there is a page to begin with."""
        try:
            is_there = (self._root / _INDEX).is_file()
        except OSError:
            is_there = False
        if not is_there:
            raise InvalidSetting(setting, f"names a folder without an index.html: {str(self._root)!r}")

    def serve(self, name: str) -> Response:
        """Answer a file; the name of a folder, with a slash at its end or empty, is that of its ``index.html``.

        A browser may keep the file, and has to ask whether it is still the same (``ETag``, 304).

        Raises:
            PathNotFound: there is none, it is hidden, or it lies elsewhere.
        """
        path = self._find(f"{name}{_INDEX}" if not name or name.endswith("/") else name)
        try:
            response = send_file(path, conditional=True)
        except OSError as error:  # gone since, or not ours to read
            raise PathNotFound from error
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = self._policy
        return response

    def _find(self, name: str) -> Path:
        if not all(part and part[0] != "." for part in name.split("/")):
            raise PathNotFound
        try:
            path = (self._root / name).resolve()  # follows symbolic links
            is_served = path.is_relative_to(self._root) and path.is_file()
        except (OSError, ValueError, RuntimeError) as error:  # too long, with a NUL, a circle of links
            raise PathNotFound from error
        if not is_served:
            raise PathNotFound
        return path
