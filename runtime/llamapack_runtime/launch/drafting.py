"""How a draft model is loaded beside its model.

Answers do without one, so that whatever is wrong with it is told and nothing else happens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import GgufHeader, read_header
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.draft_plan import DraftMemory, plan_draft_memory
from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.plan import LoadPlan, ModelFacts
from llamapack_runtime.launch.draft import DraftSource
from llamapack_runtime.pack.draft import Vocabulary, check_draft, check_vocabularies
from llamapack_runtime.settings import Settings

if TYPE_CHECKING:  # the loader's thread imports them: the page must not wait
    from llamapack_runtime.engine.context import Context
    from llamapack_runtime.engine.draft_context import LlamaDraft
    from llamapack_runtime.engine.drafter import Drafter, DraftReport

logger = logging.getLogger(__name__)

_NO_MEMORY_OF_PARTS = (
    "it has recurrent layers or a sliding window, and cannot go back when a guess was wrong"
)
_TRIALS = 3  # of a guess, to know what one takes


@dataclass(frozen=True, slots=True)
class DraftPlan:
    """`memory` is there unless a `problem` says, as a part of a sentence, why it cannot be used."""

    source: DraftSource
    memory: DraftMemory | None = None
    problem: str | None = None

    @property
    def needed_bytes(self) -> int:
        return 0 if self.memory is None else self.memory.needed_bytes

    @property
    def sentence(self) -> str | None:
        return None if self.problem is None else unused(self.source.name, self.problem)


@dataclass(frozen=True, slots=True)
class OpenDraft:
    """`drafter` and `context` are there when it could be loaded; `report` tells how it is now."""

    report: Callable[[], DraftReport]
    drafter: Drafter | None = None
    context: LlamaDraft | None = None


def plan_draft(
    source: DraftSource | None, model: tuple[Path, int], header: GgufHeader, plan: LoadPlan
) -> DraftPlan | None:
    """How it is loaded beside the model whose GGUF with that `header` lies at the offset of a path
    that `model` says, and which is loaded as in `plan`. None without one."""
    if source is None:
        return None
    try:
        found = _checked(source, model, header)
        facts = ModelFacts.from_metadata(found.metadata, source.size)
        return DraftPlan(source, plan_draft_memory(facts, plan))
    except (GgufError, HardwareError) as error:
        return DraftPlan(source, problem=str(error))
    except OSError as error:
        return DraftPlan(source, problem=f"It cannot be read: {error.strerror}.")


def with_draft(plan: LoadPlan, draft: DraftPlan | None) -> LoadPlan:
    """What is loaded altogether."""
    if draft is None:
        return plan
    notes = plan.notes if draft.sentence is None else (*plan.notes, draft.sentence)
    return replace(plan, needed_bytes=plan.needed_bytes + draft.needed_bytes, notes=notes)


def unused(name: str, cause: str) -> str:
    """`cause` is a sentence."""
    return f"The draft model {name} is not used, so answers may come slower. {cause}"


def without_guesses(draft: DraftPlan, cause: str) -> OpenDraft:
    """`cause` is a sentence."""
    from llamapack_runtime.engine.drafter import DraftReport  # see TYPE_CHECKING above

    report = DraftReport(draft.source.name, unused(draft.source.name, cause))
    logger.warning("%s", report.problem)
    return OpenDraft(lambda: report)


def open_draft(
    draft: DraftPlan,
    context: Context,
    plan: LoadPlan,
    choice: HardwareChoice,
    settings: Settings,
    check: Callable[[], None],
    resources: ExitStack,
) -> OpenDraft:
    """Guesses for what `context` computes. EngineError when there can be none. `check` is called
    while it loads, and what it raises ends that. `resources` closes all that is opened here."""
    from llamapack_runtime.engine.context import Context  # see TYPE_CHECKING above
    from llamapack_runtime.engine.draft_context import LlamaDraft
    from llamapack_runtime.engine.drafter import MOST_FOLLOWED, Drafter, DraftLimits
    from llamapack_runtime.engine.errors import ModelError
    from llamapack_runtime.engine.model import Model

    source, memory = draft.source, draft.memory
    assert memory is not None, "there is no problem"
    if not context.can_truncate:
        raise ModelError(f"The model is none that can be guessed for: {_NO_MEMORY_OF_PARTS}.")
    model = resources.enter_context(
        Model.open(
            source.path,
            source.offset,
            source.size,
            use_mmap=not settings.no_mmap,
            on_progress=lambda _share: check(),
        )
    )
    own = resources.enter_context(
        Context(
            model,
            n_ctx=memory.n_ctx,
            n_seq_max=MOST_FOLLOWED,
            n_rows=MOST_FOLLOWED,
            n_batch=memory.n_batch,
            n_ubatch=memory.n_batch,
            n_threads=choice.n_threads,
            n_threads_batch=choice.n_threads_batch,
            flash_attention=plan.flash_attn,
        )
    )
    if not own.can_truncate:
        raise ModelError(f"It cannot guess: {_NO_MEMORY_OF_PARTS}.")
    own.warm_up()
    guesses = LlamaDraft(own)
    drafter = Drafter(
        guesses,
        source.name,
        guess_s=_guess_s(guesses),
        n_vocab=context.model.n_vocab,
        is_end=context.model.is_end,
        limits=DraftLimits(settings.draft_max, settings.draft_min, settings.draft_p_min),
    )
    return OpenDraft(lambda: drafter.report, drafter, guesses)


def _guess_s(context: LlamaDraft) -> float:
    """Of the quickest of some trials."""
    taken = []
    for _ in range(_TRIALS):
        started = time.perf_counter()
        context.read(0, 0, (0,))
        taken.append(time.perf_counter() - started)
        context.forget(0, 0)
    return min(taken)


def _checked(source: DraftSource, model: tuple[Path, int], header: GgufHeader) -> GgufHeader:
    """Its header. GgufError for one that cannot guess for the model, OSError."""
    with source.path.open("rb") as file:
        found = read_header(file, source.offset, source.size, "It")
        check_draft(found, header, "It")
        if source.offset % found.alignment:  # llama.cpp would read beside its tensors
            raise GgufError("It does not lie where it can be read.")
        own = Vocabulary.read(file, source.offset, found, "It")
    path, offset = model
    with path.open("rb") as file:
        check_vocabularies(
            own, Vocabulary.read(file, offset, header, "The model"), "It", "the model"
        )
    return found
