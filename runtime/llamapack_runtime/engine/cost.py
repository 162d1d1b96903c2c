"""What a step will take, learned from the steps before it. Pure: no clock.

Two models, because two kinds of steps have little in common. Steps that read a prompt take
`a + b * tokens` seconds, a line fitted by least squares in which older steps fade. Steps that only
generate are narrow, and their time grows in stairs (vector widths, cache blocks), so a mean is kept
for each width and read off between them. Both follow a machine that becomes busy within a dozen
steps."""

from __future__ import annotations

from bisect import bisect_left

# A step keeps this share of its weight with each later one.
_FADING = 0.9
# A step may be this much longer than predicted before it is taken for an accident.
_ACCIDENT = 4.0
_WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 256, 512)


class LineFit:
    """y = intercept + slope * x over fading points; both are never negative."""

    def __init__(self) -> None:
        self._weight = self._x = self._y = self._xx = self._xy = 0.0

    def add(self, x: float, y: float) -> None:
        self._weight = self._weight * _FADING + 1.0
        self._x = self._x * _FADING + x
        self._y = self._y * _FADING + y
        self._xx = self._xx * _FADING + x * x
        self._xy = self._xy * _FADING + x * y

    @property
    def is_known(self) -> bool:
        return self._weight > 0.0

    @property
    def slope(self) -> float:
        spread = self._weight * self._xx - self._x * self._x
        if spread <= 1e-4 * self._weight * self._xx:  # all points at one place: a proportion
            return self._y / self._x
        slope = (self._weight * self._xy - self._x * self._y) / spread
        # Between a flat line and a proportion: the intercept must not become negative.
        return min(max(slope, 0.05 * self._y / self._x), self._y / self._x)

    @property
    def intercept(self) -> float:
        return max(0.0, (self._y - self.slope * self._x) / self._weight)

    def at(self, x: float) -> float:
        return self.intercept + self.slope * x


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
        self._prompt = LineFit()
        self._decode = WidthTimes()

    def observe(self, n_tokens: int, seconds: float, *, reads_prompt: bool) -> None:
        if not reads_prompt:
            self._decode.add(n_tokens, seconds)
            return
        expected = self._prompt.at(n_tokens) if self._prompt.is_known else seconds
        self._prompt.add(n_tokens, min(seconds, expected * _ACCIDENT))

    def decode_s(self, n_tokens: int) -> float | None:
        """Of a step that generates `n_tokens`, over all sequences and drafts. None: not known."""
        return self._decode.at(n_tokens)

    @property
    def prompt_token_s(self) -> float:
        return self._prompt.slope if self._prompt.is_known else 0.0

    def tokens_within(self, seconds: float) -> int | None:
        """The most tokens in a step that reads a prompt and takes `seconds`. None: not known."""
        if not self._prompt.is_known:
            return None
        return int(max(0.0, seconds - self._prompt.intercept) / self._prompt.slope)

    def tokens_to_amortise(self, share: float) -> int:
        """The fewest tokens in such a step whose fixed cost is at most `share` of it."""
        if not self._prompt.is_known:
            return 0
        fixed = self._prompt.intercept
        return int(fixed * (1 - share) / share / self._prompt.slope)
