"""Ollama's `options`: how to sample, where to end, and how the computer is to be used.

The last kind is accepted and changes nothing: it never says anything about the answer, Ollama's
clients send it with every request, and a pack chooses its threads, batches and GPU by itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.parameters import (
    MAX_LOOK_BACK,
    Factor,
    Int31,
    Int31OrMinusOne,
    Parameters,
    Penalty,
    Share,
    UpTo100,
)
from llamapack_runtime.api.translation import to_stop

# Ollama's clients write -1 for "by yourself" where a count is asked for.
_Count = Int31OrMinusOne


class Options(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """None means: the pack's default. `num_predict` up to 0 is no limit. A smaller `num_ctx` than
    ours is no reason to forget: the conversation keeps the room that there is."""

    num_predict: Annotated[int, Meta(ge=-2, le=2**31 - 1)] | None = None
    num_keep: Int31OrMinusOne | None = None
    num_ctx: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    stop: str | list[str] | None = None
    temperature: UpTo100 | None = None
    top_k: Int31OrMinusOne | None = None
    top_p: Share | None = None
    min_p: Share | None = None
    typical_p: Share | None = None
    repeat_penalty: Factor | None = None
    repeat_last_n: Annotated[int, Meta(ge=-1, le=MAX_LOOK_BACK)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    mirostat: Literal[0, 1, 2] | None = None
    mirostat_tau: UpTo100 | None = None
    mirostat_eta: UpTo100 | None = None

    # Of these, only the value that asks for nothing can be had.
    tfs_z: float | None = None
    penalize_newline: bool | None = None
    vocab_only: bool | None = None
    embedding_only: bool | None = None
    logits_all: bool | None = None

    # How the computer is to be used.
    numa: bool | None = None
    num_batch: Int31 | None = None
    num_gpu: _Count | None = None
    main_gpu: _Count | None = None
    low_vram: bool | None = None
    f16_kv: bool | None = None
    use_mmap: bool | None = None
    use_mlock: bool | None = None
    num_thread: _Count | None = None


# With the value that asks for nothing: newlines are penalised like all tokens.
_FIXED: tuple[tuple[str, object], ...] = (
    ("tfs_z", 1.0),
    ("penalize_newline", True),
    ("vocab_only", False),
    ("embedding_only", False),
    ("logits_all", False),
)
# These have the same name and meaning everywhere.
_SHARED = tuple(name for name in Options.__struct_fields__ if name in Parameters.__struct_fields__)


def to_parameters(options: Options, n_ctx: int) -> Parameters:
    """What the options ask for, by the names of the other dialects. `n_ctx`: see `Session`.
    BadRequest that names the option that cannot be honoured."""
    for name, neutral in _FIXED:
        _check_neutral(name, getattr(options, name), neutral)
    if options.num_ctx is not None and options.num_ctx > n_ctx:
        raise BadRequest(
            f"'options.num_ctx' is {options.num_ctx}, but this program's context has {n_ctx} "
            "tokens; ask for no more than that, or leave it out.",
            "options.num_ctx",
        )
    values: dict[str, Any] = {name: getattr(options, name) for name in _SHARED}
    to_stop(options.stop, "options.stop")
    if options.repeat_last_n == -1:
        values["repeat_last_n"] = min(n_ctx, MAX_LOOK_BACK)  # all there is to look back on
    return Parameters(**values, n_predict=_limit(options.num_predict), n_keep=options.num_keep)


def _limit(num_predict: int | None) -> int | None:
    return -1 if num_predict is not None and num_predict <= 0 else num_predict


def _check_neutral(name: str, value: object, neutral: object) -> None:
    if value is not None and value != neutral:
        shown = msgspec.json.encode(neutral).decode()
        raise BadRequest(
            f"'options.{name}' cannot be anything but {shown} here; leave it out.",
            f"options.{name}",
            "unsupported_parameter",
        )
