"""What the user of `llamapack build` asked for, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llamapack.errors import OutputError
from llamapack.newfile import check_target
from llamapack.text import plain
from llamapack_runtime.pack import Pack, PackError

TARGETS = ("linux-x86_64",)
MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """`name` None means: the name that the GGUF gives. Raises OutputError for a bad output."""

    model: Path
    output: Path
    target: str
    name: str | None = None
    force: bool = False

    def __post_init__(self) -> None:
        if self.output.exists() and self.model.exists() and self.output.samefile(self.model):
            raise OutputError(
                f"{plain(str(self.output))} is the model itself; name another file with --output."
            )
        check_target(self.output)
        if self.output.exists() and not self.force and not _is_pack(self.output):
            raise OutputError(
                f"{plain(str(self.output))} exists and is not a pack. "
                "Name another file with --output, or replace it with --force."
            )


def default_output(model: Path) -> Path:
    """In the current folder, the model's file name without `.gguf`."""
    return Path(model.name[:-5] if model.name.lower().endswith(".gguf") else model.name + ".pack")


def _is_pack(path: Path) -> bool:
    try:
        Pack.open(path).close()
    except (PackError, OSError):
        return False
    return True
