"""How long a model stays loaded: Ollama's `keep_alive`."""

from __future__ import annotations

import math
import re

from llamapack_runtime.api.errors import BadRequest

# A duration as Go writes it: -1.5h, 5m30s, 0.
_DURATION = re.compile(r"[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


def check_keep_alive(keep_alive: str | float | None) -> None:
    """BadRequest for a text that is no duration."""
    if isinstance(keep_alive, str) and not _DURATION.fullmatch(keep_alive):
        message = f"'keep_alive' must be a duration such as \"5m\", not '{keep_alive[:100]}'."
        raise BadRequest(message, "keep_alive")


def keep_alive_s(keep_alive: object) -> float | None:
    """In seconds, infinite for a negative one; None where nothing (or nonsense) is said."""
    if isinstance(keep_alive, str) and _DURATION.fullmatch(keep_alive):
        parts = _PART.findall(keep_alive)
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
        return math.inf if keep_alive.startswith("-") and seconds else seconds
    if isinstance(keep_alive, int | float) and not isinstance(keep_alive, bool):
        return math.inf if keep_alive < 0 else float(keep_alive)
    return None
