"""A thread that lets others come first."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from llamapack_runtime.engine.priority import yield_to_others


def test_it_can_be_called_everywhere() -> None:
    with ThreadPoolExecutor(1, initializer=yield_to_others) as pool:
        assert pool.submit(int).result(timeout=10) == 0


if sys.platform == "linux":  # a thread has its own nice value there only

    def test_other_threads_keep_their_priority() -> None:
        def nice() -> int:
            return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

        before = nice()
        with ThreadPoolExecutor(1, initializer=yield_to_others) as pool:
            assert pool.submit(nice).result(timeout=10) == min(19, before + 5)
        assert nice() == before
