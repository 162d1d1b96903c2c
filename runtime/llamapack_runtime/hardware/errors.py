"""What can go wrong while deciding about hardware; a branch of the runtime's tree of errors.

HardwareError           this computer cannot run the model as asked
├── MemoryTooSmall      the model does not fit into what is free
└── NoUsableProcessor   no build of the CPU code runs here
"""

from __future__ import annotations

from llamapack_runtime.errors import ModelUnusable


class HardwareError(ModelUnusable):
    """The message is a whole sentence or two."""


class MemoryTooSmall(HardwareError):  # noqa: N818 - names what is wrong
    code = "memory"


class NoUsableProcessor(HardwareError):  # noqa: N818 - names what is wrong
    code = "cpu"
