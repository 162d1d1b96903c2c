"""Why the runtime process cannot do what it was started for. Each error carries its exit code, and
the kind of help that the page offers.

ProgramError (1)                something of the outside world failed; the sentence says what
├── UsageError (2)              an argument, an environment variable or a packed setting is wrong
├── PackUnusable (3)            the pack was cut off, altered or misses a part
├── AddressUnusable (4)         the address or the port cannot be listened on
└── ModelUnusable (5)           the model cannot be loaded on this computer
    ├── ModelFileUnusable       its file is damaged, or no model that is known here
    └── HardwareError           memory or processor; drawn in hardware/errors.py
"""

from __future__ import annotations

from typing import ClassVar, Literal

FailureCode = Literal["memory", "cpu", "file", "other"]


class ProgramError(Exception):
    """The message is one whole sentence for the person who started the program."""

    exit_code = 1
    code: ClassVar[FailureCode] = "other"


class UsageError(ProgramError):
    exit_code = 2


class PackUnusable(ProgramError):  # noqa: N818 - names what is wrong
    exit_code = 3
    code = "file"


class AddressUnusable(ProgramError):  # noqa: N818 - names what is wrong
    exit_code = 4


class ModelUnusable(ProgramError):  # noqa: N818 - names what is wrong
    exit_code = 5


class ModelFileUnusable(ModelUnusable):
    code = "file"
