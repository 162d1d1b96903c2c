"""What the cache holds: which sequence is in which slot, what may be shared, what goes first. Pure.

A slot is free, running (a request computes in it) or idle: its request is over, and its tokens
stay for the prompts to come until their cells or the slot are needed. Whoever asks here changes the
books at once; `take_operations` gives what a backend must do, in order, before the next batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llamapack_runtime.engine.cells import Cells
from llamapack_runtime.engine.places import Places
from llamapack_runtime.engine.prefix import PrefixIndex
from llamapack_runtime.engine.step import Copy, Operation, Remove, Restore, Save, Shift
from llamapack_runtime.engine.types import Adapters

# Copying a saved state back must spare at least this many tokens of reading.
LEAST_RESTORED = 64
# A sequence with fewer cells of its own is not worth saving.
LEAST_SAVED = 64
# While something runs, idle sequences may have so many cells that no running one uses: attention
# visits every cell in use, so each of them slows each step down.
MOST_IDLE = 256


@dataclass(frozen=True, slots=True)
class _Slot:
    number: int


@dataclass(frozen=True, slots=True)
class _State:
    key: int


@dataclass(frozen=True, slots=True)
class Reused:
    """Tokens that need not be computed, by where they were found. `unusable`: found, but the
    model's memory can only go on where a sequence or a checkpoint ends."""

    resident: int = 0
    restored: int = 0
    unusable: int = 0


class Residents:
    """`n_slots` sequences share `n_cells`. `can_truncate`: the model's memory can forget a
    sequence's end, so that any part of it can be shared; recurrent models cannot. `saved_tokens`:
    how many tokens of idle sequences can be saved before they go. What a slot holds is shared only
    with those that have the same adapters."""

    def __init__(
        self, *, n_cells: int, n_slots: int, can_truncate: bool = True, saved_tokens: int = 0
    ) -> None:
        self.cells = Cells(n_slots)
        self.can_truncate = can_truncate
        self._n_cells = n_cells
        self._n_slots = n_slots
        self._saved_tokens = saved_tokens
        self._free = list(range(n_slots))
        self._idle: dict[int, tuple[int, ...]] = {}  # the longest unused first
        self._adapters: list[Adapters] = [()] * n_slots
        self._places = [Places()] * n_slots
        self._index: PrefixIndex[_Slot | _State] = PrefixIndex()
        self._state_sizes: dict[int, int] = {}  # tokens
        self._kept: set[int] = set()  # states that outlive the process
        self._operations: list[Operation] = []
        self._may_put_aside = False  # something has changed since the last try

    @property
    def free_cells(self) -> int:
        return self._n_cells - self.cells.used

    @property
    def idle_slots(self) -> tuple[int, ...]:
        return tuple(self._idle)

    def take_operations(self) -> tuple[Operation, ...]:
        operations, self._operations = tuple(self._operations), []
        return operations

    # ---- running sequences ----

    def open(
        self, tokens: Sequence[int], adapters: Adapters = (), places: Places | None = None
    ) -> int:
        """An empty slot for a sequence that will hold `tokens`, at `places`. The idle sequence that
        it continues gives its own slot with all that is in it."""
        slot = self._continued(tokens, adapters)
        if slot is None:
            if not self._free:
                self._evict(next(iter(self._idle)))
            slot = self._free.pop(0)
        self._idle.pop(slot, None)
        self._adapters[slot] = adapters
        self._places[slot] = places or Places()
        self._index.add(_Slot(slot), tokens, adapters)
        self._may_put_aside = True
        return slot

    def reuse(self, request_id: str, slot: int, tokens: Sequence[int]) -> Reused:
        """Fill the slot with as much of `tokens` as another one or a saved state holds, but for
        the last: that one is computed, because its logits are needed."""
        before = self.cells.length(slot)
        state, restored = self._best_state(tokens, self._adapters[slot])
        source, resident, seen = self._best_source(slot, tokens)
        is_better = state is not None and restored >= resident + LEAST_RESTORED
        if state is not None and is_better and self._has_room_for(state, slot):
            self._restore(request_id, slot, state, restored)
            return Reused(restored=restored - before)
        if source is None:
            return Reused(unusable=max(0, seen - before))
        places = self._places[slot]
        start = places.edge(before)
        self.truncate(slot, start)  # the rows of an image are copied together
        begin, end = places.position(start), places.position(resident - 1) + 1
        self._operations.append(Copy(source, slot, begin, end))
        self.cells.share(source, slot, resident)
        if source in self._idle:  # now the one used last
            self._idle[source] = self._idle.pop(source)
        return Reused(resident=resident - before)

    def shared(self, tokens: Sequence[int], slots: Iterable[int], adapters: Adapters = ()) -> int:
        """How many of `tokens` one of `slots` holds."""
        wanted = set(slots)
        for common, holder in self._index.matches(tokens, adapters):
            if isinstance(holder, _Slot) and holder.number in wanted:
                return self._usable(common, self.cells.length(holder.number), len(tokens) - 1)
        return 0

    def promised(self, slot: int, tokens: Sequence[int], readers: Iterable[int]) -> int:
        """How many of `tokens` the slots of `readers`, which are reading prompts, will hold."""
        if not self.can_truncate:
            return 0
        wanted, limit = {_Slot(reader) for reader in readers}, len(tokens) - 1
        for common, holder in self._index.matches(tokens, self._adapters[slot]):
            if holder in wanted and holder != _Slot(slot):
                return min(common, limit)
        return 0

    def extend(self, slot: int, count: int) -> None:
        """The coming or last batch adds `count` tokens."""
        self.cells.extend(slot, count)

    def truncate(self, slot: int, length: int) -> None:
        """Forget all after `length` tokens; nothing when there are no more."""
        if self.cells.length(slot) > length:
            self.forget(slot, length)

    def forget(self, slot: int, length: int) -> None:
        """As `truncate`, even if the cache has more there than it should have. What can be
        forgotten only as a whole is."""
        length = length if self.can_truncate else 0
        self.cells.truncate(slot, min(length, self.cells.length(slot)))
        self._operations.append(Remove(slot, self._places[slot].position(length)))

    def shift(self, slot: int, start: int, end: int, tokens: Sequence[int]) -> None:
        """Forget the positions [start, end). What lies behind them is no longer what reading
        `tokens` would give, so only the beginning can be shared from now on."""
        assert not self.cells.sharers(slot), "shared cells cannot move for one sequence alone"
        self.cells.cut(slot, start, end)
        self._operations.append(Shift(slot, start, end))
        self._index.add(_Slot(slot), tokens[:start], self._adapters[slot])

    def close(self, slot: int, tokens: Sequence[int], *, keep: bool = True) -> None:
        """A request leaves. Its slot becomes idle if another prompt can use what is in it."""
        held = tuple(tokens[: self.cells.length(slot)])
        self._index.remove(_Slot(slot))
        self.truncate(slot, len(held))
        if not keep:  # a failed batch may have left what the books know nothing of
            self._operations.append(Remove(slot))
        if not keep or not held or self._is_held(held, self._adapters[slot]):
            self._clear(slot)
        else:
            self._idle[slot] = held
            self._index.add(_Slot(slot), held, self._adapters[slot])
            self._may_put_aside = True

    def save(self, slot: int, tokens: Sequence[int], *, keep: bool) -> None:
        """Have the slot's state saved as it is now. For good: even if nothing else is saved."""
        if self._saved_tokens or keep:
            held, adapters = tuple(tokens[: self.cells.length(slot)]), self._adapters[slot]
            if not self.is_saved(held, adapters, kept=keep):
                self._operations.append(Save(slot, held, keep, adapters))

    # ---- room ----

    def make_room(self, count: int) -> bool:
        """Let idle sequences go, the longest unused first, until `count` cells are free."""
        while self.free_cells < count and self._idle:
            self._evict(next(iter(self._idle)))
        return self.free_cells >= count

    def put_aside(self) -> None:
        """While something runs: save idle sequences and free their cells, the longest unused first,
        as long as they have many and a saved state brings them back as well."""
        if not self._may_put_aside or not self.can_truncate:
            return
        self._may_put_aside = False
        limit = self._saved_tokens // 2
        for slot in [*self._idle]:
            if self.cells.used - self.cells.used_by(self._running()) <= MOST_IDLE:
                return
            if self.cells.exclusive(slot) >= LEAST_SAVED and self.cells.length(slot) <= limit:
                self._evict(slot)

    def evict_sharers(self, slot: int) -> None:
        """Let the idle sequences go that share cells with this one."""
        for other in self.cells.sharers(slot) & set(self._idle):
            self._evict(other)

    # ---- saved states ----

    def add_state(
        self, key: int, tokens: Sequence[int], adapters: Adapters = (), *, is_kept: bool = False
    ) -> None:
        self._state_sizes[key] = len(tokens)
        if is_kept:
            self._kept.add(key)
        self._index.add(_State(key), tokens, adapters)

    def forget_state(self, key: int) -> None:
        self._state_sizes.pop(key, None)
        self._kept.discard(key)
        self._index.remove(_State(key))

    def is_saved(
        self, tokens: tuple[int, ...], adapters: Adapters = (), *, kept: bool = False
    ) -> bool:
        """Whether a state holds all of `tokens`; with `kept`, one that outlives the process."""
        for common, holder in self._index.matches(tokens, adapters):
            if common < len(tokens):
                return False
            if isinstance(holder, _State) and (not kept or holder.key in self._kept):
                return self.can_truncate or self._state_sizes[holder.key] == len(tokens)
        return False

    def restore_failed(self, slot: int, key: int) -> set[int]:
        """The state could not be put back. The running slots that are empty now, too, because
        they had begun to share with this one."""
        self.forget_state(key)
        victims = {slot, *self.cells.sharers(slot)}
        for victim in victims:
            self.cells.truncate(victim, 0)
            self._operations.append(Remove(victim))
            if self._idle.pop(victim, None) is not None:
                self._index.remove(_Slot(victim))
                self._free.append(victim)
        return victims - set(self._free)

    # ---- inside ----

    def _usable(self, common: int, length: int, limit: int) -> int:
        if self.can_truncate:
            return min(common, length, limit)
        return length if length <= min(common, limit) else 0

    def _best_source(self, slot: int, tokens: Sequence[int]) -> tuple[int | None, int, int]:
        """The slot that holds more of `tokens` than this one, how many are usable, and how many
        any slot holds."""
        before, limit = self.cells.length(slot), len(tokens) - 1
        source, usable, seen = None, before, before
        for common, holder in self._index.matches(tokens, self._adapters[slot]):
            if common <= usable:
                break
            if isinstance(holder, _State) or holder.number == slot:
                continue
            length = self.cells.length(holder.number)
            seen = max(seen, min(common, length, limit))
            candidate = self._usable(common, length, limit)
            if candidate > usable and (self.can_truncate or before == 0):
                source, usable = holder.number, candidate
        return source, usable, seen

    def _best_state(self, tokens: Sequence[int], adapters: Adapters) -> tuple[int | None, int]:
        limit = len(tokens) - 1
        for common, holder in self._index.matches(tokens, adapters):
            if isinstance(holder, _State):
                usable = self._usable(common, self._state_sizes[holder.key], limit)
                if usable:
                    return holder.key, usable
        return None, 0

    def _continued(self, tokens: Sequence[int], adapters: Adapters) -> int | None:
        limit = len(tokens) - 1
        for common, holder in self._index.matches(tokens, adapters):
            if isinstance(holder, _State) or holder.number not in self._idle:
                continue
            if self.cells.length(holder.number) == min(common, limit):
                return holder.number
        return None

    def _has_room_for(self, key: int, slot: int) -> bool:
        """Make room if that can be done; nobody goes in vain."""
        wanted = self._state_sizes[key] - self.cells.exclusive(slot)
        if self._n_cells - self.cells.used_by(self._running()) < wanted:
            return False
        return self.make_room(wanted)

    def _running(self) -> set[int]:
        return set(range(self._n_slots)) - set(self._idle) - set(self._free)

    def _restore(self, request_id: str, slot: int, key: int, usable: int) -> None:
        size = self._state_sizes[key]
        self.truncate(slot, 0)
        self.cells.extend(slot, size)
        self._operations.append(Restore(request_id, slot, key))
        self.truncate(slot, usable)

    def _evict(self, slot: int) -> None:
        held, adapters = self._idle.pop(slot), self._adapters[slot]
        is_worth_it = self.cells.exclusive(slot) >= LEAST_SAVED
        if self._saved_tokens and is_worth_it and not self.is_saved(held, adapters):
            self._operations.append(Save(slot, held, adapters=adapters))
        self._index.remove(_Slot(slot))
        self._clear(slot)

    def _clear(self, slot: int) -> None:
        self.truncate(slot, 0)
        self._free.append(slot)

    def _is_held(self, held: tuple[int, ...], adapters: Adapters) -> bool:
        """Whether another slot or state holds all of it."""
        for common, holder in self._index.matches(held, adapters):
            if common < len(held):
                return False
            if isinstance(holder, _Slot) and self.cells.length(holder.number) >= len(held):
                return self.can_truncate or self.cells.length(holder.number) == len(held)
        return False

    def check_integrity(self) -> None:
        """Assert what must hold between any two calls."""
        self.cells.check_integrity()
        assert 0 <= self.cells.used <= self._n_cells, "more cells used than there are"
        assert len({*self._free, *self._idle}) == len(self._free) + len(self._idle)
        assert all(self.cells.length(slot) == 0 for slot in self._free)
        assert all(self.cells.length(slot) == len(held) for slot, held in self._idle.items())
