"""A draft model on llama.cpp: it changes how fast answers come, and no answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.draft_context import LlamaDraft
from llamapack_runtime.engine.drafter import MOST_FOLLOWED, Drafter
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Request
from make_gguf import make_gguf
from runtime.engine.listener import Listener
from runtime.engine.real_session import GREEDY, THREADS, session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROMPTS = ("The first of them", "Another one, longer: 12345", "x", "What is it?")
N_TOKENS = 40
# Each step of the model takes as long, so that right guesses pay on every computer.
PACE_S = 0.03


@pytest.fixture(scope="module")
def models(
    library_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Model, Model]]:
    """One of random weights, and another one."""
    assert library_folder.is_dir()
    folder = tmp_path_factory.mktemp("models")
    paths = [make_gguf(folder / f"{seed}.gguf", n_layers=2, seed=seed) for seed in (1, 2)]
    opened = [Model.open(path, 0, path.stat().st_size) for path in paths]
    yield opened[0], opened[1]
    for model in opened:
        model.close()


def drafter_of(draft: Model, model: Model, n_ctx: int = 2048) -> Drafter:
    context = Context(
        draft,
        n_ctx=n_ctx,
        n_seq_max=MOST_FOLLOWED,
        n_rows=MOST_FOLLOWED,
        n_batch=64,
        n_ubatch=64,
        n_threads=THREADS,
        n_threads_batch=THREADS,
    )
    context.warm_up()
    return Drafter(
        LlamaDraft(context), "draft", guess_s=0.001, n_vocab=model.n_vocab, is_end=model.is_end
    )


def asked(
    chat: Session, prompt: str, name: str = "a", sampling: SamplingParams = GREEDY
) -> Listener:
    listener = Listener()
    tokens = chat.text_prompt(prompt)
    chat.submit(Request(name, tokens, sampling, N_TOKENS, ignores_end=True), listener)
    return listener


def text_of(listener: Listener) -> str:
    listener.finished()
    return listener.text


def texts(chat: Session, *, at_once: bool) -> list[str]:
    if not at_once:
        return [text_of(asked(chat, prompt)) for prompt in PROMPTS]
    return [text_of(one) for one in [asked(chat, prompt, prompt) for prompt in PROMPTS]]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("which", [0, 1])
def test_guesses_of_a_draft_model_change_no_answer(
    models: tuple[Model, Model], which: int, at_once: bool
) -> None:
    model, draft = models[0], models[which]
    with session(model, speculates=False) as chat:
        usual = texts(chat, at_once=at_once)
    drafter = drafter_of(draft, model)
    with session(model, drafter=drafter, least_step_s=PACE_S) as chat:
        assert texts(chat, at_once=at_once) == usual
        assert drafter.report.problem is None
        stats = chat.stats()
    print(f"{stats.accepted_tokens} of {stats.draft_tokens}, {drafter.confidence:.2f}")
    if not at_once:
        assert (drafter.confidence > 0.85) == (which == 0)


def test_a_model_that_is_its_own_draft_takes_its_guesses(models: tuple[Model, Model]) -> None:
    with session(models[0], drafter=drafter_of(models[0], models[0]), least_step_s=PACE_S) as chat:
        end = asked(chat, PROMPTS[1]).finished()
        stats = chat.stats()
    assert end.accepted_tokens > 0.6 * N_TOKENS
    assert end.accepted_tokens >= 0.9 * end.draft_tokens
    assert stats.steps < N_TOKENS / 2


def test_what_is_drawn_at_random_is_drawn_as_without_guesses(models: tuple[Model, Model]) -> None:
    sampling = SamplingParams(temperature=0.7, seed=7)
    found = set()
    for drafter in (None, drafter_of(models[0], models[0])):
        pace_s = 0.0 if drafter is None else PACE_S
        with session(models[0], drafter=drafter, least_step_s=pace_s) as chat:
            found.add(text_of(asked(chat, PROMPTS[0], sampling=sampling)))
    assert len(found) == 1


def test_a_small_cache_is_shared_and_never_overrun(models: tuple[Model, Model]) -> None:
    drafter = drafter_of(models[0], models[0], n_ctx=256)
    with session(models[0], drafter=drafter, least_step_s=0.005) as chat:
        for _ in range(2):
            listeners = [asked(chat, "a b c " * (5 + 9 * n), f"{n}") for n in range(4)]
            assert all(one.finished().completion_tokens == N_TOKENS for one in listeners)
    assert drafter.report.problem is None


def test_answers_go_on_when_the_draft_model_is_stopped(models: tuple[Model, Model]) -> None:
    drafter = drafter_of(models[0], models[0])
    with session(models[0], drafter=drafter, least_step_s=PACE_S) as chat:
        first = text_of(asked(chat, PROMPTS[0]))
        drafter.interrupt()
        assert text_of(asked(chat, PROMPTS[0])) == first
