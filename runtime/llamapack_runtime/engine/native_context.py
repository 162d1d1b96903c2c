"""What every llama.cpp context has: the native object, and the way to interrupt it."""

from __future__ import annotations

import ctypes
from typing import Any

from llamapack_runtime.engine.cfile import interrupt_callback
from llamapack_runtime.engine.errors import ContextError
from llamapack_runtime.engine.lib import captured_errors, library
from llamapack_runtime.engine.model import Model


class NativeContext:
    """Made of `llama_context_params`; borrows the model until it is closed. ContextError, which
    says that `what` cannot be made and why, and then `advice`."""

    def __init__(self, model: Model, parameters: Any, what: str, advice: str = "") -> None:
        self._lib = library()
        self._model = model
        with captured_errors() as causes:
            handle = self._lib.llama_init_from_model(model.handle, parameters)
        if not handle:
            cause = causes[-1].partition(": ")[2] if causes else "llama.cpp gave no reason"
            raise ContextError(f"{what} cannot be made ({cause}){advice}.")
        model.borrowers += 1
        self._handle: int | None = int(handle)
        # llama.cpp keeps both pointers as long as the context lives, so this keeps them.
        self._interrupted = (ctypes.c_char * 2)()
        self._callback = ctypes.cast(interrupt_callback(), self._lib.ggml_abort_callback)
        address = ctypes.addressof(self._interrupted)
        self._lib.llama_set_abort_callback(self._handle, self._callback, address)

    @property
    def handle(self) -> int:
        """The native pointer. ContextError when closed."""
        if self._handle is None:
            raise ContextError("The context is closed.")
        return self._handle

    def interrupt(self) -> None:
        """From any thread: what is computed now, and all that follows, is aborted."""
        self._interrupted[0] = b"!"

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._lib.llama_free(handle)
            self._model.borrowers -= 1
