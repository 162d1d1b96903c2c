"""Chooses how many threads compute the coming step and how long they spin. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MAX_THREADS = 512  # GGML_MAX_N_THREADS


@dataclass(frozen=True, slots=True)
class PoolSetting:
    """`poll` says how long a thread without work spins before it sleeps: 0 not at all, 50 is ggml's
    default, 100 longest. One thread never waits for another, so its `poll` is 0."""

    n_threads: int
    poll: int

    def __post_init__(self) -> None:
        assert 1 <= self.n_threads <= MAX_THREADS, f"{self.n_threads} threads"
        assert 0 <= self.poll <= 100, f"polling level {self.poll}"
