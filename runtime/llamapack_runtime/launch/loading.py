"""Loads the model on a thread of its own while the page is already there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from llamapack_runtime.api.service import LoadFailed, Loading, Ready, Service
from llamapack_runtime.errors import ModelUnusable, ProgramError
from llamapack_runtime.launch.source import ModelSource
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings

if TYPE_CHECKING:  # imported on the loader's thread: the page must not wait for them
    from llamapack_runtime.chat.session import Session
    from llamapack_runtime.chat.template import ChatTemplate
    from llamapack_runtime.engine.context import Context
    from llamapack_runtime.engine.model import Model
    from llamapack_runtime.launch.preparing import Preparation

logger = logging.getLogger(__name__)

_TEMPLATES = "llamapack_runtime.chat.template"
# How long `close` waits for native code to notice.
CLOSE_TIMEOUT_S = 3.0


class _StoppedError(Exception):
    """The process is stopping; nobody needs the model any more."""


class Loader:
    """`service` is kept up to date. `on_failure` is called on the loader's thread after its state
    has become LoadFailed. `close` may be called twice, and from any thread."""

    def __init__(
        self,
        source: ModelSource,
        settings: Settings,
        paths: Paths,
        service: Service,
        on_failure: Callable[[ProgramError], None],
    ) -> None:
        self._source = source
        self._settings = settings
        self._paths = paths
        self._service = service
        self._on_failure = on_failure
        self._is_stopping = threading.Event()
        self._interrupt: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the loading, or all answers; wait for it, but not for ever."""
        self._is_stopping.set()
        if self._interrupt is not None:
            self._interrupt()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_TIMEOUT_S)

    @property
    def is_running(self) -> bool:
        """True while native code has not come back."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            with ExitStack() as resources:
                self._service.state = self._load(resources)
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
        self._service.state = LoadFailed(str(problem))
        self._on_failure(problem)

    def _load(self, resources: ExitStack) -> Ready:
        """The model, its context and its engine; they are closed in reverse order."""
        from llamapack_runtime.engine.lib import load_library  # see TYPE_CHECKING above
        from llamapack_runtime.launch.preparing import prepare

        self._say(Loading("probing", total_bytes=self._source.size))
        prepared = prepare(self._source, self._settings, self._paths)
        self._say(Loading("loading", total_bytes=self._source.size))
        load_library(self._paths.libraries, prepared.choice.variant.path, prepared.choice.gemm)
        # Imports go on while native code reads the model: 50 ms of waiting less.
        threading.Thread(target=import_module, args=(_TEMPLATES,), daemon=True).start()
        model = self._open_model(resources)
        self._say(Loading("warming", 1.0, self._source.size, self._source.size))
        template, notes = choose_template(model, self._settings)
        context = self._open_context(model, prepared, resources)
        session = self._open_session(model, context, template, prepared, resources)
        return Ready(session, prepared.words, (*prepared.plan.notes, *notes))

    def _say(self, state: Loading) -> None:
        if self._is_stopping.is_set():
            raise _StoppedError
        self._service.state = state

    def _open_model(self, resources: ExitStack) -> Model:
        from llamapack_runtime.engine.model import Model  # see TYPE_CHECKING above

        size = self._source.size

        def show(share: float) -> None:
            self._say(Loading("loading", share, int(share * size), size))

        return resources.enter_context(
            Model.open(
                self._source.path,
                self._source.offset,
                size,
                use_mmap=not self._settings.no_mmap,
                on_progress=show,
            )
        )

    def _open_context(self, model: Model, prepared: Preparation, resources: ExitStack) -> Context:
        from llamapack_runtime.launch.assembling import open_context  # see TYPE_CHECKING above

        context = resources.enter_context(open_context(model, prepared.plan, prepared.choice))
        self._interrupt = context.interrupt
        if self._is_stopping.is_set():
            raise _StoppedError
        context.warm_up()
        return context

    def _open_session(
        self,
        model: Model,
        context: Context,
        template: ChatTemplate,
        prepared: Preparation,
        resources: ExitStack,
    ) -> Session:
        from llamapack_runtime.chat.session import Session  # see TYPE_CHECKING above
        from llamapack_runtime.launch.assembling import open_engine

        if self._is_stopping.is_set():
            raise _StoppedError
        engine = open_engine(
            model,
            context,
            self._source,
            prepared.plan,
            prepared.choice,
            self._settings,
            self._paths,
        )
        prompt = self._settings.system_prompt
        session = Session(engine, model, template, n_ctx=context.n_ctx, system_prompt=prompt)
        resources.callback(session.close)
        session.preload()
        return session


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


def as_problem(error: Exception) -> ProgramError | None:
    """The error as one of ours with an exit code, None when it is unexpected."""
    from llamapack_runtime.engine.errors import EngineError  # see TYPE_CHECKING above

    if isinstance(error, ProgramError):
        return error
    if isinstance(error, EngineError):
        return ModelUnusable(str(error))
    return None


def _given_template(settings: Settings) -> str | None:
    if settings.chat_template_file is None:
        return settings.chat_template
    try:
        return Path(settings.chat_template_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelUnusable(
            f"The chat template {settings.chat_template_file} cannot be read: {error}."
        ) from error
