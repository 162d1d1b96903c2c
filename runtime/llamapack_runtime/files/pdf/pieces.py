"""Pieces of text on a page, and the geometry that places them (ISO 32000-2, 8.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

# a, b, c, d, e, f of the specification: x' = a x + c y + e, y' = b x + d y + f.
Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
# In points: no page reaches so far. Comparing with it also drops what is no number.
FAR = 1e6


class Meant(str):
    """What marked content says that it means: in reading order, whatever its direction."""

    __slots__ = ()


@dataclass(slots=True)
class Run:
    """Text shown in one go, in the order in which it stands on the page. `start` and `end` are
    along its direction, `base` across it and upwards; all are lengths on the page, so `size` and
    `space` too. `angle` is its direction in whole degrees."""

    units: list[str]
    start: float
    end: float
    base: float
    size: float
    space: float
    angle: int


def multiply(first: Matrix, second: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return (
        a * g + b * i,
        a * h + b * j,
        c * g + d * i,
        c * h + d * j,
        e * g + f * i + k,
        e * h + f * j + m,
    )


def axes(text: Matrix, matrix: Matrix, is_vertical: bool) -> tuple[float, float, float, float, int]:
    """The direction of text as a cosine, a sine and whole degrees, and how long a unit along and
    across it is on the page; all 0 where it has no length."""
    a, b, c, d, _, _ = multiply(text, matrix)
    if is_vertical:
        # Its lengths are negative, for it goes down.
        a, b, c, d = c, d, a, b
    along, across = math.hypot(a, b), math.hypot(c, d)
    if not 0 < along < FAR:
        return 0.0, 0.0, 0.0, 0.0, 0
    cosine, sine = a / along, b / along
    degrees = round(math.degrees(math.atan2(sine, cosine))) % 360
    if is_vertical:
        return -cosine, -sine, -along, across, (degrees + 180) % 360
    return cosine, sine, along, across, degrees
