"""What an answer took: OpenAI's `usage`, and llama-server's `timings` (counts, milliseconds and
tokens per second)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from llamapack_runtime.api.answer import Ended, Happening, Said
from llamapack_runtime.engine.types import Finished, PromptProgress

Json = dict[str, object]


def combined(choices: Sequence[Ended], n: int | None = None) -> Finished:
    """Of all choices together; `n` of them, or all, share a prompt. A prompt counts once, as the
    one who read most of it met it; the choices ran side by side, so that the longest time is that
    of all."""
    ends = [choice.finished for choice in choices]
    step = n or len(ends)
    groups = [ends[start : start + step] for start in range(0, len(ends), step)]
    readers = [min(group, key=lambda end: end.cached_tokens) for group in groups]
    return replace(
        readers[0],
        prompt_tokens=sum(reader.prompt_tokens for reader in readers),
        cached_tokens=sum(reader.cached_tokens for reader in readers),
        prompt_s=max(reader.prompt_s for reader in readers),
        completion_tokens=sum(end.completion_tokens for end in ends),
        completion_s=max(end.completion_s for end in ends),
        draft_tokens=sum(end.draft_tokens for end in ends),
        accepted_tokens=sum(end.accepted_tokens for end in ends),
    )


def usage(end: Finished, reasoning_tokens: int) -> Json:
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": end.prompt_tokens + end.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": end.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": reasoning_tokens},
    }


def timings(end: Finished) -> Json:
    read = end.prompt_tokens - end.cached_tokens
    return {
        "cache_n": end.cached_tokens,
        **_timing("prompt", read, end.prompt_s),
        **_timing("predicted", end.completion_tokens, end.completion_s),
        "draft_n": end.draft_tokens,
        "draft_n_accepted": end.accepted_tokens,
    }


def _timing(name: str, count: int, seconds: float) -> Json:
    milliseconds = seconds * 1000
    return {
        f"{name}_n": count,
        f"{name}_ms": round(milliseconds, 3),
        f"{name}_per_token_ms": round(milliseconds / count, 3) if count else 0.0,
        f"{name}_per_second": round(count / seconds, 3) if seconds > 0 else 0.0,
    }


class Pace:
    """Follows one choice: what it took so far, as it is seen from here."""

    def __init__(self, prompt_tokens: int) -> None:
        self._prompt_tokens = prompt_tokens
        self._cached_tokens = 0
        self._completion_tokens = 0
        self._started_s = time.perf_counter()
        self._prompt_s = 0.0
        self._completion_s = 0.0

    def see(self, event: Happening) -> None:
        now_s = time.perf_counter() - self._started_s
        match event:
            case PromptProgress(cached=cached):
                self._prompt_s = now_s
                self._cached_tokens = cached
            case Said(completion_tokens=count):
                if not self._completion_tokens:
                    self._prompt_s = now_s
                self._completion_tokens = count
                self._completion_s = now_s - self._prompt_s

    def progress(self, event: PromptProgress) -> Json:
        """llama-server's `prompt_progress`."""
        return {
            "total": event.total,
            "cache": event.cached,
            "processed": event.done,
            "time_ms": round(self._prompt_s * 1000),
        }

    def timings(self) -> Json:
        return timings(
            Finished(
                "stop",
                prompt_tokens=self._prompt_tokens,
                cached_tokens=self._cached_tokens,
                completion_tokens=self._completion_tokens,
                prompt_s=self._prompt_s,
                completion_s=self._completion_s,
            )
        )
