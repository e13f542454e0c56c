"""Categories and tags: rules that look at the texts in an event's data.

A rule is ActivityWatch's ``{"type", "regex", "ignore_case", "select_keys", "priority" or "weight"}``
(aw-core 0.5.18 aw_transform/classify.py). One whose pattern is wrong or takes too long matches nothing and is a problem
that the set of rules tells; the others work on.

What a set of rules made of data is remembered in the pool under the rules' text and the patterns that were given up
until then. So a result in which a pattern was left out is never taken for one in which it did not match, and a pattern
that proves too slow has everything done anew without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pulseline_core.errors import InvalidPattern, InvalidRule, PatternTooSlow
from pulseline_core.transforms.columns import Columns
from pulseline_core.transforms.data_pool import Integers
from pulseline_core.transforms.patterns import Pattern, PatternSet
from pulseline_core.types import JSONObject, JSONValue

#: What an event is that no rule matches.
UNCATEGORIZED: Final[JSONValue] = ["Uncategorized"]

#: What a level of depth is worth, so that priorities find room between two.
_RANK_OF_LEVEL: Final = 10

#: Beyond what anybody writes by hand; each takes some memory.
_MAX_RULES: Final = 1000

#: Texts that come again and again, as names of programs do, are looked at once in a while.
_KEPT_RESULTS: Final = 4096


@dataclass(frozen=True, slots=True)
class Rule:
    """When to give a name.

    Attributes:
        name: a category as the list of its levels, or a tag.
        pattern: is to be found in a text of the data; ``None`` matches nothing.
        select_keys: where to look; ``None`` is everywhere.
        priority: outranks depth; ``None`` if it is not given.
        problem: what is wrong with the pattern; ``None`` if it can be used.
    """

    name: JSONValue
    pattern: Pattern | None
    select_keys: frozenset[str] | None
    priority: int | None
    problem: InvalidPattern | None

    @property
    def rank(self) -> int:
        """Which of two categories wins: the greater one."""
        if self.priority is not None:
            return self.priority
        return _RANK_OF_LEVEL * len(self.name) if isinstance(self.name, list) else 0

    def looks_at(self, key: str) -> bool:
        """Return whether the value of a key counts."""
        return self.select_keys is None or key in self.select_keys


def build_rule(name: JSONValue, json_rule: JSONValue) -> Rule:
    """Read a rule.

    Raises:
        InvalidRule: it does not have the form of one. A pattern that is wrong is not an error but its problem.
    """
    if not isinstance(json_rule, dict):
        raise InvalidRule(f"rule {_shorten(json_rule)} is not an object like {{'type': 'regex', 'regex': ...}}")
    pattern, problem = _read_pattern(json_rule)
    return Rule(
        name=name,
        pattern=pattern,
        select_keys=_read_select_keys(json_rule),
        priority=_read_priority(json_rule),
        problem=problem,
    )


class RuleSet:
    """Rules, in order.

    Attributes:
        text: the rules as JSON; equal texts have equal results.
    """

    def __init__(self, json_rules: JSONValue) -> None:
        """Read rules; ``build_rule_set`` may have them ready made.

        Args:
            json_rules: ``[[name, rule], ...]``.

        Raises:
            InvalidRule: they are something else.
        """
        self.text = json.dumps(json_rules)
        self.rules = [build_rule(*_read_pair(pair)) for pair in _read_pairs(json_rules)]
        self._patterns = PatternSet(
            {number: rule.pattern for number, rule in enumerate(self.rules) if rule.pattern is not None}
        )
        self._is_choosy = any(rule.select_keys is not None for rule in self.rules)
        #: The rules whose pattern took too long. Replaced, never changed: copies begin with the same one.
        self._given_up: frozenset[int] = frozenset()
        ranked = sorted(
            range(len(self.rules)), key=lambda number: (bool(self.rules[number].name), self.rules[number].rank, number)
        )
        #: Of each rule: how many others it wins over; those without a name win over none.
        self._standing = {number: standing for standing, number in enumerate(ranked)}

    @property
    def problems(self) -> list[str]:
        """What is wrong with rules that match nothing because of it; read it after the rules were used."""
        given_up = self._given_up
        return [
            f"rule {_write_name(rule.name)}: {rule.problem or f'pattern {_shorten(_get_text(rule))} takes too long'}"
            for number, rule in enumerate(self.rules)
            if rule.problem or number in given_up
        ]

    def label(self, events: Columns, key: str, find_label: Callable[[Sequence[int]], JSONValue]) -> Columns:
        """Return events with what the matching rules say of each under a key.

        Args:
            events: whose data to label.
            key: where the label stands.
            find_label: makes it of the numbers of the rules that match, in order.
        """
        while True:
            try:
                return events.relabel(self._label(events, key, find_label))
            except PatternTooSlow as error:
                self._give_up(error.pattern)

    def pick(self, numbers: Sequence[int]) -> JSONValue:
        """Return the category that wins among those of matching rules."""
        if not numbers:
            return UNCATEGORIZED
        winner = max(numbers, key=self._standing.__getitem__)
        return self.rules[winner].name or UNCATEGORIZED

    def _label(self, events: Columns, key: str, find_label: Callable[[Sequence[int]], JSONValue]) -> Integers:
        given_up = self._given_up
        keep = lru_cache(maxsize=_KEPT_RESULTS)
        search = keep(self._patterns.build_search(skip=given_up, check=events.pool.check))
        find_kept_label = keep(lambda numbers: find_label(sorted(set(numbers))))
        return events.pool.rewrite(
            events.data,
            ("label", key, self.text, given_up),
            lambda data: {**data, key: find_kept_label(self._find(data, search))},
        )

    def _find(self, data: JSONObject, search: Callable[[str], tuple[int, ...]]) -> tuple[int, ...]:
        """Return the numbers of the rules that match data, those of each text in order; some may be there again."""
        found: tuple[int, ...] = ()
        for key, value in data.items():
            if isinstance(value, str) and (numbers := search(value)):
                found += self._choose(numbers, key) if self._is_choosy else numbers
        return found

    def _choose(self, numbers: tuple[int, ...], key: str) -> tuple[int, ...]:
        """Return the rules that look at the value of a key."""
        return tuple([number for number in numbers if self.rules[number].looks_at(key)])

    def _give_up(self, pattern: str) -> None:
        self._given_up |= {number for number, rule in enumerate(self.rules) if _get_text(rule) == pattern}


def build_rule_set(json_rules: JSONValue) -> RuleSet:
    """Return the rules of ``[[name, rule], ...]``; what they are made of is there already for the latest few.

    Each is the caller's own: what took too long for one says nothing to the next.

    Raises:
        InvalidRule: they are something else.
    """
    return copy(_build_rule_set(json.dumps(json_rules)))


def categorize(events: Columns, rules: RuleSet) -> Columns:
    """Return events with ``$category``: the deepest matching one, the later of two; ``priority`` outranks depth.

    Raises:
        InvalidRule: a name is not a list of texts.
    """
    for rule in rules.rules:
        if not isinstance(rule.name, list) or not all(isinstance(level, str) for level in rule.name):
            raise InvalidRule(f"category {_shorten(rule.name)} is not a list of texts")
    return rules.label(events, "$category", rules.pick)


def tag(events: Columns, rules: RuleSet) -> Columns:
    """Return events with ``$tags``: the names of all matching rules, in their order.

    Raises:
        InvalidRule: a name is not a text.
    """
    for rule in rules.rules:
        if not isinstance(rule.name, str):
            raise InvalidRule(f"tag {_shorten(rule.name)} is not a text")
    names = [rule.name for rule in rules.rules]
    return rules.label(events, "$tags", lambda numbers: [names[number] for number in numbers])


@lru_cache(maxsize=4)
def _build_rule_set(text: str) -> RuleSet:
    return RuleSet(json.loads(text))


def _read_pairs(value: JSONValue) -> list[JSONValue]:
    if not isinstance(value, list):
        raise InvalidRule(f"rules {_shorten(value)} are not a list")
    if len(value) > _MAX_RULES:
        raise InvalidRule(f"{len(value)} rules are more than {_MAX_RULES}")
    return value


def _read_pair(value: JSONValue) -> tuple[JSONValue, JSONValue]:
    if not isinstance(value, list) or len(value) != 2:
        raise InvalidRule(f"{_shorten(value)} is not a pair of a name and a rule")
    return value[0], value[1]


def _read_pattern(json_rule: Mapping[str, JSONValue]) -> tuple[Pattern | None, InvalidPattern | None]:
    """Return the pattern, if there is one that can be used, and what is wrong with it."""
    text = json_rule.get("regex")
    if not text:
        return None, None
    if not isinstance(text, str):
        return None, InvalidPattern(str(text), "it is not a text")
    try:
        return Pattern(text, ignore_case=bool(json_rule.get("ignore_case"))), None
    except InvalidPattern as error:
        return None, error


def _read_select_keys(json_rule: Mapping[str, JSONValue]) -> frozenset[str] | None:
    keys = json_rule.get("select_keys")
    if not keys:
        return None
    if not isinstance(keys, list):
        raise InvalidRule(f"select_keys {_shorten(keys)} is not a list of texts")
    return frozenset(key for key in keys if isinstance(key, str))


def _read_priority(json_rule: Mapping[str, JSONValue]) -> int | None:
    if "priority" not in json_rule and "weight" not in json_rule:
        return None
    priority = json_rule.get("priority", json_rule.get("weight"))
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise InvalidRule(f"priority/weight must be an integer, not {_shorten(priority)}")
    return priority


def _get_text(rule: Rule) -> str:
    return "" if rule.pattern is None else rule.pattern.text


def _write_name(name: JSONValue) -> str:
    return repr(" > ".join(str(level) for level in name) if isinstance(name, list) else name)


def _shorten(value: JSONValue) -> str:
    return repr(value)[:256]
