"""Which inputs are computed together, and how the parts of a long one are put together. Pure."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from llamapack_runtime.engine.embed_types import EmbedRequest, Pooling, Rows


@dataclass(frozen=True, slots=True)
class Piece:
    """`tokens` of an input from position `start` on, computed as sequence `slot`. `index` counts
    the inputs of a request."""

    request_id: str
    index: int
    slot: int
    start: int
    tokens: tuple[int, ...]
    is_last: bool

    @property
    def position(self) -> int:
        return self.start

    @property
    def n_logits(self) -> int:
        """Without a row for every token llama.cpp warns, and gives one anyway."""
        return len(self.tokens)


@dataclass(slots=True)
class _Task:
    """A request under way: the next input, how much of it was read, and what was found."""

    request: EmbedRequest
    index: int = 0
    done: int = 0
    rows: dict[int, Rows] = field(default_factory=dict)

    @property
    def tokens(self) -> tuple[int, ...]:
        return self.request.inputs[self.index]

    @property
    def has_inputs(self) -> bool:
        return self.index < len(self.request.inputs)


class Batches:
    """Requests take turns, so that a short one is soon through beside a long one. At most
    `n_sequences` inputs in a batch; an input that is longer than a batch is read in parts where the
    model `can_split`, and alone where it cannot."""

    def __init__(self, pooling: Pooling, *, n_sequences: int, can_split: bool) -> None:
        self._pooling = pooling
        self._n_sequences = n_sequences
        self._can_split = can_split
        self._tasks: dict[str, _Task] = {}
        self._turns: deque[_Task] = deque()  # those with inputs that no batch has had
        self._split: _Task | None = None  # whose input is read in parts

    def add(self, request: EmbedRequest) -> None:
        task = self._tasks[request.request_id] = _Task(request)
        self._turns.append(task)

    def remove(self, request_id: str) -> None:
        task = self._tasks.pop(request_id, None)
        if task is None:
            return
        if task in self._turns:
            self._turns.remove(task)
        if self._split is task:
            self._split = None

    def next(self, n_tokens: int) -> list[Piece]:
        """A batch of at most `n_tokens`, but at least one input where it cannot be split; none when
        there is nothing to do."""
        if self._split is not None:
            return [self._next_part(self._split, n_tokens)]
        pieces: list[Piece] = []
        room = n_tokens
        while self._turns and len(pieces) < self._n_sequences:
            task = self._turns[0]
            size = len(task.tokens)
            if size > room:
                if not pieces:
                    return [self._alone(task, n_tokens)]
                break
            pieces.append(self._whole(task, len(pieces)))
            room -= size
        return pieces

    def complete(
        self, pieces: Sequence[Piece], found: Iterable[Rows]
    ) -> list[tuple[str, list[Rows]]]:
        """Take in what was computed for the pieces. The requests that are through, with the rows of
        each input."""
        through = []
        for piece, rows in zip(pieces, found, strict=True):
            task = self._tasks.get(piece.request_id)
            if task is None:
                continue  # given up meanwhile
            before = task.rows.get(piece.index)
            joined = rows if before is None else self._join(before, rows, piece)
            task.rows[piece.index] = joined
            inputs = task.request.inputs
            if piece.is_last and len(task.rows) == len(inputs):
                self._tasks.pop(piece.request_id)
                through.append((piece.request_id, [task.rows[i] for i in range(len(inputs))]))
        return through

    def _whole(self, task: _Task, slot: int) -> Piece:
        piece = Piece(task.request.request_id, task.index, slot, 0, task.tokens, is_last=True)
        self._advance(task)
        return piece

    def _alone(self, task: _Task, n_tokens: int) -> Piece:
        if not self._can_split:
            return self._whole(task, 0)
        self._turns.remove(task)
        self._split = task
        return self._next_part(task, n_tokens)

    def _next_part(self, task: _Task, n_tokens: int) -> Piece:
        start, tokens = task.done, task.tokens[task.done : task.done + n_tokens]
        task.done += len(tokens)
        is_last = task.done == len(task.tokens)
        piece = Piece(task.request.request_id, task.index, 0, start, tokens, is_last)
        if is_last:
            self._split = None
            self._turns.appendleft(task)
            self._advance(task)
        return piece

    def _advance(self, task: _Task) -> None:
        """The task at the front has had its turn."""
        task.index, task.done = task.index + 1, 0
        self._turns.popleft()
        if task.has_inputs:
            self._turns.append(task)

    def _join(self, before: Rows, rows: Rows, piece: Piece) -> Rows:
        """What is known of an input's first `piece.start` tokens, and of those that follow."""
        match self._pooling:
            case "none":
                return before + rows
            case "mean":
                return (_mean(before[0], piece.start, rows[0], len(piece.tokens)),)
            case "cls":
                return before
            case "last" | "rank":
                return rows


def _mean(first: array[float], n_first: int, second: array[float], n_second: int) -> array[float]:
    total = n_first + n_second
    pairs = zip(first, second, strict=True)
    return array("f", [(a * n_first + b * n_second) / total for a, b in pairs])
