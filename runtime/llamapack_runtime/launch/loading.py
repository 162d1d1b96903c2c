"""Loads the model on a thread of its own while the page is already there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from llamapack_runtime.api.service import LoadFailed, Loading, Ready, ReadyToEmbed, State
from llamapack_runtime.errors import ModelUnusable, ProgramError
from llamapack_runtime.launch.problems import as_problem
from llamapack_runtime.launch.source import ModelSource
from llamapack_runtime.model_kind import model_kind
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings
from llamapack_runtime.text_file import read_text_file

if TYPE_CHECKING:  # imported on the loader's thread: the page must not wait for them
    from llamapack_runtime.chat.session import Session
    from llamapack_runtime.chat.template import ChatTemplate
    from llamapack_runtime.engine.context import Context
    from llamapack_runtime.engine.embed_texts import TextEmbedder
    from llamapack_runtime.engine.model import Model
    from llamapack_runtime.engine.vision import Vision
    from llamapack_runtime.hardware.choice import HardwareChoice
    from llamapack_runtime.launch.drafting import OpenDraft
    from llamapack_runtime.launch.preparing import Preparation

logger = logging.getLogger(__name__)

# Imported while the model loads: what the first chat needs, and the dialects of the API.
_LATER = ("llamapack_runtime.chat.template", "llamapack_runtime.api.dialects")
# How long `close` waits for native code to notice.
CLOSE_TIMEOUT_S = 3.0


class _StoppedError(Exception):
    """The process is stopping; nobody needs the model any more."""


class Loader:
    """`show` is called with each state. `on_failure` is called on the loader's thread after that
    has become LoadFailed. `prepared` is there as soon as it is known what computes; `taken_bytes`
    and `choice`: see `prepare`. `close` may be called twice, and from any thread."""

    def __init__(
        self,
        source: ModelSource,
        settings: Settings,
        paths: Paths,
        show: Callable[[State], None],
        on_failure: Callable[[ProgramError], None],
        taken_bytes: int = 0,
        choice: HardwareChoice | None = None,
    ) -> None:
        self._source = source
        self._settings = settings
        self._paths = paths
        self._show = show
        self._on_failure = on_failure
        self._taken_bytes = taken_bytes
        self._choice = choice
        self._is_stopping = threading.Event()
        self._interrupt: Callable[[], None] | None = None
        self.prepared: Preparation | None = None
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the loading, or all answers; do not wait for it."""
        self._is_stopping.set()
        if self._interrupt is not None:
            self._interrupt()

    def close(self) -> None:
        """The same; wait for it, but not for ever."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_TIMEOUT_S)

    @property
    def is_running(self) -> bool:
        """True while native code has not come back."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            with ExitStack() as resources:
                self._show(self._load(resources))
                self._is_stopping.wait()
        except _StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - shown on the page and logged
            # Nothing may end this thread in silence: the page would wait for ever.
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._is_stopping.is_set():
            return
        problem = as_problem(error)
        if problem is None:
            logger.error("Loading failed.", exc_info=error)
            problem = ModelUnusable(
                f"Loading the model failed unexpectedly ({type(error).__name__}). "
                "Start it with --verbose to see more."
            )
        self._show(LoadFailed(str(problem), problem.code))
        self._on_failure(problem)

    def _load(self, resources: ExitStack) -> Ready | ReadyToEmbed:
        """The model, its context and its engine; they are closed in reverse order."""
        from llamapack_runtime.launch.device import open_libraries  # see TYPE_CHECKING above
        from llamapack_runtime.launch.preparing import prepare

        self._say(Loading("probing", total_bytes=self._source.size))
        self.prepared = prepared = prepare(
            self._source, self._settings, self._paths, self._taken_bytes, self._choice
        )
        self._say(Loading("loading", total_bytes=self._source.size))
        open_libraries(prepared.choice, self._paths)
        # Imports go on while native code reads the model: 50 ms of waiting less.
        threading.Thread(target=_import_all, daemon=True).start()
        if model_kind(prepared.header) != "chat":
            model = self._open_model(prepared, resources)
            self._say(Loading("warming", 1.0, self._source.size, self._source.size))
            return self._open_embedder(model, prepared, resources)
        model, context, prepared = self._open_both(prepared, resources)
        template, notes = choose_template(model, self._settings)
        draft = self._open_draft(context, prepared, resources)
        session = self._open_session(model, context, template, prepared, draft, resources)
        embedder = self._open_beside(model, prepared, session, resources)
        report = None if draft is None else draft.report
        problem = None if report is None else report().problem
        # What is known before it is loaded stands in the plan already.
        said = dict.fromkeys((*prepared.plan.notes, *notes, *([problem] if problem else [])))
        logger.info("%s", prepared.gpu.reason)
        words = prepared.words
        return Ready(session, words, tuple(said), embedder, report, prepared.gpu_words)

    def _say(self, state: Loading) -> None:
        self._check()
        self._show(state)

    def _check(self) -> None:
        if self._is_stopping.is_set():
            raise _StoppedError

    def _open_both(
        self, prepared: Preparation, resources: ExitStack
    ) -> tuple[Model, Context, Preparation]:
        """The model and its context, and how they are loaded: with fewer layers on the graphics
        card, or none, where it does not take them."""
        from llamapack_runtime.engine.errors import EngineError  # see TYPE_CHECKING above
        from llamapack_runtime.hardware.gpu_remembered import while_in_use
        from llamapack_runtime.launch.preparing import with_fewer_layers

        while True:
            try:
                with while_in_use(prepared.gpu), ExitStack() as own:
                    model = self._open_model(prepared, own)
                    context = self._open_context(model, prepared, own)
                    resources.push(own.pop_all())
                    return model, context, prepared
            except EngineError as error:
                if prepared.plan.offload is None:
                    raise
                # Without the advice behind it, which is for a processor.
                cause = str(error).partition(";")[0].rstrip(".")
            logger.warning("The graphics card did not take the model: %s.", cause)
            self.prepared = prepared = with_fewer_layers(
                prepared, self._source, self._settings, self._taken_bytes, cause
            )

    def _open_model(self, prepared: Preparation, resources: ExitStack) -> Model:
        from llamapack_runtime.engine.devices import device_handle  # see TYPE_CHECKING above
        from llamapack_runtime.engine.model import Model

        size = self._source.size
        device, offload = prepared.gpu.device, prepared.plan.offload

        def show(share: float) -> None:
            self._say(Loading("loading", share, int(share * size), size))

        return resources.enter_context(
            Model.open(
                self._source.path,
                self._source.offset,
                size,
                use_mmap=not self._settings.no_mmap,
                device=device_handle(device.native_name) if device and offload else None,
                n_gpu_layers=offload.n_gpu_layers if offload else 0,
                on_progress=show,
            )
        )

    def _open_embedder(
        self, model: Model, prepared: Preparation, resources: ExitStack
    ) -> ReadyToEmbed:
        from llamapack_runtime.launch.embedding import open_embedder  # see TYPE_CHECKING above

        embedder = open_embedder(model, prepared, self._settings, resources)
        return ReadyToEmbed(embedder, prepared.words, prepared.plan.notes, prepared.gpu_words)

    def _open_beside(
        self, model: Model, prepared: Preparation, session: Session, resources: ExitStack
    ) -> TextEmbedder | None:
        """Embeddings with the chat model, where they are asked for."""
        if not (self._settings.embeddings or self._settings.pooling):
            return None
        from llamapack_runtime.launch.embedding import open_beside_chat  # see TYPE_CHECKING above

        return open_beside_chat(model, prepared, self._settings, session, resources)

    def _open_context(self, model: Model, prepared: Preparation, resources: ExitStack) -> Context:
        from llamapack_runtime.launch.assembling import open_context  # see TYPE_CHECKING above

        self._say(Loading("warming", 1.0, self._source.size, self._source.size))
        adapters = self._source.adapters
        context = resources.enter_context(
            open_context(model, prepared.plan, prepared.choice, adapters)
        )
        self._interrupt = context.interrupt
        self._check()
        context.warm_up()
        return context

    def _open_draft(
        self, context: Context, prepared: Preparation, resources: ExitStack
    ) -> OpenDraft | None:
        if prepared.draft is None:
            return None
        from llamapack_runtime.engine.errors import EngineError  # see TYPE_CHECKING above
        from llamapack_runtime.launch.drafting import open_draft, without_guesses

        draft = prepared.draft
        if draft.problem is not None:
            return without_guesses(draft, draft.problem)
        plan, choice, settings = prepared.plan, prepared.choice, self._settings
        try:
            return open_draft(draft, context, plan, choice, settings, self._check, resources)
        except EngineError as error:
            return without_guesses(draft, str(error))

    def _open_session(
        self,
        model: Model,
        context: Context,
        template: ChatTemplate,
        prepared: Preparation,
        draft: OpenDraft | None,
        resources: ExitStack,
    ) -> Session:
        from llamapack_runtime.chat.session import Session  # see TYPE_CHECKING above
        from llamapack_runtime.launch.assembling import default_adapters, open_engine
        from llamapack_runtime.launch.defaults import chat_defaults

        vision = self._open_vision(model, prepared, resources)
        self._check()
        engine = open_engine(
            model,
            context,
            self._source,
            prepared.plan,
            prepared.choice,
            self._settings,
            self._paths,
            draft,
        )
        session = Session(
            engine,
            model,
            template,
            n_ctx=context.n_ctx,
            system_prompt=self._settings.system_prompt,
            defaults=chat_defaults(self._settings),
            adapters=default_adapters(self._source),
            vision=vision,
        )
        resources.callback(session.close)
        session.preload()
        return session

    def _open_vision(
        self, model: Model, prepared: Preparation, resources: ExitStack
    ) -> Vision | None:
        if self._source.projector is None:
            return None
        from llamapack_runtime.launch.projector import open_vision  # see TYPE_CHECKING above

        vision = open_vision(
            model,
            self._source.projector,
            self._paths,
            n_threads=prepared.choice.n_threads_batch,
            n_ubatch=prepared.plan.n_ubatch,
        )
        return resources.enter_context(vision)


def _import_all() -> None:
    for name in _LATER:
        import_module(name)


def choose_template(model: Model, settings: Settings) -> tuple[ChatTemplate, tuple[str, ...]]:
    """The user's template, else the model's own, else ChatML with a note that says so.
    ModelUnusable when the user's cannot be used."""
    from llamapack_runtime.chat.errors import ChatTemplateError  # see TYPE_CHECKING above
    from llamapack_runtime.chat.template import CHATML, ChatTemplate

    def build(source: str) -> ChatTemplate:
        return ChatTemplate(source, bos_token=model.bos_token, eos_token=model.eos_token)

    given = _given_template(settings)
    if given is not None:
        try:
            return build(CHATML if given == "chatml" else given), ()
        except ChatTemplateError as error:
            raise ModelUnusable(f"The chat template cannot be used: {error}") from error
    if model.chat_template is None:
        return build(CHATML), ("The model has no chat template; ChatML is used.",)
    try:
        return build(model.chat_template), ()
    except ChatTemplateError as error:
        logger.warning("The model's chat template cannot be used: %s", error)
        return build(CHATML), ("The model's chat template cannot be used; ChatML is used.",)


def _given_template(settings: Settings) -> str | None:
    if settings.chat_template_file is None:
        return settings.chat_template
    return read_text_file(Path(settings.chat_template_file), "chat template")
