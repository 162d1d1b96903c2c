"""What differs between the operating systems and processors that packs are made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

System = Literal["linux", "windows", "macos"]


@dataclass(frozen=True, slots=True)
class LauncherBuild:
    """`triple` is zig's -target; `sources` come besides the portable ones of runtime/launcher."""

    triple: str
    sources: tuple[str, ...]
    link_flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """`file_word` tells programs for several systems apart in one folder. `library_triple` is zig's
    -target for the native libraries and for all that runs with them, `wheel_tag` the platform that
    a Python wheel for it names, and `wheel_platforms` those of the wheels that run there.
    `max_program_bytes` is the size that the system still starts, where it has such a limit. `gpu`:
    llama.cpp's backends for graphics processors that an image of it holds."""

    name: str
    title: str
    file_word: str
    system: System
    library_triple: str
    wheel_platforms: tuple[str, ...]
    launcher: LauncherBuild
    wheel_tag: str
    program_suffix: str = ""
    max_program_bytes: int | None = None
    gpu: tuple[str, ...] = ()

    @property
    def is_app(self) -> bool:
        """A pack for it is a folder."""
        return self.system == "macos"

    @property
    def machine(self) -> str:
        """The processor, as in the target's name."""
        return self.name.partition("-")[2]
