"""How many processors are idle: whether there is room for more threads. Knows nothing of ours.
`_idle_time` gives the seconds that processors were idle since the system's start, all added up."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

_ROOT = Path("/")
# Systems count in steps of 10 ms or more; a shorter span would say little.
_SHORTEST_S = 0.25


class SpareProcessors:
    """Call it now and then: it answers with the idle processors, on average since the last answer.
    None at the first call, a quarter of a second or less after an answer, and where the system does
    not say. A call takes well under a millisecond."""

    def __init__(self, root: Path = _ROOT, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._before: tuple[float, float] | None = None

    def __call__(self) -> float | None:
        now = self._clock()
        if self._before is not None and now - self._before[0] <= _SHORTEST_S:
            return None
        idle = _idle_time(self._root)
        before, self._before = self._before, (now, idle) if idle is not None else None
        if before is None or idle is None:
            return None
        return max(0.0, (idle - before[1]) / (now - before[0]))


if sys.platform == "win32":

    def _idle_time(_root: Path) -> float | None:
        import ctypes  # only for this call

        idle = ctypes.c_uint64(0)  # FILETIME: units of 100 ns
        ok = ctypes.windll.kernel32.GetSystemTimes(ctypes.byref(idle), None, None)
        return idle.value / 1e7 if ok else None

elif sys.platform == "darwin":

    def _idle_time(_root: Path) -> float | None:
        import ctypes  # only for this call

        system = ctypes.CDLL("/usr/lib/libSystem.B.dylib")
        # HOST_CPU_LOAD_INFO: ticks of 10 ms in user, system, idle and nice state.
        ticks, count = (ctypes.c_uint32 * 4)(), ctypes.c_uint32(4)
        system.mach_host_self.restype = ctypes.c_uint32
        host = ctypes.c_uint32(system.mach_host_self())
        failed = system.host_statistics(host, 3, ticks, ctypes.byref(count))
        return None if failed else ticks[2] / 100

else:

    def _idle_time(root: Path) -> float | None:
        """Lines `cpu0 user nice system idle iowait …` of /proc/stat, of the processors we may use;
        whoever waits for a disk leaves the processor free."""
        try:
            lines = (root / "proc/stat").read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            return None
        ours = {f"cpu{each}" for each in os.sched_getaffinity(0)}
        fields = [line.split() for line in lines if line.startswith("cpu")]
        mine = [each for each in fields if each[0] in ours and len(each) > 5]
        if not mine or not all(number.isdecimal() for each in mine for number in each[4:6]):
            return None
        ticks = sum(int(each[4]) + int(each[5]) for each in mine)
        return ticks / os.sysconf("SC_CLK_TCK")
