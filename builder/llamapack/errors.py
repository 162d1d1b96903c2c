"""The errors of the builder: one tree, told to the user in one place, `llamapack.cli.main`.

LlamapackError
├── ModelError      the GGUF cannot be packed
├── PackFileError   a file that should be a pack is none, or is damaged
├── SettingError    a setting for the pack is one that the runtime would not take
├── BakeError       the pack cannot compute the state of its system prompt
├── QuantizeError   the model cannot be made smaller
├── TargetError     there is no such target, or nothing can be made for it here
├── OutputError     the result cannot be written where it was asked for
├── SignatureError  a key cannot be used, or a signature does not match
├── ChangedError    an input changed while it was read
└── ImageError      a runtime image cannot be made or kept; drawn in image/errors.py
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar


class LlamapackError(Exception):
    """The message is one or more whole sentences: what happened, and what to do next."""

    exit_code: ClassVar[int] = 1


class ModelError(LlamapackError):
    pass


class PackFileError(LlamapackError):
    pass


class SettingError(LlamapackError):
    pass


class BakeError(LlamapackError):
    def __init__(self, reason: str) -> None:
        """`reason` is a sentence, or the middle of one, without its end."""
        super().__init__(
            f"The system prompt's state could not be computed: {reason}. "
            "Nothing was written; try again, or leave out --bake and let the first start do it."
        )


class SignatureError(LlamapackError):
    pass


class QuantizeError(LlamapackError):
    def __init__(self, reason: str) -> None:
        """`reason` is a sentence, or the middle of one, without its end."""
        super().__init__(f"The model could not be quantized: {reason}. Nothing was written.")


class TargetError(LlamapackError):
    pass


class OutputError(LlamapackError):
    @classmethod
    def from_os_error(cls, target: Path, error: OSError) -> OutputError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return cls(
                f"The disk became full while writing {target}. "
                "Nothing was left behind; free some space or choose another folder with --output."
            )
        return cls(f"Cannot write {target}: {error.strerror or error}.")


class ChangedError(LlamapackError):
    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} changed while it was being read, so nothing was written. "
            "Wait until whatever is writing it has finished, then try again."
        )
