"""Reads the packed system prompt while a pack is made, and writes the state that this leaves into
a file. Serves nobody."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.backend import LlamaBackend
from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.errors import EngineError
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.state_file import Data, StateHead, digest, parts_of
from llamapack_runtime.engine.step import Chunk
from llamapack_runtime.errors import ModelUnusable, ProgramError, UsageError
from llamapack_runtime.hardware.plan import ModelFacts, kv_bytes_per_cell
from llamapack_runtime.launch import console
from llamapack_runtime.launch.assembling import default_adapters, fingerprint, open_context
from llamapack_runtime.launch.defaults import chat_defaults
from llamapack_runtime.launch.device import open_libraries
from llamapack_runtime.launch.loading import choose_template
from llamapack_runtime.launch.preparing import Preparation, prepare
from llamapack_runtime.launch.source import ModelSource
from llamapack_runtime.launch.stopping import StopRequest
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings

_SLOT = 0
_PART_BYTES = 4 << 20


class _StoppedError(Exception):
    """Nobody wants the state any more."""


def bake(
    source: ModelSource, settings: Settings, paths: Paths, target: Path, stop: StopRequest
) -> int:
    """Write the state of the pack's system prompt to `target`, and say how large it is before it is
    made. The exit code: 0, or that of the request to stop. ProgramError when it cannot be done."""
    if settings.system_prompt is None:
        raise UsageError("This pack has no system prompt whose state could be kept.")
    # The same on every computer that packs.
    settings = replace(settings, gpu="off")
    try:
        head, data = _compute(source, settings, prepare(source, settings, paths), paths, stop)
    except _StoppedError:
        return stop.exit_code
    except EngineError as error:
        raise ModelUnusable(str(error)) from error
    except ChatTemplateError as error:
        raise ModelUnusable(f"The chat template refuses the system prompt: {error}") from error
    try:
        with target.open("wb") as file:
            file.writelines(parts_of(head, data, _PART_BYTES))
    except OSError as error:
        raise ProgramError(f"The state cannot be written to {target}: {error.strerror}.") from error
    return 0


def _compute(
    source: ModelSource,
    settings: Settings,
    prepared: Preparation,
    paths: Paths,
    stop: StopRequest,
) -> tuple[StateHead, Data]:
    open_libraries(prepared.choice, paths)
    with ExitStack() as resources:
        model = resources.enter_context(
            Model.open(source.path, source.offset, source.size, on_progress=lambda _: _go_on(stop))
        )
        context = resources.enter_context(
            open_context(model, prepared.plan, prepared.choice, source.adapters)
        )
        context.warm_up()
        context.use(default_adapters(source))
        key = digest(fingerprint(source, model, context, prepared.plan))
        tokens = _system_prefix(model, context, settings, resources)
        _check_length(len(tokens), context.n_ctx)
        _say_size(len(tokens), source, prepared)
        started = time.monotonic()
        data = _read(context, tokens, stop)
        console.say(f"Read it in {time.monotonic() - started:.1f} s.")
        return StateHead.of(key, tokens, data), data


def _system_prefix(
    model: Model, context: Context, settings: Settings, resources: ExitStack
) -> tuple[int, ...]:
    """As the session of a start has it. Its engine gets no request, and so leaves the context to
    us; `resources` closes both."""
    template, _ = choose_template(model, settings)
    engine = resources.enter_context(Engine(LlamaBackend(model, context)))
    prompt = settings.system_prompt
    session = Session(
        engine,
        model,
        template,
        n_ctx=context.n_ctx,
        system_prompt=prompt,
        defaults=chat_defaults(settings),
    )
    return session.system_prefix()


def _read(context: Context, tokens: tuple[int, ...], stop: StopRequest) -> Data:
    """In steps that do not depend on how fast they are, unlike the engine's: the same computer
    gives the same bytes."""
    for start in range(0, len(tokens), context.n_batch):
        _go_on(stop)
        part = tokens[start : start + context.n_batch]
        outcome = context.decode([Chunk("system prompt", _SLOT, start, part, n_logits=1)])
        if outcome != "ok":
            raise ModelUnusable(f"The system prompt cannot be read ({outcome}).")
    return context.save(_SLOT)


def _check_length(n_tokens: int, n_ctx: int) -> None:
    if not n_tokens:
        raise ModelUnusable("With this model's chat template, no two conversations begin alike.")
    if n_tokens >= n_ctx:
        raise ModelUnusable(
            f"The system prompt has {n_tokens:,} tokens, but a conversation has room for "
            f"{n_ctx:,}; shorten it."
        )


def _say_size(n_tokens: int, source: ModelSource, prepared: Preparation) -> None:
    facts = ModelFacts.from_metadata(prepared.header.metadata, source.size)
    per_token = kv_bytes_per_cell(facts, prepared.plan.type_k, prepared.plan.type_v)
    console.say(
        f"The system prompt has {n_tokens:,} tokens; at {per_token / 1000:,.1f} kB each, its state "
        f"adds about {n_tokens * per_token / 1e6:,.1f} MB to the pack."
    )


def _go_on(stop: StopRequest) -> None:
    if stop.is_requested:
        raise _StoppedError
