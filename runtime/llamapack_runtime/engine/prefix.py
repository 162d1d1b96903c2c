"""A radix index: who holds the longest beginning of a prompt. Pure; knows tokens, not cells.

What was computed with different adapters has nothing in common: each set has a tree of its own.

Holders are sequences in the cache or saved states. An edge carries a run of tokens; a node knows
all holders whose tokens pass through it to its end:

    (system prompt, 300 tokens) {1, 2, 3} ─┬─ (question, 20) {1}
                                           └─ (another, 35)  {2, 3} ── (answer, 80) {3}
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from llamapack_runtime.engine.types import Adapters

Tokens = tuple[int, ...]
Holder = TypeVar("Holder", bound=Hashable)


@dataclass(slots=True, eq=False)
class _Node(Generic[Holder]):
    tokens: Tokens  # of the edge that leads here
    parent: _Node[Holder] | None
    holders: set[Holder] = field(default_factory=set)
    children: dict[int, _Node[Holder]] = field(default_factory=dict)


class PrefixIndex(Generic[Holder]):
    """Each holder has one sequence of tokens, which may be added again in a longer version."""

    def __init__(self) -> None:
        self._roots: dict[Adapters, _Node[Holder]] = {}
        self._ends: dict[Holder, tuple[_Node[Holder], Adapters]] = {}

    def __contains__(self, holder: Holder) -> bool:
        return holder in self._ends

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, holder: Holder, tokens: Sequence[int], adapters: Adapters = ()) -> None:
        """Enter or replace the tokens of a holder."""
        self.remove(holder)
        rest = tuple(tokens)
        node = self._roots.setdefault(adapters, _Node((), None))
        while rest:
            node = self._descend(node, rest)
            node.holders.add(holder)
            rest = rest[len(node.tokens) :]
        self._ends[holder] = node, adapters

    def remove(self, holder: Holder) -> None:
        """Forget a holder; one that is unknown is ignored."""
        if holder not in self._ends:
            return
        node, adapters = self._ends.pop(holder)
        while node.parent is not None:
            node.holders.discard(holder)
            if not node.holders:
                # Whoever passes through a child passes through here, so there are no children.
                del node.parent.children[node.tokens[0]]
            node = node.parent
        if not node.children and self._roots.get(adapters) is node:
            del self._roots[adapters]

    def matches(
        self, tokens: Sequence[int], adapters: Adapters = ()
    ) -> Iterator[tuple[int, Holder]]:
        """Every holder that has at least the first token, with the number of tokens it has in
        common; the longest first."""
        levels: list[tuple[int, set[Holder]]] = []
        node = self._roots.get(adapters)
        rest, depth = tuple(tokens), 0
        while rest and node is not None:
            child = node.children.get(rest[0])
            if child is None:
                break
            common = common_length(child.tokens, rest)
            depth += common
            levels.append((depth, child.holders))
            if common < len(child.tokens):
                break
            rest, node = rest[common:], child
        seen: set[Holder] = set()
        for depth, holders in reversed(levels):
            yield from ((depth, holder) for holder in holders - seen)
            seen |= holders

    def _descend(self, node: _Node[Holder], rest: Tokens) -> _Node[Holder]:
        """The child along `rest`, made or divided so that it ends where they part."""
        child = node.children.get(rest[0])
        if child is None:
            child = node.children[rest[0]] = _Node(rest, node)
            return child
        common = common_length(child.tokens, rest)
        return child if common == len(child.tokens) else self._divide(node, child, common)

    def _divide(self, node: _Node[Holder], child: _Node[Holder], at: int) -> _Node[Holder]:
        upper = _Node(child.tokens[:at], node, set(child.holders))
        child.tokens, child.parent = child.tokens[at:], upper
        upper.children[child.tokens[0]] = child
        node.children[upper.tokens[0]] = upper
        return upper


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two tuples have in common at their start. Halves the interval, because
    comparing slices is so much faster than a loop."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:  # `low` tokens are equal, `high` are not
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low
