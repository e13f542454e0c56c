"""Patterns: Python's meaning, whichever engine answers; what is wrong with them; and that none hangs."""

from __future__ import annotations

import re
import warnings
from typing import Final, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pulseline_core.errors import InvalidPattern, PatternTooSlow
from pulseline_core.transforms import patterns
from pulseline_core.transforms.patterns import Pattern, PatternSet, build_pattern
from pulseline_core.transforms.spelling import DOTTED_AND_DOTLESS, spell

#: Every character that JSON can hold and Python and re2 know; outside this plane lie those that one of them may not.
CHARACTERS: Final = [chr(code) for code in range(1, 0x10000) if not 0xD800 <= code < 0xE000]

#: Those that a fold changes.
CASED: Final = [each for each in CHARACTERS if {each.lower(), each.upper(), each.casefold(), each.title()} != {each}]

SIGNS: Final = (
    *"abikIKSя日é😀²-{}]/~&# ",
    *"\u0130\u0131\u017f\u212a",
    *(r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\b", r"\B", r"\A", r"\Z", "^", "$", "."),
    *("(", "(?:", "(?P<n>", "(?<n>", ")", ")", ")", "|", "*", "+", "?", "*?", "+?", "??"),
    *("{2}", "{1,2}", "{,2}", "{0,1}?", "{2,}", "{", "(?i)", "(?=", "(?!", "a++", r"\1"),
    *("[ab]", "[^ab]", "[a-k]", "[^a-kI]", r"[\w-]", r"[^\w]", r"[\Wi]", r"[^\Wi]", r"[\s\d]", r"[^\s\d]", r"[^\d_]"),
    *(
        "[i]",
        "[^i]",
        "[h-j]",
        "[]a]",
        "[^]a]",
        "[я-ё]",
        "[\u0130]",
        "[^\u0130]",
        r"[a\-z]",
        "[\u017f]",
        "[^\u017f]",
        "[à-ü]",
        "[\u212a-\u212b]",
    ),
    *(r"[ \n]", r"[\b]", "[!-/]", r"[\x61-\x63]", "[z-a]", r"[\d-z]", r"[a-\d]", "[[:alpha:]]", "[a-"),
    *(r"\.", r"\-", r"\n", r"\x61", r"\u0130", r"\U0001F600", r"\u0069", "\\\\", r"\/", r"\é", r"\q", "\\"),
)

some_patterns = st.lists(st.sampled_from(SIGNS), min_size=1, max_size=7).map("".join)

some_texts = st.text(
    st.sampled_from("abikzABIKZ019_ -.\u0130\u0131\u017f\u212a\u212båß\u03b9яЯж日本😀é\u0301\t\n²½"), max_size=7
)


def read_with_python(pattern: str, *, ignore_case: bool) -> re.Pattern[str] | None:
    """Return what Python makes of a pattern, or ``None`` if it takes it for wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Python may give "[[" another meaning some day
        try:
            return re.compile(pattern, re.IGNORECASE if ignore_case else 0)
        except re.error:
            return None


@given(some_patterns, st.booleans(), st.lists(some_texts, min_size=1, max_size=8))
@example(r"\bab\b", False, ["ab", "éab", "ab\u0301", ""])
@example("a$", True, ["A\n", "A\n\n", "A"])
@example(r"\B", False, [""])
@example("[^i]", True, ["\u0131", "\u0130", "I", "x"])
def test_a_pattern_that_is_spelled_anew_means_what_it_means_to_python(
    pattern: str, ignore_case: bool, texts: list[str]
) -> None:
    """Alone, in a set, and for the engine with look-around."""
    if spell(pattern, ignore_case=ignore_case) is None:
        return
    expected = read_with_python(pattern, ignore_case=ignore_case)
    assert expected is not None or "(?<n>" in pattern or "(?P<n>" in pattern
    if expected is None:
        return
    ours = Pattern(pattern, ignore_case=ignore_case)
    among_others = PatternSet({1: Pattern("(?=b)"), 3: ours, 4: Pattern("never")})

    assert ours.spelling is not None
    exact = patterns._compile(ours.spelling.exact, ignore_case)
    for text in texts:
        found = expected.search(text) is not None
        assert ours.search(text) == found
        assert (3 in among_others.build_search()(text)) == found
        assert (exact.search(text) is not None) == found


@pytest.mark.parametrize(
    "pattern",
    [
        "GitHub|Stack Overflow|aw-",
        r"Messenger|\bIRC\b",
        r"^(.*) - (Mozilla Firefox|Google Chrome)$",
        r"\d{1,3}(\.\d+)?\s*%",
        "[\u0430-яА-Я]+",
        r"C\+\+|\.py$",
        "(?i)^arc(\\.exe)?$",
        "https?://[^/]+/",
        r"caf\u00e9|\xfc",
        "a{3,}?b{,2}",
    ],
)
def test_what_people_write_is_spelled_for_re2(pattern: str) -> None:
    """The fast way is the usual one."""
    assert Pattern(pattern).spelling is not None


def test_ignoring_case_folds_as_python_does() -> None:
    """Every letter that has another case, against all of them; two languages' i is where re2 differs."""
    all_cased = "".join(CASED)
    for letter in CASED:
        same = set(re.findall(re.escape(letter), all_cased, re.IGNORECASE))
        pattern = Pattern(letter, ignore_case=True)

        assert all(pattern.search(each) for each in same)
        assert not pattern.search("".join(each for each in CASED if each not in same))


def test_only_the_dotted_and_the_dotless_i_fold_another_way_in_re2() -> None:
    """Nothing else needs to be written out."""
    different = {
        letter
        for letter in CASED
        if set(re.findall(re.escape(letter), "".join(CASED), re.IGNORECASE))
        != {each for each in CASED if patterns._build_linear(f"(?i){letter}").search(each.encode())}  # type: ignore[union-attr]
    }

    assert different == set(DOTTED_AND_DOTLESS)


@pytest.mark.parametrize("letter", "dws")
@pytest.mark.parametrize("ignore_case", [False, True])
def test_a_class_holds_the_characters_that_python_puts_into_it(letter: str, ignore_case: bool) -> None:
    """All of the basic plane, both ways."""
    members = set(re.findall(rf"\{letter}", "".join(CHARACTERS)))
    inside, outside = (Pattern(rf"\{each}", ignore_case=ignore_case) for each in (letter, letter.upper()))

    assert {each for each in CHARACTERS if inside.search(each)} == members
    assert {each for each in CHARACTERS if not outside.search(each)} == members


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"(?<!un)do", "redo", "undo"),
        (r"(a)\1", "aa", "ab"),
        (r"\p{Greek}", "λ", "l"),
        (r"a++b", "aab", "ac"),
        (r"a(?i)b", "aB", "ac"),
        (r"(?i:A)b", "ab", "aB"),
        (r"end\z", "the end", "endless"),
        (r"^b", "b", "a\nb"),
        (r"(?m)^b", "a\nb", "ab"),
        (r"[\d--5]", "-", "x"),
    ],
)
def test_what_re2_lacks_is_found_all_the_same(pattern: str, matching: str, other: str) -> None:
    """Look-around and references of Python's dialect, and what Rust's has."""
    assert Pattern(pattern).search(matching)
    assert not Pattern(pattern).search(other)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "pattern '(a' is not valid at position 2: missing )"),
        ("a)", "pattern 'a)' is not valid at position 1: unbalanced parenthesis"),
        ("*a", "pattern '*a' is not valid at position 0: nothing to repeat"),
        (r"\q", r"pattern '\\q' is not valid at position 2: bad escape \q"),
        ("[z-a]", "pattern '[z-a]' is not valid at position 4: bad character range"),
        (r"\p{Nonsense}", r"pattern '\\p{Nonsense}' is not valid at position 12: unknown property"),
        ("(?R)", "pattern '(?R)' is not valid: it calls itself"),
        (
            "(a{1000}){1000}",
            (
                "pattern '(a{1000}){1000}' is not valid: it is too large: "
                "its repetitions write out to more than 20000 signs"
            ),
        ),
    ],
)
def test_a_wrong_pattern_is_named_with_what_is_wrong_and_where(pattern: str, message: str) -> None:
    """People have to mend it."""
    with pytest.raises(InvalidPattern) as caught:
        Pattern(pattern)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "pattern",
    [
        "(" * 10_000 + "(?=a)" + ")" * 10_000,
        "(?=a)(?:" + "(a{100})" * 3 + "{100}){100}",
        "((((a{100}){100}){100}){100}){100}",
        "(?=x)a{4294967294}",
        "(?=x)(?:(?:a?){1000}){1000}",
        "(?=a) (a) {1000}" + "{1000}",
        "(?V1)a(?=b)",
        "|".join(f"term{number}(?=x)" for number in range(10_000)),
    ],
)
def test_a_pattern_that_would_take_all_memory_is_refused(pattern: str) -> None:
    """The regex module writes repetitions out when it reads a pattern, before any time-out."""
    with pytest.raises(InvalidPattern):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 5000 + "!"),
        ("^(a+)+$", "a" * 5000 + "!"),
        ("(a|a)*b", "a" * 5000),
        ("(.*)(.*)(.*)(.*)(.*)x$", "ab" * 1000),
        ("|".join(f"term{number}" for number in range(10_000)), "term" * 1000),
        ("(?:a?){900}" * 10 + "a" * 900, "a" * 500),
    ],
)
def test_repetition_within_repetition_is_no_danger_to_re2(pattern: str, text: str) -> None:
    """An answer, at once."""
    assert not PatternSet({0: Pattern(pattern)}).build_search()(text.replace("term", "t"))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(?:a|b|ab)*(?=c)d", "ab" * 20_000 + "d"),
        (r"(?:(a)|b|ab)*\1d$", "ab" * 3_000 + "!d"),
        ("(?:a|b|ab)+c$", "ab" * 2_000 + "!c\n?"),
        (r"\b(?:\w|ж|жы)+!\.", "жы" * 2_000 + " !."),
        ("a.{900}b", "a" * 200_000),
    ],
)
def test_a_search_that_takes_too_long_is_ended(pattern: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever engine it went to, and whatever the reason."""
    monkeypatch.setattr(patterns, "SEARCH_LIMIT_S", 0.05)

    with pytest.raises(PatternTooSlow) as caught:
        Pattern(pattern).search(text)

    assert caught.value.pattern == pattern


def test_a_pattern_that_only_re2_has_room_for_is_too_slow_where_re2_can_not_answer() -> None:
    """It is not found to be wrong in the middle of a query."""
    pattern = Pattern(rf"\b(?:{'(?:one|two|three)' * 20}){{100}}")

    assert not pattern.search("one")
    with pytest.raises(PatternTooSlow):
        pattern.search("один")


def test_a_search_that_may_take_long_asks_whether_it_is_still_wanted() -> None:
    """So that a query can be stopped between two of them."""

    def refuse() -> NoReturn:
        raise InterruptedError

    for pattern, text in [("(?=a)", "a"), (r"\ba", "é"), ("a$", "\n")]:
        with pytest.raises(InterruptedError):
            Pattern(pattern).search(text, check=refuse)
    with pytest.raises(InterruptedError):
        PatternSet({0: Pattern("a.{500}b")}).build_search(check=refuse)("a" * 1000)
    assert Pattern("a").search("a", check=refuse)


@example([("b", False), ("b", False)], "b", set())  # re2 gives them in no order
@given(st.lists(st.tuples(some_patterns, st.booleans()), max_size=6), some_texts, st.sets(st.integers(0, 60)))
def test_a_set_finds_what_its_patterns_find_one_by_one(
    chosen: list[tuple[str, bool]], text: str, skip: set[int]
) -> None:
    """In order of their numbers, without those to leave out."""
    members: dict[int, Pattern] = {}
    for number, (pattern, ignore_case) in enumerate(chosen):
        if read_with_python(pattern, ignore_case=ignore_case) is not None:
            members[10 * number] = Pattern(pattern, ignore_case=ignore_case)

    found = PatternSet(members).build_search(skip=skip)(text)

    assert list(found) == [number for number, each in members.items() if number not in skip and each.search(text)]


class _SilentAutomaton:
    """What an automaton is that has run out of memory: it finds nothing, not even the empty pattern."""

    def Match(self, text: bytes) -> None:  # noqa: N802 - re2's name
        """Find nothing."""


def test_a_set_whose_automaton_ran_out_of_memory_asks_its_patterns_one_by_one() -> None:
    """An automaton without memory answers as if nothing matched."""
    members = PatternSet({0: Pattern("a"), 1: Pattern("b"), 2: Pattern("(?=a)")})
    members._plain._set = _SilentAutomaton()

    assert members.build_search()("a") == (0, 2)


def test_a_set_that_is_too_large_for_one_automaton_works_without(capfd: pytest.CaptureFixture[str]) -> None:
    """And re2 says nothing about it on the standard error."""
    members = PatternSet({number: Pattern(f"a.{{{900 - number}}}b") for number in range(150)})

    found = members.build_search()("a" * 800 + "b")

    assert members._plain._set is None
    assert found == tuple(range(101, 150))
    assert capfd.readouterr().err == ""


def test_a_text_too_long_for_an_automaton_of_this_size_is_searched_pattern_by_pattern() -> None:
    """Linear is not short when both are large."""
    members = PatternSet({0: Pattern(r"\w{20}!"), 1: Pattern(r"\w{30}\?"), 2: Pattern("a")})

    assert members.build_search()("ab " * 1_000 + "b" * 25 + "!") == (0, 2)
    assert members._plain._size * 3_000 > patterns._MAX_SET_WORK


def test_a_lone_surrogate_in_a_pattern_matches_nothing() -> None:
    """No text holds one."""
    assert not Pattern("\ud83d").search("a😀")
    assert not Pattern(r"\ud83d").search("a😀")


def test_the_latest_patterns_are_kept() -> None:
    """Reading one takes longer than many searches."""
    assert build_pattern("kept") is build_pattern("kept")
