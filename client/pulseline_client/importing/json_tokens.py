"""A JSON document as a stream of tokens, however large it is. The one module that knows ijson.

Half a surrogate pair, as in a title that was cut within an emoji, is legal in JSON as an escape (RFC 8259 section 8.2),
and Python and browsers write it. The parser makes a question mark of the one half and gives up at the other. So each
half becomes a NUL before the parser sees it, which no event may hold either: the event is refused, and the next one is
read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import IO, Any, Final, TypeAlias

import ijson

from pulseline_core.errors import BadInput
from pulseline_core.types import JSONValue

#: Bytes read at once.
CHUNK_BYTES: Final = 64 * 1024

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_HIGH: Final = rb"u[dD][89abAB][0-9a-fA-F]{2}"
_LOW: Final = rb"u[dD][c-fC-F][0-9a-fA-F]{2}"

#: An escape, and a pair of them where they are one character; the group is half of such a pair.
_ESCAPE: Final = re.compile(rb"\\(?:(%b(?!\\%b)|%b)|%b\\%b|[^u])?" % (_HIGH, _LOW, _LOW, _HIGH, _LOW), re.DOTALL)

#: Bytes of the longest escape, a pair.
_ESCAPE_BYTES: Final = 12

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")

#: As long as what it replaces, so that offsets stay.
_NUL: Final = b"\\u0000"

#: What the parser raises for a document that is none: the second for bytes that are no UTF-8, the third for an exponent
#: of twenty digits.
_PARSE_ERRORS: Final = (ijson.JSONError, UnicodeDecodeError, InvalidOperation)

Token: TypeAlias = tuple[str, Any]
"""``("start_map", None)``, ``("map_key", "app")``, ``("string", "Firefox")`` and so on, as ijson names them."""


class BrokenJson(BadInput):
    """A document that is no JSON from some byte on."""

    def __init__(self, name: str, *, offset: int, problem: str) -> None:
        super().__init__(
            f"{name} is not JSON from byte {offset} on: {problem}",
            hint="what came before is imported; mend the file and import it again"
            if offset
            else "choose a database of ActivityWatch, or an export as JSON that is not compressed",
        )
        self.name = name
        self.offset = offset
        self.problem = problem


class JsonTokens:
    """Iterates over the tokens of a file from its beginning to its end.

    The file may be read by others between two tokens.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        """Store what to read.

        Args:
            file: seekable, binary.
            name: what errors call it.
        """
        self._file = file
        self._name = name
        self._begin = self._position = self._skip_mark()
        self._chunk_begin = self._position

    def _skip_mark(self) -> int:
        self._file.seek(0)
        return len(_BYTE_ORDER_MARK) if self._file.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK else 0

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._position

    def read(self, size: int) -> bytes:
        """Return the next bytes; for the parser."""
        self._file.seek(self._position)
        chunk = self._file.read(size)
        if len(chunk) == size:
            chunk = _cut_before_escape(chunk)
        self._chunk_begin = self._position
        self._position += len(chunk)
        return _mark_halves(chunk)

    def __iter__(self) -> Iterator[Token]:
        """Yield the tokens.

        Raises:
            BrokenJson: after all tokens that came before.
        """
        try:
            yield from ijson.basic_parse(self, buf_size=CHUNK_BYTES)
        except _PARSE_ERRORS as error:
            raise BrokenJson(self._name, offset=self._find_error(), problem=_explain(error)) from error

    def _find_error(self) -> int:
        """Return the offset of the first byte that does not fit, the size of the document when it ends too early.

        The parser tells no offset, so the document is read again, byte by byte where it broke.
        """
        chunk_begin, self._position = self._chunk_begin, self._begin
        parser = ijson.basic_parse_coro(_Nowhere())
        while self._position < chunk_begin:
            parser.send(self.read(CHUNK_BYTES))
        for place, byte in enumerate(self.read(CHUNK_BYTES)):
            try:
                parser.send(bytes([byte]))
            except _PARSE_ERRORS:
                return chunk_begin + place
        return self._position


def _cut_before_escape(chunk: bytes) -> bytes:
    """Return a chunk without the escape at its end that may go on in the next one; chunks begin between escapes."""
    safe = len(chunk) - _ESCAPE_BYTES
    if b"\\" in chunk[safe + 1 :]:
        for escape in _ESCAPE.finditer(chunk):
            if escape.start() > safe:
                return chunk[: escape.start()]
    return chunk


def _mark_halves(chunk: bytes) -> bytes:
    """Return a chunk with NUL in place of surrogates that stand alone."""
    if _SURROGATE.search(chunk) is None:
        return chunk
    return _ESCAPE.sub(lambda escape: escape[0] if escape[1] is None else _NUL, chunk)


class _Nowhere:
    """Takes tokens and forgets them."""

    def send(self, _: Token) -> None:
        """Forget a token."""


def _explain(error: Exception) -> str:
    """Return the reason without the excerpt that the parser draws below it."""
    if not isinstance(error, ijson.JSONError):
        return "invalid bytes in UTF-8 text" if isinstance(error, UnicodeError) else "number out of range"
    text = error.args[0] if error.args else ""
    lines = (text.decode(errors="replace") if isinstance(text, bytes) else str(text)).splitlines()
    return lines[0].rpartition("error: ")[2].rstrip(".") if lines else "parse error"


def read_value(tokens: Iterator[Token], first: Token) -> JSONValue:
    """Return the value that begins with ``first``, with all that is in it; of equal keys the last one holds."""
    kind, value = first
    if kind not in _STARTS:
        return _convert(value)  # type: ignore[no-any-return]  # a JSON scalar
    top: Any = {} if kind == "start_map" else []
    around: list[tuple[Any, str]] = []
    inner, key = top, ""
    for kind, value in tokens:
        if kind == "map_key":
            key = value
            continue
        if kind in _ENDS:
            if not around:
                break
            inner, key = around.pop()
            continue
        item: Any = _convert(value)
        if kind in _STARTS:
            item = {} if kind == "start_map" else []
        if type(inner) is dict:
            inner[key] = item
        else:
            inner.append(item)
        if kind in _STARTS:
            around.append((inner, key))
            inner = item
    return top  # type: ignore[no-any-return]  # a JSON container


def skip_value(tokens: Iterator[Token], first: Token) -> None:
    """Read to the end of the value that begins with ``first``, and forget it."""
    depth = 1 if first[0] in _STARTS else 0
    while depth:
        kind, _ = next(tokens)
        if kind in _STARTS:
            depth += 1
        elif kind in _ENDS:
            depth -= 1


_STARTS: Final = frozenset({"start_map", "start_array"})
_ENDS: Final = frozenset({"end_map", "end_array"})


def _convert(value: Any) -> Any:
    """Return a number as Python's own; the parser keeps every digit of what is not whole."""
    return float(value) if type(value) is Decimal else value
