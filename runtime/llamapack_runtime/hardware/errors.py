"""What can go wrong while deciding about hardware; a branch of the runtime's tree of errors."""

from __future__ import annotations

from llamapack_runtime.errors import ModelUnusable


class HardwareError(ModelUnusable):
    """This computer cannot run the model as asked. The message is a whole sentence or two."""
