"""The command line itself: help, versions, near misses, colours, interruptions."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import pytest

from command_line import Run, names
from gguf_bytes import Tensor, gguf_bytes

COMMANDS = ["build", "inspect", "verify", "extract"]


def test_version(run: Run) -> None:
    assert run("--version").out == f"llamapack {version('llamapack')}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples(run: Run, command: str) -> None:
    ran = run(command, "--help")
    assert ran.code == 0
    assert f"  llamapack {command} " in ran.out


def test_help_lists_commands_and_exit_codes(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    assert "130 stopped with Ctrl-C" in ran.out
    for command in [*COMMANDS, "runtime"]:
        assert f"\n  {command} " in ran.out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["biuld", "x.gguf"], "Did you mean 'build'?"),
        (["build", "x.gguf", "--outptu", "y"], "'--output'"),
        (["model.gguf"], "llamapack build model.gguf"),
        (["build"], "Name one MODEL"),
        (["--verison"], "--version"),
        (["build", "x.gguf", "--target", "beos-ppc"], "linux-x86_64"),
    ],
)
def test_wrong_usage_is_answered_with_a_hint(run: Run, arguments: list[str], hint: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert hint in ran.err
    assert "--help'" in ran.err


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from llamapack.cli import main; main(['--help']);"
        "print([name for name in ('numpy', 'gguf', 'zstandard') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout.endswith("[]\n")


def open_terminal() -> tuple[int, int]:
    if sys.platform == "win32":
        pytest.skip("terminals of this kind are a matter of POSIX")
    return pty.openpty()


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, arguments: list[str], **environment: str) -> None:
        ours, theirs = open_terminal()
        self._reader = os.fdopen(ours, "rb", buffering=0)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llamapack", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **environment},
        )
        os.close(theirs)
        self.shown = b""
        self._watchdog = threading.Timer(60, self.process.kill)
        self._watchdog.start()

    def wait_for(self, text: bytes) -> None:
        while text not in self.shown and (part := self._read()):
            self.shown += part
        assert text in self.shown

    def finish(self) -> int:
        while part := self._read():
            self.shown += part
        self._watchdog.cancel()
        self._reader.close()
        return self.process.wait()

    def _read(self) -> bytes:
        try:
            return self._reader.read(4096) or b""
        except OSError:  # how Linux says that the other side has closed
            return b""


def sparse_model(path: Path, size_bytes: int) -> None:
    """A model whose weights take no disk; summing them takes seconds."""
    rows = size_bytes // 4096
    path.write_bytes(gguf_bytes(tensors=[Tensor(shape=(1024, rows))], data_bytes=0))
    os.truncate(path, path.stat().st_size + size_bytes)


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (signal.SIGINT, 130, b"Stopped."),
        (signal.SIGTERM, 143, b"Ended by another program."),
    ],
)
def test_an_interrupted_build_leaves_nothing(
    workplace: Path, number: signal.Signals, code: int, text: bytes
) -> None:
    sparse_model(workplace / "huge.gguf", 3 << 30)
    terminal = Terminal(["build", "huge.gguf", "-o", "chat"], TERM="xterm")
    terminal.wait_for(b"Packing huge.gguf")
    terminal.process.send_signal(number)
    assert terminal.finish() == code
    assert text in terminal.shown
    assert names() == ["huge.gguf"]


@pytest.mark.usefixtures("workplace")
def test_colours_only_where_they_are_wanted() -> None:
    arguments = ["build", "none.gguf"]
    coloured, bare = Terminal(arguments), Terminal(arguments, NO_COLOR="1")
    assert coloured.finish() == bare.finish() == 1
    assert b"\x1b[31m" in coloured.shown
    assert b"\x1b" not in bare.shown


def test_a_reader_that_goes_away_is_no_crash(pack: Path) -> None:
    ran = subprocess.run(
        f"{sys.executable} -m llamapack inspect {pack} | true",
        shell=True,
        capture_output=True,
        check=False,
        text=True,
    )
    assert ran.stderr == ""
