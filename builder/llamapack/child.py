"""Programs that are started for a piece of work: a pack, or the runtime alone. They get none of the
packer's settings, pass on what they say, and do not outlive the work."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from llamapack.text import plain

_STOPS = (signal.SIGINT, signal.SIGTERM)
_STOP_TIMEOUT_S = 1.0  # it has nothing to lose but what we throw away
# A window that says what went wrong is for those who double-click.
_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY")
# As the launcher has it: they would change what the runtime loads.
_DROPPED = ("LLAMAPACK_", "PYTHON", "_MEIPASS", "_PYI")


class ChildError(Exception):
    """`reason` is a sentence, or the middle of one, without its end."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def run_child(
    command: Sequence[str | Path],
    who: str,
    folder: Path,
    on_line: Callable[[str], None],
) -> None:
    """Start `command`, which keeps its cache and its complaints in `folder`, and hand over each
    line of its output. ChildError, in which it is called `who`, unless it ends well."""
    complaints = folder / "complaints.txt"
    with contextlib.ExitStack() as ended:
        with _heard_later():
            process = _started(command, who, folder, complaints)
            ended.enter_context(_ended(process))
        assert process.stdout is not None, "it is a pipe"
        for line in process.stdout:
            on_line(line.rstrip("\n"))
        process.wait()
    if process.returncode != 0:
        raise ChildError(_reason(who, process.returncode, complaints))


def _started(
    command: Sequence[str | Path], who: str, folder: Path, complaints: Path
) -> subprocess.Popen[str]:
    try:
        with complaints.open("wb") as errors:
            return subprocess.Popen(
                command,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
    except OSError as error:
        raise ChildError(f"{who} cannot be started here ({error.strerror})") from error


@contextlib.contextmanager
def _heard_later() -> Iterator[None]:
    """What asks us to stop is heard at the end of the block: in the middle of a start, the program
    would run before anybody knows of it. Handlers belong to the main thread."""
    heard: list[int] = []
    handled = [one for one in _STOPS if callable(signal.getsignal(one))]
    is_main = threading.current_thread() is threading.main_thread()
    before = {
        one: signal.signal(one, lambda number, _: heard.append(number))
        for one in (handled if is_main else ())
    }
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        for number in heard:
            signal.raise_signal(number)


def _environment(folder: Path) -> Mapping[str, str]:
    """Of the packer's settings none: what is made must not depend on them."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_DROPPED) and name not in (*_DESKTOP, "LD_LIBRARY_PATH")
    }
    return kept | {"LLAMAPACK_CACHE": str(folder / "cache")}


@contextlib.contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """See that the process does not outlive the block."""
    try:
        yield
    finally:
        if process.stdout is not None:
            process.stdout.close()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _reason(who: str, code: int, complaints: Path) -> str:
    """The last thing it complained of, else how it ended."""
    lines = complaints.read_text(encoding="utf-8", errors="replace").split("\n")
    told = [line.strip() for line in lines if line.strip()]
    if told:
        return plain(told[-1]).removesuffix(".")
    return f"{who} ended with signal {-code}" if code < 0 else f"{who} ended with {code}"
