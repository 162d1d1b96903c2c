"""Why the runtime process cannot do what it was started for. Each error carries its exit code.

ProgramError (1)          something of the outside world failed; the sentence says what
├── UsageError (2)          an argument, an environment variable or a packed setting is wrong
├── PackUnusable (3)        the pack was cut off, altered or misses a part
├── AddressUnusable (4)     the address or the port cannot be listened on
└── ModelUnusable (5)       the model cannot be loaded on this computer
"""

from __future__ import annotations


class ProgramError(Exception):
    """The message is one whole sentence for the person who started the program."""

    exit_code = 1


class UsageError(ProgramError):
    exit_code = 2


class PackUnusable(ProgramError):  # noqa: N818 - names what is wrong
    exit_code = 3


class AddressUnusable(ProgramError):  # noqa: N818 - names what is wrong
    exit_code = 4


class ModelUnusable(ProgramError):  # noqa: N818 - names what is wrong
    exit_code = 5
