"""Idle processors, from a file like /proc/stat and a clock that the test moves."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from llamapack_runtime.hardware.spare import SpareProcessors

if sys.platform == "linux":
    TICKS = os.sysconf("SC_CLK_TCK")
    OURS = min(os.sched_getaffinity(0))
    OTHER = max(os.sched_getaffinity(0)) + 1

    class Machine:
        """What the clock and the file say."""

        def __init__(self, root: Path) -> None:
            self.root = root
            self.now = 100.0
            (root / "proc").mkdir()
            self.idle(0.0)

        def later(self, seconds: float, idle: float) -> None:
            self.now += seconds
            self.idle(idle)

        def clock(self) -> float:
            return self.now

        def idle(self, seconds: float) -> None:
            ticks = int(seconds * TICKS)
            self.write(
                f"cpu 1 2 3 {ticks * 9} 0 0\n"
                f"cpu{OURS} 10 20 30 {ticks - ticks // 4} {ticks // 4} 0 0\n"
                f"cpu{OTHER} 10 20 30 {ticks * 8} 0 0\nintr 0\n"
            )

        def write(self, text: str) -> None:
            (self.root / "proc/stat").write_text(text, encoding="ascii")

    @pytest.fixture
    def machine(tmp_path: Path) -> Machine:
        return Machine(tmp_path)

    @pytest.fixture
    def spare(machine: Machine) -> SpareProcessors:
        return SpareProcessors(machine.root, machine.clock)

    def test_the_average_of_our_processors_since_the_last_answer(
        machine: Machine, spare: SpareProcessors
    ) -> None:
        assert spare() is None
        machine.later(2, 1.6)
        assert spare() == pytest.approx(0.8, abs=0.02)
        machine.now += 1
        assert spare() == 0.0

    def test_too_soon_says_nothing_and_loses_nothing(
        machine: Machine, spare: SpareProcessors
    ) -> None:
        spare()
        machine.later(0.2, 0.2)
        assert spare() is None
        machine.later(0.2, 0.4)
        assert spare() == pytest.approx(1.0, abs=0.06)

    @pytest.mark.parametrize("text", ["", "cpu0\n", f"cpu{OURS} a b c d e f\n"])
    def test_a_system_that_does_not_say(
        machine: Machine, spare: SpareProcessors, text: str
    ) -> None:
        spare()
        machine.write(text)
        machine.now += 1
        assert spare() is None


def test_this_computer_answers_within_its_processors() -> None:
    readings = iter([0.0, 1e-6 + 0.25])
    spare = SpareProcessors(clock=lambda: next(readings))
    assert spare() is None
    answer = spare()
    assert answer is not None
    assert answer >= 0
