"""Plays the text operators of a page (ISO 32000-2, 9.4) and gathers what they show: pieces of text
with their place. Knows nothing of lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Protocol

from llamapack_runtime.files.pdf.content import Operand, operations
from llamapack_runtime.files.pdf.pieces import FAR, IDENTITY, Matrix, Meant, Run, axes, multiply

# More levels of saved state than any drawing needs; the rest is not saved.
_MOST_SAVED = 256


class Reads(Protocol):
    """A font: see faces.Face."""

    @property
    def space(self) -> float: ...

    @property
    def is_vertical(self) -> bool: ...

    def read(self, string: bytes) -> tuple[list[str], float, int]: ...


class Player:
    """Plays one content stream. `on_form` plays a form in it, with a player of its own. A number
    that is missing or wrong counts as 0."""

    def __init__(
        self,
        faces: Callable[[str], Reads | None],
        on_form: Callable[[str, Matrix], None],
        show: Callable[[Run], None],
        matrix: Matrix = IDENTITY,
    ) -> None:
        self._faces = faces
        self._on_form = on_form
        self._show = show
        self._matrix = matrix
        self._face: Reads | None = None
        self._size = self._stretch = 1.0
        self._letter_gap = self._word_gap = self._leading = self._rise = 0.0
        self._saved: list[
            tuple[Matrix, Reads | None, float, float, float, float, float, float]
        ] = []
        self._text = self._line = IDENTITY
        # The last direction of text, which holds for most pieces, and what it was reckoned from.
        self._axes_of: object = None
        self._axes = (0.0, 0.0, 0.0, 0.0, 0)
        # What marked content is to be read as, None where it says nothing; the innermost is last.
        self._marks: list[str | None] = []
        self._meant: str | None = None
        self._actions: Mapping[bytes, Callable[[list[Operand]], None]] = {
            b"q": self._save,
            b"Q": self._restore,
            b"cm": self._concatenate,
            b"BT": self._begin,
            b"Tf": self._choose_font,
            b"Tc": self._set_letter_gap,
            b"Tw": self._set_word_gap,
            b"Tz": self._set_stretch,
            b"TL": self._set_leading,
            b"Ts": self._set_rise,
            b"Td": self._move,
            b"TD": self._move_and_set,
            b"Tm": self._place,
            b"T*": self._next_line,
            b"Tj": self._show_string,
            b"TJ": self._show_array,
            b"'": self._next_and_show,
            b'"': self._space_next_and_show,
            b"BMC": self._mark,
            b"BDC": self._mark,
            b"EMC": self._unmark,
            b"Do": self._do,
        }

    def play(self, data: bytes) -> None:
        find = self._actions.get
        for operator, operands in operations(data):
            action = find(operator)
            if action is not None:
                action(operands)

    def _save(self, _: list[Operand]) -> None:
        if len(self._saved) < _MOST_SAVED:
            gaps = (self._letter_gap, self._word_gap, self._stretch, self._leading, self._rise)
            self._saved.append((self._matrix, self._face, self._size, *gaps))

    def _restore(self, _: list[Operand]) -> None:
        if self._saved:
            self._matrix, self._face, self._size, *gaps = self._saved.pop()
            self._letter_gap, self._word_gap, self._stretch, self._leading, self._rise = gaps
            self._axes_of = None

    def _set_letter_gap(self, operands: list[Operand]) -> None:
        self._letter_gap = _number(operands)

    def _set_word_gap(self, operands: list[Operand]) -> None:
        self._word_gap = _number(operands)

    def _set_stretch(self, operands: list[Operand]) -> None:
        self._stretch = _number(operands) / 100

    def _set_leading(self, operands: list[Operand]) -> None:
        self._leading = _number(operands)

    def _set_rise(self, operands: list[Operand]) -> None:
        self._rise = _number(operands)

    def _concatenate(self, operands: list[Operand]) -> None:
        matrix = _matrix(operands)
        if matrix is not None:
            self._matrix, self._axes_of = multiply(matrix, self._matrix), None

    def _begin(self, _: list[Operand]) -> None:
        self._text = self._line = IDENTITY

    def _choose_font(self, operands: list[Operand]) -> None:
        name = operands[0] if operands else None
        self._face = self._faces(name) if isinstance(name, str) else None
        self._size = _number(operands[1:])

    def _move(self, operands: list[Operand]) -> None:
        self._move_by(_number(operands), _number(operands[1:]))

    def _move_by(self, x: float, y: float) -> None:
        a, b, c, d, e, f = self._line
        self._text = self._line = (a, b, c, d, x * a + y * c + e, x * b + y * d + f)

    def _move_and_set(self, operands: list[Operand]) -> None:
        self._leading = -_number(operands[1:])
        self._move(operands)

    def _place(self, operands: list[Operand]) -> None:
        self._text = self._line = _matrix(operands) or IDENTITY

    def _next_line(self, _: list[Operand]) -> None:
        self._move_by(0.0, -self._leading)

    def _next_and_show(self, operands: list[Operand]) -> None:
        self._next_line([])
        self._show_string(operands)

    def _space_next_and_show(self, operands: list[Operand]) -> None:
        self._word_gap, self._letter_gap = _number(operands), _number(operands[1:])
        self._next_and_show(operands[2:])

    def _show_string(self, operands: list[Operand]) -> None:
        if operands and isinstance(operands[0], bytes):
            self._show_piece(operands[0])

    def _show_array(self, operands: list[Operand]) -> None:
        """Numbers move back by thousandths of the size."""
        if not operands or not isinstance(operands[0], list):
            return
        for operand in operands[0]:
            if isinstance(operand, bytes):
                self._show_piece(operand)
            elif isinstance(operand, float):
                self._advance(-operand / 1000 * self._size)

    def _show_piece(self, string: bytes) -> None:
        face = self._face
        if face is None:
            return
        units, width, spaces = face.read(string)
        if not units:
            return
        length = width * self._size + self._letter_gap * len(units) + self._word_gap * spaces
        if face.is_vertical:
            length = -(self._size + self._letter_gap) * len(units)
        run = self._placed(face, units, length)
        self._advance(length)
        if self._meant is not None:
            units, self._meant = [Meant(self._meant)], ""
        if run is not None:
            run.units = units
            self._show(run)

    def _advance(self, length: float) -> None:
        """Along the line; a vertical font goes down (9.4.4)."""
        a, b, c, d, e, f = self._text
        if self._face is not None and self._face.is_vertical:
            self._text = (a, b, c, d, length * c + e, length * d + f)
        else:
            length *= self._stretch
            self._text = (a, b, c, d, length * a + e, length * b + f)

    def _placed(self, face: Reads, units: list[str], length: float) -> Run | None:
        """None for text of no size, or so far away that no page has it."""
        a, b, c, d, _, _ = text = self._text
        key = (a, b, c, d, face.is_vertical)
        if key != self._axes_of:
            self._axes_of, self._axes = key, axes(text, self._matrix, face.is_vertical)
        cosine, sine, along, across, angle = self._axes
        g, h, i, j, k, m = self._matrix
        e, f = text[4] * g + text[5] * i + k, text[4] * h + text[5] * j + m
        size, length = abs(self._size) * across, length * along
        if not face.is_vertical:
            length *= self._stretch
        if not (0 < size < FAR and 0 < abs(along) < FAR and abs(e) + abs(f) + abs(length) < FAR):
            return None
        first = e * cosine + f * sine
        last = first + length
        if last < first:
            first, last = last, first
        base = f * cosine - e * sine + self._rise * across
        return Run(units, first, last, base, size, face.space * size, angle)

    def _mark(self, operands: list[Operand]) -> None:
        """/Span <</ActualText (...)>> BDC tells what the glyphs up to EMC mean (14.9.4)."""
        meant: str | None = None
        for key, value in pairwise(operands):
            if key == "ActualText" and isinstance(value, bytes):
                meant = _text_string(value)
        if len(self._marks) < _MOST_SAVED:
            self._marks.append(self._meant)
            self._meant = meant if self._meant is None else self._meant

    def _unmark(self, _: list[Operand]) -> None:
        if self._marks:
            around = self._marks.pop()
            self._meant = around if around is None else self._meant

    def _do(self, operands: list[Operand]) -> None:
        if operands and isinstance(operands[0], str):
            self._on_form(operands[0], self._matrix)


def _number(operands: list[Operand]) -> float:
    return operands[0] if operands and isinstance(operands[0], float) else 0.0


def _matrix(operands: list[Operand]) -> Matrix | None:
    numbers = [operand for operand in operands if isinstance(operand, float)]
    if len(numbers) != 6:
        return None
    a, b, c, d, e, f = numbers
    return (a, b, c, d, e, f)


def _text_string(value: bytes) -> str:
    """A text string (7.9.2.2): UTF-16 or UTF-8 with a mark, else nearly Latin-1."""
    if value.startswith(b"\xfe\xff"):
        return value[2:].decode("utf-16-be", "replace")
    if value.startswith(b"\xef\xbb\xbf"):
        return value[3:].decode("utf-8", "replace")
    return value.decode("latin-1")
