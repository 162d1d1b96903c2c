"""Programs that are started for a piece of work do not outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llamapack.child import ChildError, run_child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are a matter of POSIX")


def test_one_that_is_just_being_started_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between the fork and the moment in which the packer knows of the child."""
    started: list[int] = []
    original: Callable[..., Any] = subprocess.Popen.__init__

    def start_and_interrupt(self: subprocess.Popen[str], *given: Any, **named: Any) -> None:
        original(self, *given, **named)
        started.append(self.pid)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess.Popen, "__init__", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_child([sys.executable, "-c", "input()"], "it", tmp_path, lambda _: None)
    [child] = started
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_that_cannot_be_started_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="it cannot be started here"):
        run_child([tmp_path / "none"], "it", tmp_path, lambda _: None)
