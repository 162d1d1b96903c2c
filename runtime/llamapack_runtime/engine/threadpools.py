"""ggml's thread pools, made once and kept while a context computes. Without one, ggml starts and
ends its threads for every graph. Knows nothing of which setting is best (that is tuner.py)."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from llamapack_runtime.engine.errors import LibraryError
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.tuner import MAX_THREADS, PoolSetting


class _PoolParameters(ctypes.Structure):
    """struct ggml_threadpool_params of ggml.h: byte 0, 512, 516, 520, 524, 525; 528 bytes."""

    _fields_ = [
        ("cpumask", ctypes.c_bool * MAX_THREADS),  # all false: wherever the process may run
        ("n_threads", ctypes.c_int),
        ("prio", ctypes.c_int),  # 0: as the process
        ("poll", ctypes.c_uint32),
        ("strict_cpu", ctypes.c_bool),
        ("paused", ctypes.c_bool),
    ]


class ThreadPools:
    """The pools of one context, one for each setting that was ever used. Only the one that computes
    is awake: ggml pauses a pool when another one takes over.

    `cpu_backend` is the CPU variant that was given to `load_library`; `context_handle` stays the
    caller's. Used by the context's thread alone. Close it while the context is still open, and let
    the context compute nothing afterwards: its backend remembers the last pool. LibraryError when
    the libraries lack a function; the context computes without pools then, only slower."""

    def __init__(self, cpu_backend: Path, context_handle: int) -> None:
        self._native = _Native(cpu_backend)
        self._contexts = [context_handle]
        self._pools: dict[PoolSetting, int] = {}
        self._in_use: tuple[PoolSetting, PoolSetting] | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def share(self, context_handle: int) -> None:
        """Another context that computes on the same thread, in turns with the first: threads of its
        own would be in the way of those that wait for more to do."""
        self._contexts.append(context_handle)
        self._in_use = None

    def use(self, decode: PoolSetting, batch: PoolSetting) -> None:
        """From the next step on, one token is computed with `decode`, several with `batch`."""
        assert not self._is_closed, "the thread pools are closed"
        if self._in_use == (decode, batch):
            return
        for context in self._contexts:
            self._native.attach(context, self._pool(decode), self._pool(batch))
            self._native.set_n_threads(context, decode.n_threads, batch.n_threads)
        self._in_use = (decode, batch)

    def close(self) -> None:
        """End all threads. A second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        for context in self._contexts:
            self._native.detach(context)
        for pool in self._pools.values():
            self._native.free(pool)
        self._pools.clear()

    def _pool(self, setting: PoolSetting) -> int:
        if setting not in self._pools:
            self._pools[setting] = self._native.new(setting)
        return self._pools[setting]


class _Native:
    """The C functions. Those of the pools lie in the CPU variant, which ggml has loaded under the
    same path: opening it again gives the same library."""

    def __init__(self, cpu_backend: Path) -> None:
        pointer, parameters = ctypes.c_void_p, ctypes.POINTER(_PoolParameters)
        cpu = _open(cpu_backend)
        # dlsym also searches what a library was linked with; GetProcAddress does not.
        base = _open(cpu_backend.parent / "ggml-base.dll") if sys.platform == "win32" else cpu
        self._new = _function(cpu, "ggml_threadpool_new", pointer, [parameters])
        self._init = _function(
            base, "ggml_threadpool_params_init", None, [parameters, ctypes.c_int]
        )
        self.free = _function(cpu, "ggml_threadpool_free", None, [pointer])
        binding = library()
        # The binding has no functions for these two.
        llama = binding._lib
        self.attach = _function(llama, "llama_attach_threadpool", None, [pointer] * 3)
        self.detach = _function(llama, "llama_detach_threadpool", None, [pointer])
        self.set_n_threads = binding.llama_set_n_threads

    def new(self, setting: PoolSetting) -> int:
        """A pool whose threads sleep until the first graph."""
        parameters = _PoolParameters()
        self._init(ctypes.byref(parameters), setting.n_threads)
        parameters.poll, parameters.paused = setting.poll, True
        pool = self._new(ctypes.byref(parameters))
        if not pool:
            raise LibraryError(f"llama.cpp could not start {setting.n_threads} threads.")
        return int(pool)


def _open(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise LibraryError(f"The library {path} cannot be loaded: {error}.") from error


def _function(library: ctypes.CDLL, name: str, result: Any, arguments: list[Any]) -> Any:
    try:
        function = getattr(library, name)
    except AttributeError as error:
        raise LibraryError(
            f"The library {library._name} has no {name}; threads are started for each step."
        ) from error
    function.restype, function.argtypes = result, arguments
    return function
