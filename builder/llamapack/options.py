"""What the user of `llamapack build` asked for, checked once."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llamapack.errors import OutputError, SettingError
from llamapack.newfile import check_target
from llamapack.text import plain
from llamapack_runtime.pack import Pack, PackError

TARGETS = ("linux-x86_64",)
MAX_NAME_CHARS = 200
MAX_PROMPT_BYTES = 1 << 20  # as the manifest holds it; the runtime takes no more either


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """`name` None means: the name that the GGUF gives. Raises OutputError for a bad output,
    SettingError for a setting that the runtime would not take."""

    model: Path
    output: Path
    target: str
    name: str | None = None
    force: bool = False
    system_prompt: str | None = None
    bake: bool = False

    def __post_init__(self) -> None:
        if self.system_prompt is not None:
            _check_prompt(self.system_prompt)
        if self.bake:
            _check_bake(self.target)
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

    @property
    def settings(self) -> Mapping[str, str]:
        """What the manifest holds: flag names of the runtime without dashes."""
        return {} if self.system_prompt is None else {"system-prompt": self.system_prompt}


def read_prompt(path: Path) -> str:
    """The text of a file, without the newline that editors put at its end. SettingError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PROMPT_BYTES + 2)
        text = data.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise SettingError(f"The file {plain(str(path))} cannot be read: {reason}.") from error
    except UnicodeDecodeError as error:
        raise SettingError(
            f"The file {plain(str(path))} is not UTF-8 text; save it as UTF-8 for the prompt."
        ) from error
    return text.replace("\r\n", "\n").removesuffix("\n")


def default_output(model: Path) -> Path:
    """In the current folder, the model's file name without `.gguf`."""
    return Path(model.name[:-5] if model.name.lower().endswith(".gguf") else model.name + ".pack")


def _check_prompt(text: str) -> None:
    if not text or "\0" in text:
        raise SettingError("The system prompt is empty or holds a zero character.")
    try:
        size = len(json.dumps(text, ensure_ascii=False).encode())
    except UnicodeEncodeError as error:
        raise SettingError("The system prompt is not UTF-8 text.") from error
    if size > MAX_PROMPT_BYTES:
        raise SettingError(
            f"The system prompt takes more than the {MAX_PROMPT_BYTES:,} bytes that a pack has for "
            "it; shorten it."
        )


def _check_bake(target: str) -> None:
    """The pack is started to read its prompt."""
    here = f"{sys.platform}-{platform.machine()}"
    if target != here:
        raise SettingError(
            f"A pack for {target} cannot be started on this computer ({here}) to read its prompt; "
            "leave out --bake, and its first start will do it."
        )


def _is_pack(path: Path) -> bool:
    try:
        Pack.open(path).close()
    except (PackError, OSError):
        return False
    return True
