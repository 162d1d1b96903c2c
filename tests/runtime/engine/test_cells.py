from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeCache
from llamapack_runtime.engine.cells import Cells
from llamapack_runtime.engine.step import Copy, Remove, Shift

SLOTS = 4


def test_shared_cells_count_once() -> None:
    cells = Cells(2)
    cells.extend(0, 10)
    cells.share(0, 1, 8)
    cells.extend(1, 3)
    assert (cells.used, cells.length(0), cells.length(1)) == (13, 10, 11)
    assert (cells.exclusive(0), cells.exclusive(1)) == (2, 3)
    assert cells.used_by([1]) == 11
    assert cells.sharers(0) == {1}


def test_a_part_that_nobody_holds_is_free() -> None:
    cells = Cells(2)
    cells.extend(0, 10)
    cells.share(0, 1, 8)
    cells.truncate(0, 3)
    assert cells.used == 8
    cells.truncate(1, 0)
    assert cells.used == 3


Change = tuple[str, int, int, int]
changes = st.tuples(
    st.sampled_from(["extend", "share", "truncate", "cut"]),
    st.integers(0, SLOTS - 1),
    st.integers(0, SLOTS - 1),
    st.integers(0, 9),
)


@given(st.lists(changes, max_size=40))
def test_the_count_is_that_of_a_cache_with_real_cells(history: list[Change]) -> None:
    cells, real = Cells(SLOTS), FakeCache(10_000, SLOTS)
    for kind, slot, other, size in history:
        length = cells.length(slot)
        if kind == "extend" and size:
            cells.extend(slot, size)
            real.extend(slot, length, [0] * size)
        elif kind == "share" and slot != other and length < cells.length(other):
            end = min(cells.length(other), length + 1 + size)
            cells.share(other, slot, end)
            real.perform(Copy(other, slot, length, end))
        elif kind == "truncate":
            cells.truncate(slot, min(size, length))
            real.perform(Remove(slot, min(size, length)))
        elif kind == "cut" and length > size and not cells.sharers(slot):
            cells.cut(slot, size, length - 1)
            real.perform(Shift(slot, size, length - 1))
        cells.check_integrity()
        assert cells.used == real.used
        assert [cells.length(s) for s in range(SLOTS)] == [len(r) for r in real.slots.values()]
        assert cells.used_by([slot]) == cells.length(slot)
