"""The few C functions that the trials' children need, straight through ctypes: importing the whole
binding would cost it a tenth of a second at each start. Knows nothing of timing or of the parent.

Parameter structs are kept opaque: the library fills in the defaults, we touch only the first
fields and hand them back. The buffers are larger than the structs: the calling conventions in use
pass such structs in memory, and the callee looks only at its own part.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.variants import Variant, library_path

N_CTX = 64
_OPAQUE_BYTES = 1024
_log_type = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class _ModelParams(ctypes.Structure):
    _fields_ = [
        ("devices", ctypes.c_void_p),
        ("tensor_buft_overrides", ctypes.c_void_p),
        ("n_gpu_layers", ctypes.c_int32),
        ("opaque", ctypes.c_byte * _OPAQUE_BYTES),
    ]


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
        self._base = ctypes.CDLL(str(library_path(folder, "ggml-base")))
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

    def devices(self, backend: int) -> Iterator[tuple[int, str, str, int, int, int]]:
        """Of a backend that was opened: pointer, name, description, ggml's number of the type, and
        bytes of memory, all and free. They live as long as the process."""
        base = self._base
        for index in range(base.ggml_backend_reg_dev_count(backend)):
            device = base.ggml_backend_reg_dev_get(backend, index)
            free, total = ctypes.c_size_t(), ctypes.c_size_t()
            base.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
            name = (base.ggml_backend_dev_name(device) or b"").decode("utf-8", "replace")
            said = (base.ggml_backend_dev_description(device) or b"").decode("utf-8", "replace")
            yield device, name, said, base.ggml_backend_dev_type(device), total.value, free.value

    def _declare(self) -> None:
        pointer, llama, base = ctypes.c_void_p, self.llama, self._base
        sizes = ctypes.POINTER(ctypes.c_size_t)
        for library, name, result, arguments in (
            (self.ggml, "ggml_backend_load", pointer, [ctypes.c_char_p]),
            (self.ggml, "ggml_backend_unload", None, [pointer]),
            (base, "ggml_backend_reg_dev_count", ctypes.c_size_t, [pointer]),
            (base, "ggml_backend_reg_dev_get", pointer, [pointer, ctypes.c_size_t]),
            (base, "ggml_backend_dev_memory", None, [pointer, sizes, sizes]),
            (base, "ggml_backend_dev_name", ctypes.c_char_p, [pointer]),
            (base, "ggml_backend_dev_description", ctypes.c_char_p, [pointer]),
            (base, "ggml_backend_dev_type", ctypes.c_int, [pointer]),
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
            (llama, "llama_synchronize", None, [pointer]),
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
    """A context over the sample model. It computes with the backends that are open while it is made
    and that `hold` keeps mapped, on a device of theirs where one is given. They end with the
    process."""

    def __init__(
        self, libraries: Libraries, model_path: str, who: str, device: int | None = None
    ) -> None:
        self._llama = llama = libraries.llama
        parameters = llama.llama_model_default_params()
        # A list that ends with null; kept as long as the model.
        self._devices = (ctypes.c_void_p * 2)(device, None)
        parameters.devices = ctypes.cast(self._devices, ctypes.c_void_p)
        parameters.n_gpu_layers = -1 if device else 0
        model = llama.llama_model_load_from_file(os.fsencode(model_path), parameters)
        if not model:
            raise HardwareError(f"{who} could not load the sample model.")
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = N_CTX
        self._context = llama.llama_init_from_model(model, parameters)
        if not self._context:
            raise HardwareError(f"{who} could not make a context.")

    def decode(self, n_tokens: int, n_threads: int) -> None:
        """Compute `n_tokens` (at most N_CTX) from an empty context."""
        llama, context = self._llama, self._context
        llama.llama_set_n_threads(context, n_threads, n_threads)
        llama.llama_memory_clear(llama.llama_get_memory(context), False)
        tokens = (ctypes.c_int32 * n_tokens)(*range(1, n_tokens + 1))
        status = llama.llama_decode(context, llama.llama_batch_get_one(tokens, n_tokens))
        if status != 0:
            raise HardwareError(f"llama_decode returned {status} on the sample model.")
        llama.llama_synchronize(context)  # a device may still be at it

    def logits(self, count: int) -> list[float]:
        """The first logits of the last token that was computed."""
        address = self._llama.llama_get_logits_ith(self._context, -1)
        return list((ctypes.c_float * count).from_address(address)) if address else []


def variant_session(
    libraries: Libraries, variant: Variant, model_path: str, gemm: Path | None = None
) -> Session:
    """A session that computes with one variant.

    The registry of backends holds one CPU variant at a time: it is loaded, the model and the
    context bind to it, and it is taken out again to make room for the next one. The code stays
    mapped, since `score` holds the library, so the sessions of several variants live side by side
    and can be timed in turns. With `gemm`, the GEMM library computes what it can; it too stays
    mapped only if somebody holds it."""
    paths = [variant.path] if gemm is None else [variant.path, gemm]
    backends = [libraries.open(path) for path in paths]
    session = Session(libraries, model_path, variant.path.name)
    for backend in reversed(backends):
        libraries.ggml.ggml_backend_unload(backend)
    return session
