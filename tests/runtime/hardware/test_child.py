"""Running a program that may crash, hang or talk nonsense."""

from __future__ import annotations

import sys
import time

import pytest

from llamapack_runtime.hardware.child import Ending, run_child


def run(code: str, patience_s: float = 20.0) -> tuple[Ending, list[str]]:
    lines: list[str] = []
    command = [sys.executable, "-S", "-c", code]
    return run_child(command, lines.append, lambda: patience_s), lines


def test_lines_arrive_and_a_clean_end_has_no_cause() -> None:
    assert run("print('one'); print('two')") == (Ending("", False), ["one\n", "two\n"])


def test_an_exit_code_is_a_cause() -> None:
    assert run("import sys; print('x'); sys.exit(3)") == (Ending("exit code 3", False), ["x\n"])


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
@pytest.mark.parametrize("name", ["SIGILL", "SIGSEGV", "SIGKILL"])
def test_a_signal_is_a_cause(name: str) -> None:
    code = f"import os, signal; os.kill(os.getpid(), signal.{name})"
    assert run(code)[0] == Ending(name, False)


def test_silence_beyond_patience_is_ended() -> None:
    started = time.monotonic()
    ending, lines = run("import threading; print('x', flush=True); threading.Event().wait()", 0.5)
    assert (ending, lines) == (Ending("", True), ["x\n"])
    assert time.monotonic() - started < 10


def test_bytes_that_are_no_text_do_no_harm() -> None:
    ending, lines = run("import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n')")
    assert (ending.cause, len(lines)) == ("", 1)


def test_much_noise_on_standard_error_does_not_block() -> None:
    assert run("import sys; sys.stderr.write('x' * 1000000); print('ok')")[1] == ["ok\n"]


def test_standard_input_stays_open_while_we_live() -> None:
    code = "import select, sys; print(len(select.select([sys.stdin], [], [], 0.1)[0]))"
    assert run(code)[1] == ["0\n"]


def test_a_program_that_does_not_exist_is_an_os_error() -> None:
    with pytest.raises(OSError, match="does-not-exist"):
        run_child(["/does-not-exist"], print, lambda: 1.0)
