"""The dozen C functions that the probe's child needs, straight through ctypes: importing the whole
binding would cost it a tenth of a second at each start. Knows nothing of timing or of the parent.

Parameter structs are kept opaque: the library fills in the defaults, we touch only the first
fields and hand them back. The buffers are larger than the structs: the calling conventions in use
pass such structs in memory, and the callee looks only at its own part.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.variants import Variant, library_path

N_CTX = 64
_OPAQUE_BYTES = 1024
_log_type = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class _ModelParams(ctypes.Structure):
    _fields_ = [("opaque", ctypes.c_byte * _OPAQUE_BYTES)]


class _ContextParams(ctypes.Structure):
    _fields_ = [
        ("n_ctx", ctypes.c_uint32),
        ("n_batch", ctypes.c_uint32),
        ("n_ubatch", ctypes.c_uint32),
        ("opaque", ctypes.c_byte * _OPAQUE_BYTES),
    ]


class _Batch(ctypes.Structure):
    _fields_ = [("opaque", ctypes.c_byte * 128)]


class Libraries:
    """libllama and libggml of one folder. No backend is loaded yet."""

    def __init__(self, folder: Path) -> None:
        if sys.platform == "win32":
            os.add_dll_directory(str(folder))
        self.ggml = ctypes.CDLL(str(library_path(folder, "ggml")))
        self.llama = ctypes.CDLL(str(library_path(folder, "llama")))
        self._declare()
        # The library keeps the pointer, so the object must live as long as this one.
        self._log = _log_type(lambda _level, _text, _data: None)
        self.llama.llama_log_set(self._log, None)
        self.llama.llama_backend_init()

    def open(self, library: Path) -> int:
        """Take a backend into the registry. HardwareError when that fails."""
        backend = self.ggml.ggml_backend_load(os.fsencode(library))
        if not backend:
            raise HardwareError(f"The library {library.name} could not be loaded.")
        return int(backend)

    def _declare(self) -> None:
        pointer, llama = ctypes.c_void_p, self.llama
        for library, name, result, arguments in (
            (self.ggml, "ggml_backend_load", pointer, [ctypes.c_char_p]),
            (self.ggml, "ggml_backend_unload", None, [pointer]),
            (llama, "llama_log_set", None, [_log_type, pointer]),
            (llama, "llama_backend_init", None, []),
            (llama, "llama_model_default_params", _ModelParams, []),
            (llama, "llama_context_default_params", _ContextParams, []),
            (llama, "llama_model_load_from_file", pointer, [ctypes.c_char_p, _ModelParams]),
            (llama, "llama_init_from_model", pointer, [pointer, _ContextParams]),
            (llama, "llama_set_n_threads", None, [pointer, ctypes.c_int32, ctypes.c_int32]),
            (llama, "llama_get_memory", pointer, [pointer]),
            (llama, "llama_memory_clear", None, [pointer, ctypes.c_bool]),
            (llama, "llama_batch_get_one", _Batch, [pointer, ctypes.c_int32]),
            (llama, "llama_decode", ctypes.c_int32, [pointer, _Batch]),
            (llama, "llama_get_logits_ith", pointer, [pointer, ctypes.c_int32]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments


def score(variant: Variant) -> int:
    """The variant's own opinion of this CPU: 0 means it cannot run here, more is more advanced.
    Keeps the library in the process: see `Session`. OSError when it cannot be loaded at all."""
    library = ctypes.CDLL(str(variant.path))
    function = getattr(library, "ggml_backend_score", None)
    return int(function()) if function is not None else 1


def hold(library: Path) -> None:
    """Keep a library mapped although the registry lets go of it. OSError when it cannot be loaded.
    OpenBLAS must start no threads of its own, which it would do while it is mapped."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    ctypes.CDLL(str(library))


class Session:
    """A context over the sample model that computes with one variant.

    The registry of backends holds one CPU variant at a time: it is loaded, the model and the
    context bind to it, and it is taken out again to make room for the next one. The code stays
    mapped, since `score` holds the library, so the sessions of several variants live side by side
    and can be timed in turns. They end with the process. With `gemm`, the GEMM library computes
    what it can; it too stays mapped only if somebody holds it.
    """

    def __init__(
        self, libraries: Libraries, variant: Variant, model_path: str, gemm: Path | None = None
    ) -> None:
        self._llama = libraries.llama
        paths = [variant.path] if gemm is None else [variant.path, gemm]
        backends = [libraries.open(path) for path in paths]
        model = self._llama.llama_model_load_from_file(
            os.fsencode(model_path), self._llama.llama_model_default_params()
        )
        if not model:
            raise HardwareError(f"{variant.path.name} could not load the sample model.")
        parameters = self._llama.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = N_CTX
        self._context = self._llama.llama_init_from_model(model, parameters)
        if not self._context:
            raise HardwareError(f"{variant.path.name} could not make a context.")
        for backend in reversed(backends):
            libraries.ggml.ggml_backend_unload(backend)

    def decode(self, n_tokens: int, n_threads: int) -> None:
        """Compute `n_tokens` (at most N_CTX) from an empty context."""
        llama, context = self._llama, self._context
        llama.llama_set_n_threads(context, n_threads, n_threads)
        llama.llama_memory_clear(llama.llama_get_memory(context), False)
        tokens = (ctypes.c_int32 * n_tokens)(*range(1, n_tokens + 1))
        status = llama.llama_decode(context, llama.llama_batch_get_one(tokens, n_tokens))
        if status != 0:
            raise HardwareError(f"llama_decode returned {status} on the sample model.")

    def logits(self, count: int) -> list[float]:
        """The first logits of the last token that was computed."""
        address = self._llama.llama_get_logits_ith(self._context, -1)
        return list((ctypes.c_float * count).from_address(address)) if address else []
