r"""How a pattern of Python's is spelled for google-re2, where that means exactly the same.

re2 takes the same time for every letter of a text, whatever the pattern; it knows neither look-around nor references
back. Where it has the same signs it may mean others: its ``\w``, ``\d`` and ``\s`` are ASCII's, its ``$`` is the very
end, its ``\b`` does not know Cyrillic. So a pattern is read sign by sign and written anew with Python's meaning; one
with a sign that is not in the table below has no spelling here.

Two assertions can not be written for re2: ``\b`` and ``\B`` for texts beyond ASCII, and ``$`` before a line break at
the end. A pattern that has them is plain for the other texts only (``Spelling.is_plain_for``); for these there is a
spelling for an engine with look-around, the ``regex`` module.

Only whether there is a match counts: groups capture nothing, and lazy is greedy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: re2 refuses to repeat more often.
MAX_REPEAT: Final = 1000

#: Python, ignoring case, takes each of these for the others; re2 and ``regex`` keep some of them apart.
DOTTED_AND_DOTLESS: Final = "Ii\u0130\u0131"

#: What ``str.isspace`` says, for the inside of a set.
_SPACES: Final = "\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

#: Python's classes, each for the inside of a set.
_CLASSES: Final = {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": _SPACES}

_WORD: Final = f"(?-i:[{_CLASSES['w']}])"

#: ``\b`` and ``\B`` with look-around; neither holds in the empty text.
_EDGES: Final = {
    "b": rf"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))",
    "B": rf"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))(?!\A\Z)",
}

#: One character, in or outside a set.
_CHARACTER: Final = r"\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\[afnrtv]|\\[^0-9A-Za-z]"

_SIGN: Final = re.compile(
    rf"""
    (?P<open> \( (?: \?: | \?P?<[A-Za-z_][A-Za-z_0-9]*> | (?!\?) ) )
  | (?P<close> \) )
  | (?P<bar> \| )
  | (?P<repeat> (?: [*+?] | \{{ (?: (?P<least>[0-9]+) ,? | , (?=[0-9]) ) (?P<most>[0-9]*) \}} ) \?? )
  | (?P<set> \[ (?P<complement>\^?) (?P<members> \]? (?: [^\]\\] | \\. )* ) \] )
  | (?P<class> \\ [dDwWsS] )
  | (?P<start> \^ | \\A )
  | (?P<end> \$ )
  | (?P<very_end> \\Z )
  | (?P<edge> \\ [bB] )
  | (?P<any> \. )
  | (?P<character> {_CHARACTER} | \{{ (?![0-9]*,?[0-9]*\}}) | [^\\()\[{{|*+?.^$] )
    """,
    re.VERBOSE | re.DOTALL,
)

_MEMBER: Final = re.compile(rf"(?P<class>\\[dDwWsS])|(?P<character>\\b|{_CHARACTER}|[^\\])", re.DOTALL)

_CONTROLS: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

_IGNORE_CASE: Final = "(?i)"


@dataclass(frozen=True, slots=True)
class Spelling:
    """A pattern, written anew.

    Attributes:
        plain: for re2; means the same for the texts that ``is_plain_for`` is true of.
        sieve: for re2; finds every text that the pattern does, and where there are edges others too.
        exact: for an engine with look-around.
        has_edge: there is a word's edge in it.
        has_end: there is a ``$`` in it.
    """

    plain: str
    sieve: str
    exact: str
    has_edge: bool
    has_end: bool

    def is_plain_for(self, text: str) -> bool:
        """Return whether re2 and Python agree on what the assertions mean in a text."""
        if self.has_edge and not (text and text.isascii()):
            return False
        return not self.has_end or "\n" not in text


class _NoSpelling(Exception):
    """The pattern holds something that can not be written for re2, or that is wrong."""


def spell(pattern: str, *, ignore_case: bool) -> Spelling | None:
    """Return the spelling of a pattern, or ``None`` where there is none (it may be a wrong pattern too)."""
    if pattern.startswith(_IGNORE_CASE):
        return spell(pattern.removeprefix(_IGNORE_CASE), ignore_case=True)
    try:
        pattern.encode()
        return _Writer(ignore_case=ignore_case).write(pattern)
    except (_NoSpelling, UnicodeEncodeError):
        return None


class _Writer:
    """Reads a pattern from left to right and writes its three spellings."""

    def __init__(self, *, ignore_case: bool) -> None:
        self._ignore_case = ignore_case
        #: (plain, sieve, exact) of each sign.
        self._pieces: list[tuple[str, str, str]] = []
        self._depth = 0
        self._can_repeat = False
        self._has_edge = False
        self._has_end = False

    def write(self, pattern: str) -> Spelling:
        """Return the spellings; raise ``_NoSpelling`` at the first sign that has none."""
        place = 0
        while place < len(pattern):
            sign = _SIGN.match(pattern, place)
            if sign is None:
                raise _NoSpelling
            self._write_sign(sign)
            place = sign.end()
        if self._depth:
            raise _NoSpelling
        flags = _IGNORE_CASE if self._ignore_case else ""
        plain, sieve, exact = (flags + "".join(piece[kind] for piece in self._pieces) for kind in range(3))
        return Spelling(plain, sieve, exact, self._has_edge, self._has_end)

    def _write_sign(self, sign: re.Match[str]) -> None:
        match sign.lastgroup:
            case "open":
                self._depth += 1
                self._add("(?:", can_repeat=False)
            case "close":
                self._close()
            case "bar":
                self._add("|", can_repeat=False)
            case "repeat":
                self._repeat(sign)
            case "set":
                self._add(
                    _spell_set(sign["members"], complement=bool(sign["complement"]), ignore_case=self._ignore_case)
                )
            case "class":
                self._add(_spell_class(sign["class"][1]))
            case "any":
                self._add(".")
            case "character":
                self._add(self._spell_character(_read_character(sign["character"])))
            case _:
                self._assert(sign)

    def _add(self, text: str, *, can_repeat: bool = True) -> None:
        self._pieces.append((text, text, text))
        self._can_repeat = can_repeat

    def _close(self) -> None:
        if not self._depth:
            raise _NoSpelling
        self._depth -= 1
        self._add(")")

    def _repeat(self, sign: re.Match[str]) -> None:
        if not self._can_repeat:
            raise _NoSpelling
        self._add(_spell_repeat(sign), can_repeat=False)

    def _assert(self, sign: re.Match[str]) -> None:
        self._can_repeat = False
        match sign.lastgroup:
            case "start":
                self._pieces.append((r"\A", r"\A", r"\A"))
            case "end":
                self._has_end = True
                self._pieces.append((r"\z", "(?m:$)", r"(?=\n?\Z)"))
            case "very_end":
                self._pieces.append((r"\z", r"\z", r"\Z"))
            case _:
                self._has_edge = True
                self._pieces.append((sign["edge"], "", _EDGES[sign["edge"][1]]))

    def _spell_character(self, character: str) -> str:
        if self._ignore_case and character in DOTTED_AND_DOTLESS:
            return f"[{DOTTED_AND_DOTLESS}]"
        return _escape(character)


def _spell_repeat(sign: re.Match[str]) -> str:
    """Return a repetition, without the mark of a lazy one."""
    written = sign["repeat"].removesuffix("?") or "?"
    if sign["most"] is None:
        return written[0]
    least = int(sign["least"] or 0)
    most = int(sign["most"] or least)
    if not least <= most <= MAX_REPEAT:
        raise _NoSpelling
    return written if sign["least"] else f"{{0,{most}}}"


def _spell_class(letter: str) -> str:
    r"""Return ``\d`` and its like; as they have no case, without folding it."""
    complement = "^" if letter.isupper() else ""
    return f"(?-i:[{complement}{_CLASSES[letter.lower()]}])"


def _spell_set(members: str, complement: bool, *, ignore_case: bool) -> str:
    """Return ``[...]``: as one set, or as the choice between one and the classes that it holds."""
    classes, ranges = _read_members(members)
    if ignore_case:
        ranges = _fold(ranges)
    inside = "".join(_spell_range(*each) for each in ranges)
    if not classes:
        return f"[{'^' if complement else ''}{inside}]"
    if not complement:
        choices = [_spell_class(letter) for letter in classes] + ([f"[{inside}]"] if inside else [])
        return f"(?:{'|'.join(choices)})"
    if any(letter.isupper() for letter in classes) or (ignore_case and any(_has_case(*each) for each in ranges)):
        raise _NoSpelling
    return f"(?-i:[^{''.join(_CLASSES[letter] for letter in classes)}{inside}])"


def _read_members(members: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the letters of the classes in a set, and the first and last character of each range in it."""
    signs = list(_MEMBER.finditer(members))
    classes: list[str] = []
    ranges: list[tuple[str, str]] = []
    place = 0
    while place < len(signs):
        is_range = place + 2 < len(signs) and signs[place + 1][0] == "-"
        first, last = signs[place], signs[place + 2 if is_range else place]
        if first["class"] is not None and not is_range:
            classes.append(first["class"][1])
        elif first["class"] is not None or last["class"] is not None:
            raise _NoSpelling
        else:
            ranges.append((_read_character(first[0]), _read_character(last[0])))
        place += 3 if is_range else 1
    if not all(first <= last for first, last in ranges) or "".join(sign[0] for sign in signs) != members:
        raise _NoSpelling
    return classes, ranges


def _fold(ranges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return ranges with what Python, ignoring case, adds to them and re2 does not."""
    if any(last > "\uffff" for _, last in ranges):
        raise _NoSpelling  # Python folds these another way
    if any(first <= letter <= last for first, last in ranges for letter in DOTTED_AND_DOTLESS):
        return ranges + [(letter, letter) for letter in DOTTED_AND_DOTLESS]
    return ranges


def _has_case(first: str, last: str) -> bool:
    return first != last or first.lower() != first or first.upper() != first


def _spell_range(first: str, last: str) -> str:
    return _escape(first) if first == last else f"{_escape(first)}-{_escape(last)}"


def _read_character(sign: str) -> str:
    """Return the character that a sign stands for; raise ``_NoSpelling`` if there is no such one."""
    if sign[0] != "\\" or len(sign) == 1:
        return sign
    if sign[1] in "xuU":
        digits = sign[2:]
        number = int(digits, base=16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise _NoSpelling
        return chr(number)
    return _CONTROLS.get(sign[1], sign[1])


def _escape(character: str) -> str:
    r"""Return a character as both engines take it, in and outside a set: ``\`` before ASCII's punctuation."""
    return (
        f"\\{character}" if character.isascii() and character.isprintable() and not character.isalnum() else character
    )
