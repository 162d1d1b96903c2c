"""What a step will take, learned from the steps before it. Pure: no clock.

Steps that only generate are narrow, and their time grows in stairs (vector widths, cache blocks),
so a mean is kept for each width and read off between them. A step that reads a prompt takes what
those tokens would take that are generated in it, and so much more for each token of the prompt:

    seconds = decode(width) + slope * prompt tokens

where the slope is the one thing left to learn: a line fitted to the long steps alone would take
its noise for a fixed cost. There are several slopes, by the width of the step, because the code
that computes it changes: the GEMM library takes 32 tokens and more and is the better the wider, and
ggml's fused attention goes by tiles of 64 tokens and takes narrower steps up to five times more
slowly. All follow a machine that becomes busy within a dozen steps."""

from __future__ import annotations

from bisect import bisect_left

# A step keeps this share of its weight with each later one.
_FADING = 0.9
_SLOPE_FADING = 0.8  # long steps are few, and each says much
# A step may be this much longer than predicted before it is taken for an accident.
_ACCIDENT = 4.0
# Of a step that reads a prompt, its tokens take at least this share.
_LEAST_SHARE = 0.2
# When one kind of step gets slower, the others are taken to, by this share of it: all of it, and
# the proportion between two kinds would stay what their first, noisy steps said.
_IN_STEP = 0.75
# Coarse clocks say that a step took no time at all.
_SHORTEST_S = 1e-6
_WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 256, 512)


# GGML_FA_TILE_Q of ggml-cpu/common.h: a step with fewer tokens computes attention row by row.
TILE = 64
# The fewest tokens of the kinds of steps that have slopes of their own.
_CLASSES = (1, 32, TILE, 2 * TILE)


class Slope:
    """Seconds for one more token of a prompt: fading sums of tokens, and of seconds beyond those
    of a step without a prompt."""

    def __init__(self) -> None:
        self._tokens = self._seconds = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        self._tokens = self._tokens * _SLOPE_FADING + tokens
        self._seconds = self._seconds * _SLOPE_FADING + seconds

    @property
    def value(self) -> float | None:
        return self._seconds / self._tokens if self._tokens else None

    def scale(self, factor: float) -> None:
        """The machine, or the context, has changed by as much elsewhere."""
        self._seconds *= factor


class WidthTimes:
    """Seconds of steps by their number of tokens."""

    def __init__(self) -> None:
        self._means: dict[int, float] = {}

    def add(self, n_tokens: int, seconds: float) -> None:
        width = _WIDTHS[min(bisect_left(_WIDTHS, n_tokens), len(_WIDTHS) - 1)]
        known = self._means.get(width)
        if known is None:
            self._means[width] = seconds
            return
        mean = known + (min(seconds, known * _ACCIDENT) - known) * (1 - _FADING)
        self._means[width] = mean
        self._follow(width, mean / known)

    def at(self, n_tokens: int) -> float | None:
        """Read off between the nearest known widths; beyond them each token counts by `growth`.
        None while nothing is known."""
        known = sorted(self._means)
        if not known:
            return None
        index = bisect_left(known, n_tokens)
        if index < len(known) and known[index] == n_tokens:
            return self._means[n_tokens]
        if index == 0:
            return self._means[known[0]]
        low = known[index - 1]
        if index == len(known):
            return self._means[low] * (1 + _GROWTH * (n_tokens - low) / low)
        high = known[index]
        share = (n_tokens - low) / (high - low)
        return self._means[low] + share * (self._means[high] - self._means[low])

    def _follow(self, width: int, ratio: float) -> None:
        """What slows one width down slows the others too: they drift along at half the pace."""
        for other in self._means:
            if other != width:
                self._means[other] *= 1 + (ratio - 1) / 2


# Seconds of a step of 2n tokens over one of n, less one, where nothing is measured yet.
_GROWTH = 0.5


class StepCost:
    """Observed after each step, asked before the next."""

    def __init__(self) -> None:
        self._slopes = tuple(Slope() for _ in _CLASSES)
        self._decode = WidthTimes()

    def observe(self, seconds: float, *, n_generating: int, n_prompt: int) -> None:
        """`n_generating` counts all tokens of sequences that generate, guesses too."""
        seconds = max(seconds, _SHORTEST_S)
        if not n_prompt:
            self._decode.add(n_generating, seconds)
            return
        slope = self._slopes[_class(n_generating + n_prompt)]
        before = slope.value
        if before is not None:
            expected = self._base_s(n_generating) + before * n_prompt
            seconds = min(seconds, expected * _ACCIDENT)
        # Even where the generating part was overestimated, a token of the prompt takes some time.
        rest = max(seconds - self._base_s(n_generating), seconds * _LEAST_SHARE)
        slope.add(n_prompt, rest)
        if before is not None and slope.value is not None:
            for other in self._slopes:
                if other is not slope:
                    other.scale(1 + _IN_STEP * (slope.value / before - 1))

    def decode_s(self, n_tokens: int) -> float | None:
        """Of a step that generates `n_tokens`, over all sequences and drafts. None: not known."""
        return self._decode.at(n_tokens)

    def prompt_token_s(self, width: int) -> float | None:
        """One more token of a prompt, in a step with `width` tokens. None while nothing is known;
        until all kinds of steps are, the nearest is taken for the others."""
        own = _class(width)
        by_distance = sorted(range(len(_CLASSES)), key=lambda index: (abs(index - own), -index))
        values = (self._slopes[index].value for index in by_distance)
        return next((value for value in values if value is not None), None)

    def step_s(self, n_prompt: int, n_generating: int) -> float | None:
        """Of a step with tokens of prompts. None: not known."""
        slope = self.prompt_token_s(n_prompt + n_generating)
        return None if slope is None else self._base_s(n_generating) + slope * n_prompt

    def prompt_tokens_within(self, seconds: float, n_generating: int) -> int | None:
        """The most tokens of prompts in a step that takes `seconds`. None: not known."""
        rest = max(0.0, seconds - self._base_s(n_generating))
        after = None
        for first in reversed(_CLASSES):
            slope = self.prompt_token_s(first)
            if slope is None:
                return None
            tokens = int(rest / slope)
            if tokens + n_generating >= first or first == _CLASSES[0]:
                return tokens if after is None else min(tokens, after - n_generating - 1)
            after = first
        raise AssertionError("the narrowest steps have no lower limit")

    def prompt_tokens_to_amortise(self, share: float) -> int:
        """The fewest tokens of prompts in a step whose fixed cost, that of reading all weights
        once as for a single token, is at most `share` of it."""
        slope = self.prompt_token_s(_CLASSES[-1])
        return int(self._base_s(1) * (1 - share) / share / slope) if slope else 0

    def _base_s(self, n_generating: int) -> float:
        return (self._decode.at(n_generating) or 0.0) if n_generating else 0.0


def _class(width: int) -> int:
    return sum(width >= first for first in _CLASSES[1:])
