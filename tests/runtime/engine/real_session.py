"""A session over llama.cpp and a real model, and questions for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.types import Message
from llamapack_runtime.engine.backend import LlamaBackend
from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.drafter import Drafter
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.lora import LoraAdapter
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.states import StateStore
from llamapack_runtime.engine.step import Chunk, DecodeOutcome
from llamapack_runtime.engine.types import Adapters, Request
from runtime.engine.listener import Listener

# More than one would wait for each other whenever another process runs on this computer.
THREADS = 1
GREEDY = SamplingParams(temperature=0.0)
QUESTIONS = (
    "Name the capital of France.",
    "Count from one to ten in words.",
    "Why is the sky blue? Answer in two sentences.",
    "Write a short poem about a cat.",
)


def open_context(
    model: Model,
    *,
    n_ctx: int = 2048,
    n_seq_max: int = 4,
    n_batch: int = 512,
    type_kv: str = "f16",
    loras: Mapping[str, LoraAdapter] = MappingProxyType({}),
) -> Context:
    return Context(
        model,
        n_ctx=n_ctx,
        n_seq_max=n_seq_max,
        n_batch=n_batch,
        n_ubatch=n_batch,
        n_threads=THREADS,
        n_threads_batch=THREADS,
        type_k=type_kv,
        type_v=type_kv,
        loras=loras,
    )


class EvenBackend(LlamaBackend):
    """Every step takes at least `least_step_s`, so that guesses cost nothing and are always made:
    whether they pay depends on the processor, whether they are right does not."""

    least_step_s = 0.0

    def decode(self, chunks: Sequence[Chunk], adapters: Adapters = ()) -> DecodeOutcome:
        ready_s = time.monotonic() + self.least_step_s
        outcome = super().decode(chunks, adapters)
        time.sleep(max(0.0, ready_s - time.monotonic()))
        return outcome


@contextmanager
def session(
    model: Model,
    *,
    n_ctx: int = 2048,
    n_seq_max: int = 4,
    n_batch: int = 512,
    type_kv: str = "f16",
    speculates: bool = True,
    shifts_context: bool = False,
    states: StateStore | None = None,
    least_step_s: float = 0.0,
    loras: Mapping[str, LoraAdapter] = MappingProxyType({}),
    drafter: Drafter | None = None,
) -> Iterator[Session]:
    context = open_context(
        model, n_ctx=n_ctx, n_seq_max=n_seq_max, n_batch=n_batch, type_kv=type_kv, loras=loras
    )
    context.warm_up()
    assert model.chat_template is not None
    template = ChatTemplate(
        model.chat_template, bos_token=model.bos_token, eos_token=model.eos_token
    )
    backend = EvenBackend(model, context)
    backend.least_step_s = least_step_s
    engine = Engine(
        backend,
        speculates=speculates,
        shifts_context=shifts_context,
        states=states,
        drafter=drafter,
    )
    try:
        yield Session(engine, model, template, n_ctx=context.n_ctx)
    finally:
        engine.close()


def ask(
    session: Session,
    question: str,
    name: str = "a",
    *,
    sampling: SamplingParams = GREEDY,
    max_tokens: int | None = 40,
    stop: Sequence[str] = (),
) -> Listener:
    listener = Listener()
    prompt = session.chat_prompt([Message("user", question)])
    request = Request(name, prompt, sampling, max_tokens, tuple(stop))
    session.submit(request, listener)
    return listener


def answer(session: Session, question: str, **options: object) -> str:
    listener = ask(session, question, **options)  # type: ignore[arg-type]  # passed on as they are
    listener.finished()
    return listener.text
