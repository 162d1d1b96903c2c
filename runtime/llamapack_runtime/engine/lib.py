"""Loads llama.cpp's libraries into this process, once, and routes their log into `logging`.

The only file that imports llama_cpp. Knows nothing of models."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from llamapack_runtime.engine.errors import LibraryError

logger = logging.getLogger("llama.cpp")

_MODULE = "llama_cpp.llama_cpp"
_ENVIRONMENT = "LLAMA_CPP_LIB_PATH"
_VISION_MODULE = "llama_cpp.mtmd_cpp"
_VISION_ENVIRONMENT = "MTMD_CPP_LIB"
# enum ggml_log_level. 5 continues the line before it.
_LEVELS = {1: logging.DEBUG, 2: logging.INFO, 3: logging.WARNING, 4: logging.ERROR}


def load_library(
    library_folder: Path,
    cpu_backend: Path | None,
    gemm: Path | None = None,
    gpu: Path | None = None,
    visible: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Load libllama from `library_folder` and the one CPU variant `cpu_backend` (a full path), with
    the GEMM library beside it if it is given, and the GPU's, which reads the environment variables
    `visible` once. None: to look into models, not to compute with them.

    A second call with the same arguments does nothing. A process has one set of libraries for
    its whole life: other arguments raise LibraryError, as does a library that cannot be loaded.
    """
    cpu = cpu_backend and cpu_backend.resolve()
    wanted = (library_folder.resolve(), cpu, gemm, gpu, dict(visible))
    if _MODULE in sys.modules:
        loaded = sys.modules[_MODULE].__dict__.get("llamapack_loaded")
        if loaded != wanted:
            raise LibraryError(
                f"The libraries {loaded} are already loaded; start a new process to use {wanted}."
            )
        return
    module = _import_binding(wanted[0])
    try:
        load = _start_backends(module, wanted[0])
        if cpu is not None:
            load(cpu)
        if gemm is not None:
            # OpenBLAS would start threads of its own while it is mapped.
            with _environment({"OPENBLAS_NUM_THREADS": "1"}):
                load(gemm)
        if gpu is not None:
            with _environment(visible):
                load(gpu)
    except BaseException:
        # The libraries stay mapped, but the next call may try another CPU variant.
        del sys.modules[_MODULE]
        raise
    module.__dict__["llamapack_loaded"] = wanted


def library() -> Any:
    """The module llama_cpp.llama_cpp. LibraryError before `load_library`."""
    module = sys.modules.get(_MODULE)
    if module is None:
        raise LibraryError("The llama.cpp libraries are not loaded; call load_library first.")
    return module


def vision_library() -> Any:
    """The module llama_cpp.mtmd_cpp, with libmtmd from the folder of libllama. LibraryError before
    `load_library`, or where there is none."""
    folder = library().__dict__["llamapack_loaded"][0]
    try:
        with _environment({_VISION_ENVIRONMENT: str(folder)}):
            module = importlib.import_module(_VISION_MODULE)
    except (OSError, RuntimeError, AttributeError, ImportError) as error:
        raise LibraryError(f"libmtmd in {folder} cannot be loaded: {error}.") from error
    module.mtmd_log_set(library().llamapack_log_callback, ctypes.c_void_p(0))
    return module


def _import_binding(folder: Path) -> ModuleType:
    """Import llama_cpp.llama_cpp alone: a bare package stands in for llama_cpp, whose own
    `__init__` would load numpy and the chat formats."""
    if "llama_cpp" not in sys.modules:
        spec = importlib.util.find_spec("llama_cpp")
        if spec is None or spec.submodule_search_locations is None:
            raise LibraryError("The Python package llama_cpp is missing; install llama-cpp-python.")
        package = ModuleType("llama_cpp")
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules["llama_cpp"] = package
    try:
        with _environment({_ENVIRONMENT: str(folder)}):
            return importlib.import_module(_MODULE)
    except (OSError, RuntimeError, AttributeError) as error:
        # AttributeError: a libllama of another version lacks a function that the binding names.
        raise LibraryError(f"libllama in {folder} cannot be loaded: {error}.") from error


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_backends(module: Any, folder: Path) -> Callable[[Path], None]:
    """The function that loads a backend. LibraryError where one cannot be loaded."""
    _route_log(module)
    module.llama_backend_init()
    native = _ggml(module, folder, "ggml").ggml_backend_load
    native.argtypes, native.restype = [ctypes.c_char_p], ctypes.c_void_p

    def load(backend: Path) -> None:
        if not native(os.fsencode(backend)):
            raise LibraryError(f"The backend {backend} cannot be loaded on this computer.")

    return load


def ggml_library(name: str) -> ctypes.CDLL:
    """ "ggml" or "ggml-base" of this process. LibraryError before `load_library`."""
    module = library()
    return _ggml(module, module.__dict__["llamapack_loaded"][0], name)


def _ggml(module: Any, folder: Path, name: str) -> ctypes.CDLL:
    """The libggml that libllama is linked against: it alone has the live registry of backends."""
    if sys.platform == "win32":
        return ctypes.CDLL(str(folder / f"{name}.dll"))
    # dlsym on libllama's handle also searches the libraries that it was linked with.
    binding: ctypes.CDLL = module._lib
    return binding


def _route_log(module: Any) -> None:
    @module.llama_log_callback  # type: ignore[untyped-decorator]  # a ctypes prototype
    def receive(level: int, text: bytes | None, _user_data: object) -> None:
        if text and level in _LEVELS and logger.isEnabledFor(_LEVELS[level]):
            logger.log(_LEVELS[level], "%s", text.decode("utf-8", "replace").rstrip())

    # llama.cpp keeps the pointer for the life of the process, so the module keeps the object.
    module.llamapack_log_callback = receive
    module.llama_log_set(receive, ctypes.c_void_p(0))


class _ErrorLines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def captured_errors() -> Iterator[list[str]]:
    """The error lines that llama.cpp logs inside the block: its only way to say a cause."""
    handler = _ErrorLines()
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
