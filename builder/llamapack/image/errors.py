"""What can go wrong while a runtime image is made or kept.

ImageError
├── MissingProgramError   something that only the system's package manager can bring
├── MissingPackagesError  what is taken from Debian's archive, and an image can be without
├── StepError             a program that we ran said no; its last lines are in the message
└── ImageFileError        a file given to `runtime add` is not an image
"""

from __future__ import annotations

from collections.abc import Sequence

from llamapack.errors import LlamapackError


class ImageError(LlamapackError):
    """The runtime image could not be made."""


class MissingProgramError(ImageError):
    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            f"'{program}' is needed to make a runtime image and was not found. "
            f"Install it with: apt-get install -y {package}"
        )


class MissingPackagesError(ImageError):
    """Its text is the reason, as a part of a sentence."""


class StepError(ImageError):
    def __init__(self, step: str, command: Sequence[str], status: int, tail: Sequence[str]) -> None:
        self.step = step
        self.last_line = tail[-1] if tail else ""
        lines = "\n".join(f"  {line}" for line in tail)
        super().__init__(
            f"{step} failed: '{command[0]}' ended with status {status}. Its last lines:\n{lines}"
        )


class ImageFileError(ImageError):
    """The file is not a runtime image, or was cut off or altered."""
