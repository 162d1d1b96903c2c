"""Makes lines of the pieces of a page, and the text of the page of its lines. Keeps the order in
which the page was written, which follows columns better than the places do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llamapack_runtime.files.pdf.direction import (
    has_right_to_left,
    reading_order,
    runs_right_to_left,
)
from llamapack_runtime.files.pdf.pieces import Run

# In sizes of the text: how far from each other baselines of one line are (a small raised number
# is in the line), and how wide a gap is a step to another column of a table. Where lines are
# stretched to the margin, spaces are wide.
_SAME_LINE, _STEP, _STEP_AFTER_SPACE = 0.5, 1.5, 4.0
# In spaces and in sizes: a gap from which on words are apart.
_WORD_GAP, _LEAST_WORD_GAP = 0.5, 0.1
# Between two characters of scripts that write no spaces, in sizes.
_WIDE_GAP = 0.6
# A piece that is drawn again so near by, in sizes, is there to look bold.
_BOLD_SHIFT = 0.15
# Between lines, in sizes, where a page has one line.
_USUAL_DISTANCE = 1.2
# In distances between lines: from here on there is an empty line.
_PARAGRAPH = 1.4
# In characters and in sizes: a line of a script without spaces that is at least so long, and ends
# so near the margin, goes on in the next one.
_LONG_LINE, _NEAR_MARGIN, _SAME_MARGIN = 20, 1.6, 2.5
_AROUND_TAB = re.compile(" *\t *")
_SPACELESS = re.compile(
    "[\u2e80-\u2fdf\u3001-\u30ff\u31c0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff5e]"
)


@dataclass(slots=True)
class Line:
    """`start` and `end` are its left and right ends, `base` its height, as in `Run`."""

    text: str
    start: float
    end: float
    base: float
    size: float
    angle: int


def page_text(runs: Iterable[Run]) -> str:
    groups = _grouped(runs)
    units = [unit for group in groups for run in group for unit in run.units]
    is_right = has_right_to_left("".join(units)) and runs_right_to_left(units)
    return _joined([_line(group, is_right) for group in groups])


def _grouped(runs: Iterable[Run]) -> list[list[Run]]:
    groups: list[list[Run]] = []
    for run in runs:
        if groups and _is_beside(groups[-1][-1], run):
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def _is_beside(last: Run, run: Run) -> bool:
    allowed = _SAME_LINE * max(last.size, run.size)
    return last.angle == run.angle and abs(last.base - run.base) <= allowed


def _line(group: list[Run], is_right_page: bool) -> Line:
    ordered = sorted(group, key=lambda run: run.start)
    units: list[str] = []
    last: Run | None = None
    for run in ordered:
        if last is not None:
            if _is_again(last, run):
                continue
            units.append(_gap(last, run))
        units.extend(run.units)
        last = run
    text = "".join(units)
    if has_right_to_left(text):
        shown = [unit for unit in units if unit]
        text = reading_order(shown, is_right_page or runs_right_to_left(shown))
    first, biggest = ordered[0], max(ordered, key=lambda run: run.size)
    end = max(run.end for run in ordered)
    return Line(
        _AROUND_TAB.sub("\t", text).strip(),
        first.start,
        end,
        biggest.base,
        biggest.size,
        first.angle,
    )


def _is_again(last: Run, run: Run) -> bool:
    is_near = abs(run.start - last.start) < _BOLD_SHIFT * run.size
    return is_near and last.units == run.units


def _gap(last: Run, run: Run) -> str:
    """What separates two pieces of one line."""
    width, size = run.start - last.end, max(last.size, run.size)
    before, after = last.units[-1][-1:], run.units[0][:1]
    has_space = before.isspace() or after.isspace()
    if width > (_STEP_AFTER_SPACE if has_space else _STEP) * size:
        return "\t"
    if has_space:
        return ""
    if _SPACELESS.match(before) and _SPACELESS.match(after):
        return " " if width > _WIDE_GAP * size else ""
    least = min(last.space, run.space) * _WORD_GAP
    return " " if width > max(least, _LEAST_WORD_GAP * size) else ""


def _joined(lines: Sequence[Line]) -> str:
    lines = [line for line in lines if line.text]
    usual = _usual_distance(lines)
    pieces: list[str] = []
    for last, line in zip([None, *lines], lines, strict=False):
        if last is not None:
            pieces.append(_between(last, line, usual, lines))
        pieces.append(line.text)
    return "".join(pieces)


def _usual_distance(lines: Sequence[Line]) -> float:
    """Between lines of the same block, in sizes."""
    steps = [
        (last.base - line.base) / line.size
        for last, line in pairwise(lines)
        if last.angle == line.angle and 0.8 < (last.base - line.base) / line.size < 3
    ]
    return sorted(steps)[(len(steps) - 1) // 2] if steps else _USUAL_DISTANCE


def _between(last: Line, line: Line, usual: float, lines: Sequence[Line]) -> str:
    step = (last.base - line.base) / min(last.size, line.size)
    if last.angle != line.angle or not 0 < step <= _PARAGRAPH * usual:
        return "\n\n"
    return "" if _goes_on(last, line, lines) else "\n"


def _goes_on(last: Line, line: Line, lines: Sequence[Line]) -> bool:
    """Whether a line of a script without spaces was broken only because the margin was reached."""
    if not (_SPACELESS.match(last.text[-1]) and _SPACELESS.match(line.text[0])):
        return False
    size = last.size
    if len(last.text) < _LONG_LINE or abs(line.size - size) > 0.1 * size:
        return False
    if line.start > last.start + _NEAR_MARGIN * size:
        return False  # the first line of a paragraph is indented
    margin = max(
        other.end for other in lines if abs(other.start - last.start) <= _SAME_MARGIN * size
    )
    return last.end >= margin - _NEAR_MARGIN * size
