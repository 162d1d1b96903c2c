"""Guesses with a draft model what sequences generate next, where and as long as that pays.

It follows some sequences: reads what they have, says what it would write, and learns from what
they wrote instead. Nothing that happens here touches an answer: guesses are checked as all others
are, and when the draft model fails, there are none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llamapack_runtime.engine.draft_context import DraftContext, Guess
from llamapack_runtime.engine.draft_rows import DraftRows, Row
from llamapack_runtime.engine.draft_turns import DraftTurns
from llamapack_runtime.engine.draft_worth import Balance, Mean, Odds, best_count, outlook
from llamapack_runtime.engine.errors import DecodeError

logger = logging.getLogger(__name__)

# Sequences that are followed at once, and tokens of others in a step beside which guesses are made.
MOST_FOLLOWED = 4
MOST_OTHERS = 3
# More tokens than that to read are an investment: how long a step may wait for a part of it, alone
# and while others wait, too.
_CATCH_UP = 16
_PART_S, _SHARED_PART_S = 0.12, 0.04
# Until it is measured: what it takes to read a token of many, as a share of a guess.
_READ_PER_GUESS = 0.25
_SINGLE = 2  # tokens that take as long as one: the last guess, which was right, and the next token
_SHORTEST_S = 1e-6

StepSeconds = Callable[[int], float | None]


@dataclass(frozen=True, slots=True)
class DraftLimits:
    """What the user allows: guesses at once, at least and at most, and how sure they must be."""

    most: int = 16
    least: int = 0
    least_probability: float = 0.0


DEFAULT_LIMITS = DraftLimits()


@dataclass(frozen=True, slots=True)
class DraftReport:
    """`problem` is a sentence that says why there are no guesses; None: they are made where they
    pay."""

    name: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Guesses for the sequence of a request that has `tokens` and is likely to get `n_expected`
    more, in a step with `n_others` tokens besides its own; at most `room`."""

    request_id: str
    tokens: list[int]
    n_expected: int
    n_others: int
    room: int


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a step allows and costs. A right guess saves `value_s`; n guesses make it longer by
    `extra_s(n)`, and at most `most` are possible."""

    step_s: float
    value_s: float
    extra_s: Callable[[int], float]
    most: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Guesses from the position `start` on, the first `n_sent` of which went to the model; of
    those, `expected` are likely to be right."""

    start: int
    guesses: Sequence[Guess]
    n_sent: int
    expected: float
    cost_s: float
    terms: _Terms


class Drafter:
    """Takes over `context`. `guess_s`: seconds that a guess took at the start. Tokens from
    `n_vocab` on are not the model's, and behind one for which `is_end` is true nothing follows."""

    def __init__(
        self,
        context: DraftContext,
        name: str,
        *,
        guess_s: float,
        n_vocab: int,
        is_end: Callable[[int], bool],
        limits: DraftLimits = DEFAULT_LIMITS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._context = context
        self._name = name
        self._n_vocab = n_vocab
        self._is_end = is_end
        self._limits = limits
        self._clock = clock
        self._rows = DraftRows(context.n_ctx, context.n_seq_max)
        self._odds = Odds()
        self._turns = DraftTurns()
        self._alone, self._beside = Balance(), Balance()
        self._guess_s = Mean(guess_s, known=1.0)
        self._read_s = Mean(guess_s * _READ_PER_GUESS, known=1.0)
        self._attempts: dict[str, _Attempt] = {}
        self._problem: str | None = None

    @property
    def report(self) -> DraftReport:
        """From any thread."""
        return DraftReport(self._name, self._problem)

    @property
    def confidence(self) -> float:
        """How likely the next guess is right."""
        return self._odds.usual

    def propose(self, wanted: Wanted, step_s: StepSeconds) -> tuple[int, ...]:
        """The guesses; none where they do not pay now. `step_s`: what a step of so many tokens
        takes."""
        if self._problem is not None:
            return ()
        self._settle(wanted)
        if wanted.n_others and not self._is_its_turn(wanted):
            return ()
        terms = self._terms(wanted, step_s)
        if terms is None:
            return ()
        terms.balance.earn(terms.step_s)
        if not self._may_try(terms):
            return ()
        try:
            return self._try(wanted, terms)
        except DecodeError as error:
            self._problem = f"The draft model is not used any more: {error}"
            logger.warning("%s", self._problem)
            return ()

    def leave(self, request_id: str) -> None:
        """The request is over."""
        attempt = self._attempts.pop(request_id, None)
        if attempt is not None:  # what became of it will not be known
            attempt.terms.balance.change(attempt.expected * attempt.terms.value_s)
        self._rows.release(request_id)
        self._turns.leave(request_id)

    def interrupt(self) -> None:
        """From any thread: there are no guesses any more."""
        self._context.interrupt()

    def close(self) -> None:
        self._context.close()

    def _is_its_turn(self, wanted: Wanted) -> bool:
        """It may be once the guesses of others in this step are no more."""
        is_first = self._turns.ask(wanted.request_id)
        if not is_first or wanted.n_others > MOST_OTHERS:
            return False
        self._turns.take(wanted.request_id)
        return True

    def _terms(self, wanted: Wanted, step_s: StepSeconds) -> _Terms | None:
        n_without = wanted.n_others + 1
        without_s = step_s(n_without)
        most = min(wanted.room, self._limits.most, self._context.n_ctx - len(wanted.tokens))
        if not without_s or most <= 0:
            return None

        def extra_s(count: int) -> float:
            return max(0.0, (step_s(n_without + count) or without_s) - without_s)

        balance = self._beside if wanted.n_others else self._alone
        return _Terms(without_s, without_s / n_without, extra_s, most, balance)

    def _may_try(self, terms: _Terms) -> bool:
        """Also where it does not seem to pay, now and then: things change."""
        if terms.balance.may_probe(self._guess_s.value):
            return True
        return terms.balance.seconds > 0.0 and self._is_worth(terms, ())

    def _is_worth(self, terms: _Terms, chances: Sequence[float]) -> bool:
        return outlook(
            chances,
            self._odds.usual,
            terms.value_s,
            self._guess_s.value,
            terms.extra_s,
            terms.most,
        )

    def _try(self, wanted: Wanted, terms: _Terms) -> tuple[int, ...]:
        row = self._rows.find(wanted.request_id) or self._follow(wanted, terms)
        if row is None or not self._take_in(row, wanted, terms):
            return ()
        started = self._clock()
        guesses, chances = self._guesses(row, wanted.tokens[len(row.tokens) :], terms)
        count = best_count(chances, terms.value_s, terms.extra_s)
        count = count if count >= self._limits.least else 0
        cost_s = self._clock() - started + (terms.extra_s(count) if count else 0.0)
        terms.balance.change(-cost_s)
        expected = sum(chances[:count])
        start = len(wanted.tokens)
        attempt = _Attempt(start, guesses, count, expected, cost_s, terms)
        self._attempts[wanted.request_id] = attempt
        return tuple(guess.token for guess in guesses[:count])

    def _follow(self, wanted: Wanted, terms: _Terms) -> Row | None:
        """A row for it, if what is to be read is worth it."""
        found = self._rows.nearest(wanted.tokens)
        if found is None or not self._can_read(wanted.tokens):
            return None
        row, n_known = found
        if not self._may_read(len(wanted.tokens) - n_known, wanted, terms):
            return None
        self._rows.hold(row, wanted.request_id)
        row.is_catching_up = True
        return row

    def _may_read(self, count: int, wanted: Wanted, terms: _Terms) -> bool:
        """Whether it is worth it to read so many tokens before the first guess."""
        cost_s = count * self._read_s.value if count > _CATCH_UP else 0.0
        return terms.balance.may_invest(cost_s, wanted.n_expected, terms.step_s)

    def _take_in(self, row: Row, wanted: Wanted, terms: _Terms) -> bool:
        """Bring the row nearer to what the sequence has. Whether guesses can be made now."""
        first = self._rows.agree(row, wanted.tokens)
        if first is not None:
            self._context.forget(row.slot, first)
        pending = wanted.tokens[len(row.tokens) :]
        emptied = self._rows.make_room(len(pending) + terms.most)
        if emptied is None or not self._can_read(pending):
            return False
        for other in emptied:
            self._context.forget(other.slot, 0)
        if len(pending) <= _CATCH_UP:
            row.is_catching_up = False
            return True
        if not row.is_catching_up and not self._may_read(len(pending), wanted, terms):
            return False
        row.is_catching_up = True  # to the end, once it was found worth it
        part_s = _SHARED_PART_S if wanted.n_others else _PART_S
        count = max(_CATCH_UP, int(part_s / max(self._read_s.value, _SHORTEST_S)))
        started = self._clock()
        self._read(row, pending[: min(count, len(pending) - 1, self._context.n_batch)])
        terms.balance.invest(self._clock() - started)
        return False

    def _guesses(
        self, row: Row, pending: Sequence[int], terms: _Terms
    ) -> tuple[list[Guess], list[float]]:
        """And how likely each is right, and all before it. At least one, if there is one."""
        guesses: list[Guess] = []
        chances: list[float] = []
        guess, sure = self._read(row, pending), 1.0
        while guess is not None and guess.token < self._n_vocab:
            if guess.probability < self._limits.least_probability:
                break
            sure *= self._odds.of(guess.probability)
            guesses.append(guess)
            chances.append(sure)
            if self._is_end(guess.token) or not self._is_worth(terms, chances):
                break
            guess = self._read(row, (guess.token,))
        return guesses, chances

    def _read(self, row: Row, tokens: Sequence[int]) -> Guess | None:
        start, began = len(row.tokens), self._clock()
        guess = self._context.read(row.slot, start, tokens)
        if guess is None:
            self._context.forget(row.slot, start)
            return None
        row.tokens.extend(tokens)
        seconds = self._clock() - began
        if len(tokens) > _CATCH_UP:
            self._read_s.add(seconds / len(tokens))
        elif len(tokens) <= _SINGLE:
            self._guess_s.add(seconds)
        return guess

    def _can_read(self, tokens: Sequence[int]) -> bool:
        """Whether all are text that the draft model has, too."""
        return not tokens or (min(tokens) >= 0 and max(tokens) < self._context.n_vocab)

    def _settle(self, wanted: Wanted) -> None:
        """Learn from what the sequence has instead of the latest guesses, or has of them."""
        attempt = self._attempts.pop(wanted.request_id, None)
        if attempt is None:
            return
        n_right = 0
        written = wanted.tokens[attempt.start : attempt.start + len(attempt.guesses)]
        for guess, token in zip(attempt.guesses, written, strict=False):
            self._odds.learn(guess.probability, was_right=guess.token == token)
            if guess.token != token:
                break
            n_right += 1
        saved_s = min(n_right, attempt.n_sent) * attempt.terms.value_s
        attempt.terms.balance.change(saved_s)
        attempt.terms.balance.note(saved_s - attempt.cost_s, min(n_right, attempt.n_sent) + 1)
