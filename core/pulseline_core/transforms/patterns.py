r"""Patterns that can not hang, with the meaning of Python's ``re.search``.

A pattern goes to google-re2 where it can be spelled for it (``spelling``): that takes a time linear in the text. What
re2 lacks, look-around and references back, goes to the ``regex`` module with a time-out; it also takes what users of
ActivityWatch's Rust server write, as in ``\p{Greek}`` and ``(?i)`` in the middle. Linear can be long too, for a large
pattern and a long text; there the time-out is the better bound.

Many patterns that are asked about one text go into one ``re2.Set``: an automaton of all of them, which reads the text
once and says which match. An automaton that outgrows its memory says the same as one that found nothing; so the set
also holds the empty pattern, which matches always, and an answer without it is none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Final

import re2
import regex

from pulseline_core.errors import InvalidPattern, PatternTooSlow
from pulseline_core.transforms.data_pool import do_nothing
from pulseline_core.transforms.spelling import spell

#: How long one search of one text may take where it is not linear. Sound patterns take some microseconds.
SEARCH_LIMIT_S: Final = 0.5

#: The ``regex`` module writes ``(a{9}){9}`` out to 81 signs, some 250 bytes each, before any search.
MAX_SIGNS: Final = 20_000

#: Patterns of up to so many signs are small: more of them are kept.
_SMALL_SIGNS: Final = 500

#: Signs of a pattern times characters of a text, at most, for re2: 22 nanoseconds each where it is slowest.
_MAX_WORK: Final = 20_000_000

#: The same for a set of patterns.
_MAX_SET_WORK: Final = 50_000_000

#: From here on a search may take some 20 ms, so that somebody may wish to stop before it.
_CHECKED_WORK: Final = 1_000_000

#: What the automaton of one pattern may take; few come near it.
_PATTERN_MEMORY_BYTES: Final = 1 << 20

#: The same for that of a set. States that do not fit are made again and again.
_SET_MEMORY_BYTES: Final = 32 << 20

#: The place of the empty pattern in a ``re2.Set``.
_SENTINEL: Final = 0

#: A repetition that the ``regex`` module writes out: whether a group may stand before it, and how often at least.
_REPETITION: Final = regex.compile(r"(?P<group>[)\s}])?\{(?P<least>\d+)(?:,\d*)?\}")

#: A number with so many is too large anyhow.
_MAX_DIGITS: Final = 6

#: ``(?R)`` and its like call a pattern from within: Python and Rust have no such thing, and it eats memory.
_CALL: Final = regex.compile(r"\(\?(?:R|[+-]?\d|&|P>)")


class Pattern:
    """One regular expression; it says whether it matches anywhere in a text.

    Attributes:
        text: as it was written.
        spelling: how re2 reads it; ``None`` if it does not.
        size: of its program in re2.
    """

    def __init__(self, text: str, *, ignore_case: bool = False) -> None:
        """Read a pattern.

        Raises:
            InvalidPattern: it is wrong, or too large.
        """
        self.text = text
        spelling = spell(text, ignore_case=ignore_case)
        linear = None if spelling is None else _build_linear(spelling.plain)
        self.spelling = None if linear is None else spelling
        self.size: int = 0 if linear is None else linear.programsize
        self._ignore_case = ignore_case
        if linear is None:
            _build_thorough(text, count_signs(text), ignore_case=ignore_case)

    def search(self, text: str, *, check: Callable[[], None] = do_nothing) -> bool:
        """Return whether there is a match.

        Args:
            text: without lone surrogates.
            check: called before a search that may take long; may raise to stop it.

        Raises:
            PatternTooSlow: a search took more than ``SEARCH_LIMIT_S``.
        """
        spelling = self.spelling
        if spelling is not None and self.size * len(text) <= _MAX_WORK and spelling.is_plain_for(text):
            linear = _build_linear(spelling.plain)
            if linear is not None:
                return linear.search(text.encode()) is not None
        check()
        try:
            return self._get_thorough().search(text, timeout=SEARCH_LIMIT_S) is not None
        except (TimeoutError, InvalidPattern) as error:
            raise PatternTooSlow(self.text, limit_s=SEARCH_LIMIT_S) from error

    def _get_thorough(self) -> regex.Pattern[str]:
        """Return the pattern for the engine with the time-out.

        Raises:
            InvalidPattern: it is for re2 alone, being too large for the other.
        """
        text = self.text if self.spelling is None else self.spelling.exact
        return _build_thorough(text, count_signs(self.text), ignore_case=self._ignore_case)


@lru_cache(maxsize=32)
def build_pattern(text: str) -> Pattern:
    """Return a pattern, the latest few ready made.

    Raises:
        InvalidPattern: it is wrong, or too large.
    """
    return Pattern(text)


class _Automaton:
    """An automaton of several patterns that reads a text once."""

    def __init__(self, spellings: Mapping[int, str], size: int) -> None:
        """Take patterns in re2's spelling under numbers, and how large their programs are together."""
        self._size = size
        self._members = [_SENTINEL, *spellings]
        self._set = _build_set(spellings.values())

    def search(self, text: str, check: Callable[[], None]) -> tuple[int, ...] | None:
        """Return the numbers of the patterns that match, in order; ``None`` if it can not say."""
        work = self._size * len(text)
        if work > _CHECKED_WORK:
            check()
        if self._set is None or work > _MAX_SET_WORK:
            return None
        matches = self._set.Match(text.encode())
        if not matches or _SENTINEL not in matches:
            return None
        if len(matches) == 1:
            return ()
        members = self._members
        if len(matches) == 2:
            return (members[max(matches)],)
        return tuple([members[match] for match in sorted(matches)[1:]])


class PatternSet:
    """Patterns that are all asked about each text.

    Most texts are plain for all patterns, and one automaton says all about them. For the others, another one finds all
    that may match, and each of these is searched for by itself where it has a word's edge or an end in it.
    """

    def __init__(self, patterns: Mapping[int, Pattern]) -> None:
        """Take patterns under numbers, in order of these."""
        self._patterns = patterns
        self._spellings = {number: each.spelling for number, each in patterns.items() if each.spelling is not None}
        self._others = [number for number in patterns if number not in self._spellings]
        self._has_assertion = any(each.has_edge or each.has_end for each in self._spellings.values())

    @cached_property
    def _plain(self) -> _Automaton:
        return self._build({number: spelling.plain for number, spelling in self._spellings.items()})

    @cached_property
    def _sieve(self) -> _Automaton:
        return self._build({number: spelling.sieve for number, spelling in self._spellings.items()})

    def _build(self, spellings: Mapping[int, str]) -> _Automaton:
        return _Automaton(spellings, sum(pattern.size for pattern in self._patterns.values()))

    def build_search(
        self, *, skip: Collection[int] = (), check: Callable[[], None] = do_nothing
    ) -> Callable[[str], tuple[int, ...]]:
        """Return what finds the numbers of the patterns that match somewhere in a text, in order.

        It takes a text without lone surrogates, and raises ``PatternTooSlow`` if a search took more than
        ``SEARCH_LIMIT_S``.

        Args:
            skip: the numbers of patterns to leave out.
            check: called before a search that may take long; may raise to stop it.
        """
        has_assertion, is_enough = self._has_assertion, not self._others and not skip

        def search(text: str) -> tuple[int, ...]:
            is_plain = not has_assertion or (text.isascii() and text != "" and "\n" not in text)
            found = (self._plain if is_plain else self._sieve).search(text, check)
            if found is not None and is_plain and is_enough:
                return found
            candidates = self._patterns if found is None else sorted((*found, *self._others))
            return tuple(
                [
                    number
                    for number in candidates
                    if number not in skip
                    and (
                        (found is not None and self._is_sure(number, is_plain=is_plain))
                        or self._patterns[number].search(text, check=check)
                    )
                ]
            )

        return search

    def _is_sure(self, number: int, *, is_plain: bool) -> bool:
        """Return whether a pattern is in a text because the automaton for such texts found it there."""
        spelling = self._spellings.get(number)
        return spelling is not None and (is_plain or not (spelling.has_edge or spelling.has_end))


def _build_options(memory_bytes: int) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory_bytes
    return options


@lru_cache(maxsize=128)
def _build_linear(plain: str) -> re2._Regexp | None:
    """Return what re2 makes of a spelling, or ``None`` if it is too large for it.

    The latest ones are kept here, not where they are used: so many automata may have their memory, and no more.
    """
    try:
        return re2.compile(plain, _build_options(_PATTERN_MEMORY_BYTES))
    except re2.error:
        return None


def _build_set(spellings: Iterable[str]) -> re2.Set | None:
    """Return the automaton of the empty pattern and some others; ``None`` if it is too large."""
    automaton = re2.Set.SearchSet(_build_options(_SET_MEMORY_BYTES))
    for spelling in ("", *spellings):
        automaton.Add(spelling)
    try:
        automaton.Compile()
    except re2.error:
        return None
    return automaton


def _build_thorough(text: str, signs: int, *, ignore_case: bool) -> regex.Pattern[str]:
    """Return what the ``regex`` module makes of a pattern that writes out to so many signs."""
    if signs > MAX_SIGNS:
        raise InvalidPattern(text, f"it is too large: its repetitions write out to more than {MAX_SIGNS} signs")
    build = _build_small if signs <= _SMALL_SIGNS else _build_large
    return build(text, ignore_case)


def _compile(text: str, ignore_case: bool) -> regex.Pattern[str]:
    if _CALL.search(text):
        raise InvalidPattern(text, "it calls itself")
    flags = regex.VERSION0 | (regex.IGNORECASE if ignore_case else 0)
    try:
        return regex.compile(text, flags, cache_pattern=False)
    except regex.error as error:
        problem, position = error.msg, error.pos  # type: ignore[attr-defined]  # the stubs have neither
        raise InvalidPattern(text, problem, position=position) from error
    except RecursionError as error:
        raise InvalidPattern(text, "it is nested too deeply") from error
    except (ValueError, OverflowError) as error:
        raise InvalidPattern(text, str(error)) from error


#: The latest patterns are kept here, not where they are used, so that there is a bound to the memory of all together.
_build_small: Final = lru_cache(maxsize=1024)(_compile)
_build_large: Final = lru_cache(maxsize=16)(_compile)


def count_signs(text: str) -> int:
    """Return at most how many signs a pattern has once its repetitions are written out; no more than it matters.

    Repetitions of groups may lie within one another, so they are multiplied; of the others only the largest counts.
    """
    groups, most = 1, 1
    for repetition in _REPETITION.finditer(text):
        least = int(repetition["least"][:_MAX_DIGITS])
        if repetition["group"] is None:
            most = max(most, least)
        else:
            groups = min(groups * max(least, 1), MAX_SIGNS)
    return groups * most * len(text)
