"""Whether a draft model's guesses pay, in seconds. Pure: no clock.

A right guess saves a step. What it costs is the draft model's own time, and that the step with the
guesses is wider. How often guesses are right is learned by how sure the draft model is of them;
what its tokens cost is measured. A balance keeps what was gained and lost: it begins with a small
credit and gets a small share of the time that answers take, and while there is nothing in it,
nothing is guessed. So guesses that do not pay cost that credit and that share, whatever the
figures said that made them look good."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

# Seconds that may be lost at first; no more than that is ever saved up.
CREDIT_S = 0.2
# The most that is read before it is known whether guesses are any good.
FIRST_INVESTMENT_S = 1.0
# The share of the time of answers that may be lost.
SHARE = 0.015
# Below these probabilities guesses are counted by themselves, and how often the draft model's
# guesses are right there until it is known, worth this many tries.
_EDGES = (0.25, 0.45, 0.65, 0.8, 0.9, 0.96, 0.99)
_PRIOR = (0.2, 0.35, 0.5, 0.65, 0.75, 0.85, 0.9, 0.95)
_PRIOR_TRIES = 4.0
_FADING = 0.98
_USUAL_RIGHT = 0.6
# Before anything was tried: what each token of an answer is taken to gain, as a share of a step.
_USUAL_GAIN = 0.25
_KNOWN_TOKENS = 24.0
# A promise to pay must be this much better than its cost.
_MARGIN = 1.1

ExtraS = Callable[[int], float]  # seconds that so many guesses make the step longer


class Mean:
    """That fades: `known` tries count for what it began with."""

    def __init__(self, value: float, known: float = _PRIOR_TRIES) -> None:
        self._sum, self._count = value * known, known

    @property
    def value(self) -> float:
        return self._sum / self._count

    def add(self, value: float, count: float = 1.0) -> None:
        """`value` is the sum over `count`."""
        self._sum = self._sum * _FADING + value
        self._count = self._count * _FADING + count


class Odds:
    """How often guesses are right."""

    def __init__(self) -> None:
        self._classes = [Mean(share) for share in _PRIOR]
        self._all = Mean(_USUAL_RIGHT)

    @property
    def usual(self) -> float:
        """Of the next guess, before it is there."""
        return self._all.value

    def of(self, probability: float) -> float:
        return self._classes[bisect_right(_EDGES, probability)].value

    def learn(self, probability: float, *, was_right: bool) -> None:
        self._classes[bisect_right(_EDGES, probability)].add(was_right)
        self._all.add(was_right)


class Balance:
    """What the guesses of answers that run under the same conditions have gained and lost. Reading
    a long text so that guesses can begin is an investment, which later gains pay back: there is one
    at a time."""

    def __init__(self) -> None:
        self.seconds = CREDIT_S
        self._debt_s = 0.0
        self._gained_s, self._tokens = 0.0, 0.0

    def may_probe(self, cost_s: float) -> bool:
        """Whether so much is left that something may be tried that does not seem to pay."""
        return self.seconds >= min(CREDIT_S, max(CREDIT_S / 2, cost_s))

    def earn(self, step_s: float) -> None:
        """Another step of an answer."""
        self.change(SHARE * step_s)

    def change(self, seconds: float) -> None:
        self.seconds = min(CREDIT_S, self.seconds + seconds)
        self._debt_s = max(0.0, self._debt_s - max(0.0, seconds))

    def note(self, gained_s: float, n_tokens: int) -> None:
        """An attempt gained that much, and the answer `n_tokens`."""
        self._gained_s = self._gained_s * _FADING + gained_s
        self._tokens = self._tokens * _FADING + n_tokens

    def may_invest(self, cost_s: float, n_tokens: int, step_s: float) -> bool:
        """Whether that pays for an answer that is likely to get so many tokens more."""
        if cost_s <= self.seconds:
            return True
        known = min(1.0, self._tokens / _KNOWN_TOKENS)
        measured_s = self._gained_s / self._tokens if self._tokens else 0.0
        gain_s = n_tokens * (known * measured_s + (1 - known) * _USUAL_GAIN * step_s)
        if known < 1.0:
            gain_s = min(gain_s, FIRST_INVESTMENT_S)
        return self._debt_s <= 0.0 and gain_s > cost_s * _MARGIN

    def invest(self, seconds: float) -> None:
        if seconds <= self.seconds:
            self.seconds -= seconds
        else:
            self._debt_s += seconds


def outlook(
    chances: Sequence[float],
    usual: float,
    value_s: float,
    guess_s: float,
    extra_s: ExtraS,
    most: int,
) -> bool:
    """Whether to make another guess. `chances`: how likely each of those so far is right, and all
    before it. A right one saves `value_s`, one more takes `guess_s`, and `most` are possible."""
    n_made = len(chances)
    best = max((_worth(chances, n, value_s, extra_s) for n in range(n_made + 1)), default=0.0)
    sure, total, spent = chances[-1] if chances else 1.0, sum(chances), 0.0
    for count in range(n_made + 1, most + 1):
        sure *= usual
        total += sure
        spent += guess_s
        if total * value_s - (extra_s(count) + spent) * _MARGIN > best:
            return True
    return False


def best_count(chances: Sequence[float], value_s: float, extra_s: ExtraS) -> int:
    """How many of the guesses to send to the model, now that they are made."""
    return max(range(len(chances) + 1), key=lambda n: _worth(chances, n, value_s, extra_s))


def _worth(chances: Sequence[float], count: int, value_s: float, extra_s: ExtraS) -> float:
    if not count:
        return 0.0
    return sum(chances[:count]) * value_s - extra_s(count) * _MARGIN
