"""`llamapack build --bake`: starts the new pack once, so that it reads its system prompt, and takes
what that leaves. Knows nothing of models: the runtime in the pack does it, and tells the size."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from llamapack.copying import FileState
from llamapack.errors import BakeError
from llamapack.packwriter import Source
from llamapack.text import plain
from llamapack_runtime.pack.format import STATE_NAME

# As llamapack_runtime.launch.program has it.
BAKE_STATE = "--bake-state"
_STOP_TIMEOUT_S = 1.0  # it has nothing to lose but what we throw away
# A window that says what went wrong is for those who double-click.
_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY")


@contextlib.contextmanager
def baker(note: Callable[[str], None]) -> Iterator[Callable[[Path], Source]]:
    """What makes the entry with the state from a pack that is otherwise complete. The entry's file
    is there until the block ends; BakeError when the pack cannot make it."""
    with tempfile.TemporaryDirectory(prefix="llamapack-bake-", ignore_cleanup_errors=True) as name:
        folder = Path(name)

        def bake(pack: Path) -> Source:
            state = folder / "system.state"
            _run(pack.absolute(), state, folder, note)
            try:
                return Source(STATE_NAME, state, FileState.of(state))
            except OSError as error:
                raise BakeError(f"the pack wrote no state ({error.strerror})") from error

        yield bake


def _run(pack: Path, state: Path, folder: Path, note: Callable[[str], None]) -> None:
    """Pass on what the pack says while it works."""
    complaints = folder / "complaints.txt"
    with complaints.open("wb") as errors:
        try:
            process = subprocess.Popen(
                [pack, BAKE_STATE, state],
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise BakeError(f"the pack cannot be started here ({error.strerror})") from error
    with _ended(process):
        assert process.stdout is not None, "it is a pipe"
        for line in process.stdout:
            note(plain(line.rstrip("\n")))
        process.wait()
    if process.returncode != 0:
        raise BakeError(_reason(process.returncode, complaints))


def _environment(folder: Path) -> Mapping[str, str]:
    """Of the packer's settings none: what is packed must not depend on them."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LLAMAPACK_") and name not in _DESKTOP
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


def _reason(code: int, complaints: Path) -> str:
    """The last thing the pack complained of, else how it ended."""
    lines = complaints.read_text(encoding="utf-8", errors="replace").split("\n")
    told = [line.strip() for line in lines if line.strip()]
    if told:
        return plain(told[-1]).removesuffix(".")
    return f"the pack ended with signal {-code}" if code < 0 else f"the pack ended with {code}"
