"""Thread pools on llama.cpp and a real chat model. `make test` sets the two variables."""

from __future__ import annotations

import _ctypes
import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.errors import LibraryError
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.threadpools import ThreadPools
from llamapack_runtime.engine.tuner import PoolSetting

ONE, TWO, TWO_SLEEPY = PoolSetting(1, 0), PoolSetting(2, 50), PoolSetting(2, 0)
needs_model = [pytest.mark.slow, pytest.mark.timeout(300)]


@contextmanager
def context_of(model: Model) -> Iterator[Context]:
    with Context(
        model, n_ctx=256, n_seq_max=1, n_batch=64, n_ubatch=64, n_threads=1, n_threads_batch=1
    ) as context:
        yield context


def logits_after(context: Context) -> list[float]:
    """Of a prompt and then one more token: both pools compute."""
    native, handle = library(), context.handle
    native.llama_memory_clear(native.llama_get_memory(handle), False)
    for tokens in (range(100, 104), range(200, 201)):
        array = (ctypes.c_int32 * len(tokens))(*tokens)
        assert native.llama_decode(handle, native.llama_batch_get_one(array, len(tokens))) == 0
    return list(native.llama_get_logits_ith(handle, -1)[: context.model.n_vocab])


class TestWithAModel:
    pytestmark = needs_model

    @pytest.mark.parametrize(
        ("decode", "batch"), [(ONE, ONE), (TWO, TWO), (TWO_SLEEPY, ONE), (ONE, TWO)]
    )
    def test_pools_do_not_change_the_numbers(
        self, smol_model: Model, cpu_backend: Path, decode: PoolSetting, batch: PoolSetting
    ) -> None:
        with context_of(smol_model) as context:
            expected = logits_after(context)
            with ThreadPools(cpu_backend, context.handle) as pools:
                pools.use(decode, batch)
                assert logits_after(context) == expected

    def test_settings_may_change_between_steps(self, smol_model: Model, cpu_backend: Path) -> None:
        with context_of(smol_model) as context, ThreadPools(cpu_backend, context.handle) as pools:
            pools.use(ONE, ONE)
            expected = logits_after(context)
            for setting in (TWO, ONE, TWO_SLEEPY, TWO):
                pools.use(setting, setting)
                assert logits_after(context) == expected

    @pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
    def test_each_setting_starts_its_threads_once_and_close_ends_them(
        self, smol_model: Model, cpu_backend: Path
    ) -> None:
        with context_of(smol_model) as context:
            before = len(thread_ids())
            pools = ThreadPools(cpu_backend, context.handle)
            for _ in range(3):
                for setting in (TWO, TWO_SLEEPY, ONE):
                    pools.use(setting, setting)
            assert len(thread_ids()) == before + 2
            pools.close()
            pools.close()
            # The kernel lists a thread for a moment after it was joined.
            deadline = time.monotonic() + 5.0
            while len(thread_ids()) > before and time.monotonic() < deadline:
                time.sleep(0.01)
            assert len(thread_ids()) == before

    @pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
    def test_a_pool_that_another_replaced_sleeps(
        self, smol_model: Model, cpu_backend: Path
    ) -> None:
        with context_of(smol_model) as context, ThreadPools(cpu_backend, context.handle) as pools:
            before = set(thread_ids())
            spinner = PoolSetting(2, 100)
            pools.use(spinner, spinner)
            logits_after(context)
            (worker,) = set(thread_ids()) - before
            pools.use(ONE, ONE)
            logits_after(context)  # ggml pauses the pool when the next one computes
            used = cpu_ticks(worker)
            for _ in range(20):
                logits_after(context)
            assert cpu_ticks(worker) - used <= 1


def thread_ids() -> list[int]:
    return [int(path.name) for path in Path("/proc/self/task").iterdir()]


def cpu_ticks(thread: int) -> int:
    """User and system time of a thread, in hundredths of a second: fields 14 and 15 of its stat."""
    text = Path(f"/proc/self/task/{thread}/stat").read_text(encoding="utf-8")
    fields = text.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"no-such\.so cannot be loaded"):
        ThreadPools(tmp_path / "no-such.so", 0)


def test_a_library_without_pools_is_an_error_that_says_so() -> None:
    with pytest.raises(LibraryError, match="has no ggml_threadpool_new"):
        ThreadPools(Path(_ctypes.__file__), 0)
