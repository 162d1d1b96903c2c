"""Puts the embedder together: its context, its thread, and its manners beside a chat."""

from __future__ import annotations

import queue
from contextlib import ExitStack
from dataclasses import replace

from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.embed_backend import EmbedBackend
from llamapack_runtime.engine.embed_context import PooledContext
from llamapack_runtime.engine.embed_model import own_pooling, rerank_form, vector_length
from llamapack_runtime.engine.embed_texts import EmbedFacts, TextEmbedder
from llamapack_runtime.engine.embed_types import POOLINGS, Embedded, EmbedRequest, Pooling
from llamapack_runtime.engine.embedding import Embedder
from llamapack_runtime.engine.errors import ContextError
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.tuner import ThreadTuner
from llamapack_runtime.engine.types import Failed
from llamapack_runtime.errors import ModelUnusable
from llamapack_runtime.gguf_header import GgufHeader
from llamapack_runtime.hardware.cpus import usable_cpus
from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.gemm import LEAST_TOKENS
from llamapack_runtime.hardware.memory import available_memory
from llamapack_runtime.hardware.plan import LoadPlan
from llamapack_runtime.hardware.spare import SpareProcessors
from llamapack_runtime.hardware.threads import pool_candidates, pool_setting
from llamapack_runtime.launch.assembling import open_pools
from llamapack_runtime.launch.embed_plan import plan_beside_chat
from llamapack_runtime.launch.preparing import Preparation
from llamapack_runtime.model_kind import model_kind, score_outputs
from llamapack_runtime.settings import Settings

# The longest input beside a chat, whose memory comes first.
_MOST_BESIDE_CHAT = 2048


def open_embedder(
    model: Model, prepared: Preparation, settings: Settings, resources: ExitStack
) -> TextEmbedder:
    """For a model that only embeds. `resources` closes all that is opened here. ModelUnusable when
    the settings ask for what the model has not, ContextError when there is no context."""
    facts = _facts(model, prepared.header, settings, prepared.plan.n_ctx)
    embedder = Embedder(
        lambda: _backend(model, facts, prepared, prepared.plan, settings), facts.pooling
    )
    resources.callback(embedder.close)
    _warm_up(embedder, model)
    return TextEmbedder(embedder, model, facts, rerank_form(model))


def open_beside_chat(
    model: Model,
    prepared: Preparation,
    settings: Settings,
    session: Session,
    resources: ExitStack,
) -> TextEmbedder:
    """For a model that chats: its context is made for the first request, and it leaves the
    processor to the chat. `resources` closes it. ModelUnusable as in `open_embedder`."""
    header = prepared.header
    facts = _facts(model, header, settings, min(session.n_ctx, _MOST_BESIDE_CHAT))
    facts = replace(facts, is_for_search=False)

    def open_backend() -> EmbedBackend:
        try:
            plan = plan_beside_chat(header, settings, facts.max_tokens, available_memory())
        except HardwareError as error:
            raise ContextError(f"There is no memory for embeddings now: {error}") from error
        return _backend(model, facts, prepared, plan, settings)

    embedder = Embedder(open_backend, facts.pooling, is_chat_busy=lambda: session.stats().busy > 0)
    resources.callback(embedder.close)
    return TextEmbedder(embedder, model, facts, rerank_form(model))


def _facts(model: Model, header: GgufHeader, settings: Settings, n_ctx: int) -> EmbedFacts:
    return EmbedFacts(
        pooling=_pooling(model, header, settings),
        n_embd=vector_length(model),
        # Beyond it some models have no positions, and llama.cpp would end the process.
        max_tokens=min(n_ctx, model.n_ctx_train),
        normalize=settings.embd_normalize,
    )


def _pooling(model: Model, header: GgufHeader, settings: Settings) -> Pooling:
    """As asked, else as the model says, else the mean."""
    own = own_pooling(model)
    if own == "none" and model_kind(header) == "chat":
        own = None  # it says that it has none of its own
    pooling = next((name for name in POOLINGS if name == settings.pooling), own or "mean")
    if pooling == "rank" and not score_outputs(header):
        raise ModelUnusable(
            "The pooling 'rank' needs a model with a head that scores documents, which this one"
            " has not; choose another --pooling."
        )
    return pooling


def _backend(
    model: Model,
    facts: EmbedFacts,
    prepared: Preparation,
    plan: LoadPlan,
    settings: Settings,
) -> EmbedBackend:
    context = _context(model, prepared.header, facts, plan)
    choice = prepared.choice
    asked = settings.threads_batch or settings.threads
    spare = SpareProcessors()
    spare()  # the next answer is about the time from here
    return EmbedBackend(
        context,
        open_pools(context.handle, choice.variant.path),
        ThreadTuner(pool_candidates(usable_cpus(), asked), pool_setting(choice.n_threads_batch)),
        spare,
        sleeps_from=None if choice.gemm is None else LEAST_TOKENS,
    )


def _context(model: Model, header: GgufHeader, facts: EmbedFacts, plan: LoadPlan) -> PooledContext:
    # llama.cpp finds the score of a second sequence in the wrong place behind half a head.
    is_single = model.is_recurrent or (facts.pooling == "rank" and score_outputs(header) < 2)
    return PooledContext(
        model,
        facts.pooling,
        n_ctx=plan.n_ctx,
        n_batch=plan.n_ubatch,
        n_sequences=1 if is_single else plan.n_seq_max,
        flash_attention=plan.flash_attn,
        type_k=plan.type_k,
        type_v=plan.type_v,
    )


def _warm_up(embedder: Embedder, model: Model) -> None:
    """Make its context and touch all weights once, so that the first request does not pay for it.
    ContextError when that fails."""
    tokens = model.tokenize("a", add_special=True, parse_special=False) or (0,)
    ends: queue.SimpleQueue[Embedded | Failed] = queue.SimpleQueue()
    embedder.submit(EmbedRequest("warm-up", (tokens,)), ends.put)
    end = ends.get()
    if isinstance(end, Failed):
        raise ContextError(end.message)
