"""Guesses the next tokens from the text so far, and says how many guesses pay. Pure.

When the last tokens occurred before, what followed them then is likely to follow now: code that is
edited, text that is quoted, names that come back. The guesses are computed in one step with the
token before them and kept as far as the model agrees, so they change the speed and nothing else.

Each token is first predicted and then known, whether or not a guess was sent to the model. So how
good the guesses are is learned for nothing, and they begin and stop by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

MAX_DRAFT = 48
_DRAFTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, MAX_DRAFT)
# Entering a prompt takes two microseconds a token, during which everybody waits.
MAX_LOOKED_BACK = 16384
# Lengths of the beginnings that are looked up, the most certain first.
_LENGTHS = (12, 6, 3)
# Guesses are judged by how many tokens before them agreed: below 6, below 12, and so on.
_CLASSES = (6, 12, 24, 48)
# Until a request knows better: how often guesses of each class are right, worth this many tries.
_PRIOR = (0.45, 0.65, 0.8, 0.9, 0.94)
_PRIOR_TRIES = 4.0
_FADING = 0.97
# Drafting must promise this much more speed.
_MARGIN = 1.05


class NgramSpeculator:
    """Follows one sequence. `tokens` is its prompt and what is generated so far."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._seen: dict[tuple[int, ...], int] = {}  # these tokens -> where what followed begins
        self._source = -1  # the position whose token is expected next; -1: none
        self._agreed = 0  # tokens before it that agree
        self._right = [share * _PRIOR_TRIES for share in _PRIOR]
        self._tries = [_PRIOR_TRIES] * len(_PRIOR)
        for token in tokens[-MAX_LOOKED_BACK:]:
            self._append(token)
        self._look_up()

    def extend(self, token: int) -> None:
        """The next token is known."""
        if self._source >= 0:
            self._learn(self._tokens[self._source] == token)
        if self._source >= 0 and self._tokens[self._source] == token:
            self._append(token)
            self._source += 1
            self._agreed += 1
            if self._agreed in _LENGTHS:  # a later place may agree for just as long
                self._look_up()
        else:
            self._append(token)
            self._look_up()

    @property
    def confidence(self) -> float:
        """How likely the next guess is right; 0 when there is none."""
        if self._source < 0:
            return 0.0
        index = self._class
        return self._right[index] / self._tries[index]

    def propose(self, count: int) -> tuple[int, ...]:
        """The next `count` tokens as guessed. What repeats itself is continued in a circle."""
        if self._source < 0 or count <= 0:
            return ()
        period = len(self._tokens) - self._source
        return tuple(self._tokens[self._source + index % period] for index in range(count))

    @property
    def _class(self) -> int:
        return sum(self._agreed >= limit for limit in _CLASSES)

    def _learn(self, was_right: bool) -> None:
        index = self._class
        self._right[index] = self._right[index] * _FADING + was_right
        self._tries[index] = self._tries[index] * _FADING + 1.0

    def _append(self, token: int) -> None:
        """Enter what now lies before this token, so that a look-up never finds itself."""
        position = len(self._tokens)
        for length in _LENGTHS:
            if position >= length:
                self._seen[tuple(self._tokens[position - length :])] = position
        self._tokens.append(token)

    def _look_up(self) -> None:
        for length in _LENGTHS:
            if len(self._tokens) >= length:
                found = self._seen.get(tuple(self._tokens[-length:]))
                if found is not None:
                    self._source, self._agreed = found, max(length, self._agreed_before(found))
                    return
        self._source, self._agreed = -1, 0

    def _agreed_before(self, position: int) -> int:
        """How many tokens before `position` equal those at the end, up to the highest class."""
        count = 0
        while (
            count < _CLASSES[-1]
            and position - 1 - count >= 0
            and self._tokens[position - 1 - count] == self._tokens[-1 - count]
        ):
            count += 1
        return count


def best_draft(
    confidence: float, room: int, n_others: int, step_s: Callable[[int], float | None]
) -> int:
    """How many guesses make the step's tokens per second highest; 0 when none pay. `n_others` is
    the number of tokens that the step has without this sequence, `step_s(n)` what n tokens take.

    With each guess right with probability p, k guesses yield 1 + p + p² + … + p^k tokens."""
    alone = step_s(n_others + 1)
    if confidence <= 0.0 or not alone:
        return 0
    best, best_rate = 0, (n_others + 1) / alone * _MARGIN
    for count in _DRAFTS:
        if count > room:
            break
        expected = sum(confidence**power for power in range(count + 1))
        rate = (n_others + expected) / (step_s(n_others + 1 + count) or alone)
        if rate > best_rate:
            best, best_rate = count, rate
    return best
