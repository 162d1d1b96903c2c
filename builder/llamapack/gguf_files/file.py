"""One GGUF file as it was when its header was read. Knows nothing of what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.text import plain
from llamapack.writing.copying import FileState
from llamapack_runtime.pack import GgufError, GgufHeader, Pack, PackError, read_header


@dataclass(frozen=True, slots=True)
class GgufFile:
    """`name` is what messages call it."""

    path: Path
    name: str
    state: FileState
    header: GgufHeader


def read_gguf(path: Path, name: str | None = None, *, is_part: bool = False) -> GgufFile:
    """Raises ModelError for a file that is no whole GGUF, or cannot be read. `is_part`: one of a
    model's later files, which need not say what the model is."""
    name = plain(name or path.name)
    try:
        state = FileState.of(path)
        with path.open("rb") as file:
            header = read_header(file, 0, state.size, name, is_part=is_part)
    except GgufError as error:
        raise ModelError(f"{error}{_pack_hint(path)}") from error
    except OSError as error:
        raise ModelError(f"Cannot read {plain(str(path))}: {error.strerror}.") from error
    return GgufFile(path, name, state, header)


def _pack_hint(path: Path) -> str:
    """A second sentence for somebody who named a finished pack."""
    try:
        Pack.open(path).close()
    except (PackError, OSError):
        return ""
    return (
        " It is a pack already: start it as it is, or take its model out with "
        f"'llamapack extract {plain(path.name)}'."
    )
