"""`llamapack build --bake`: starts the new pack once, so that it reads its system prompt, and takes
what that leaves. Knows nothing of models: the runtime in the pack does it, and tells the size."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from llamapack.child import ChildError, run_child
from llamapack.errors import BakeError
from llamapack.text import plain
from llamapack.writing.copying import FileState
from llamapack.writing.source import Source
from llamapack_runtime.pack.format import STATE_NAME

# As llamapack_runtime.launch.program has it.
BAKE_STATE = "--bake-state"


@contextlib.contextmanager
def baker(note: Callable[[str], None]) -> Iterator[Callable[[Path], Source]]:
    """What makes the entry with the state from a pack that is otherwise complete. The entry's file
    is there until the block ends; BakeError when the pack cannot make it."""
    with tempfile.TemporaryDirectory(prefix="llamapack-bake-", ignore_cleanup_errors=True) as name:
        folder = Path(name)

        def bake(pack: Path) -> Source:
            state = folder / "system.state"
            command: list[str | Path] = [pack.absolute(), BAKE_STATE, state]
            try:
                run_child(command, "the pack", folder, lambda line: note(plain(line)))
                return Source.of_file(STATE_NAME, state, FileState.of(state))
            except ChildError as error:
                raise BakeError(error.reason) from error
            except OSError as error:
                raise BakeError(f"the pack wrote no state ({error.strerror})") from error

        yield bake
