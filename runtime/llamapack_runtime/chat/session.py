"""What the API talks to: one model, ready to chat. Prompts become tokens, which the engine runs.

Every method may be called from any thread."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import takewhile
from typing import Protocol

from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.types import Message
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.types import Emit, EngineStats, Event, Failed, Request

logger = logging.getLogger(__name__)

_SYSTEM = ("system", "developer")
# First messages that begin differently: what a tokenizer makes of the last characters before a
# message may depend on how that begins.
_OPENINGS = ("Hello", "7 + 5?", " and", "\nNow", "«é»", "\n")


class Vocabulary(Protocol):
    """`llamapack_runtime.engine.model.Model` is one."""

    @property
    def bos_token(self) -> str: ...

    @property
    def eos_token(self) -> str: ...

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> tuple[int, ...]: ...

    def piece(self, token: int) -> bytes: ...


class Session:
    """`n_ctx` is the longest prompt and answer together, in tokens. `system_prompt` opens every
    conversation that has no system (or developer) message of its own."""

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        template: ChatTemplate,
        *,
        n_ctx: int,
        system_prompt: str | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.n_ctx = n_ctx
        self._engine = engine
        self._template = template
        self._system_prompt = system_prompt

    def preload(self) -> None:
        """Read the system prompt, or find its saved state, before the first conversation needs
        it, and keep what it leaves in the cache for the next start, too. Returns at once. A
        failure is logged: conversations meet it, too, or do not need this."""
        prefix = self._packed_prefix
        if prefix:
            request = Request("system prompt", prefix, max_tokens=0, keep_state=True)
            self._engine.submit(request, _log_failure)

    def system_prefix(self) -> tuple[int, ...]:
        """The longest beginning that all conversations with the packed system prompt share; ()
        without one. ChatTemplateError if the template refuses it."""
        if self._system_prompt is None:
            return ()
        prompts = [self.chat_prompt([Message("user", text)]) for text in _OPENINGS]
        shared = zip(*prompts, strict=False)  # up to the end of the shortest
        return tuple(tokens[0] for tokens in takewhile(lambda one: len(set(one)) == 1, shared))

    def chat_prompt(
        self, messages: Sequence[Message], *, add_generation_prompt: bool = True
    ) -> tuple[int, ...]:
        """The tokens of a conversation. ChatTemplateError if the template refuses it."""
        if self._system_prompt is not None and not any(m.role in _SYSTEM for m in messages):
            messages = [Message("system", self._system_prompt), *messages]
        text = self._template.render(messages, add_generation_prompt=add_generation_prompt)
        tokens = self.vocabulary.tokenize(text, add_special=False, parse_special=True)
        opening = self._opening
        # Many templates write BOS themselves; two of them make a model stutter.
        return tokens if tokens[: len(opening)] == opening else opening + tokens

    def text_prompt(self, text: str) -> tuple[int, ...]:
        """The tokens of a text to continue: BOS added, special tokens parsed (as llama-server)."""
        return self.vocabulary.tokenize(text, add_special=True, parse_special=True)

    def submit(self, request: Request, emit: Emit) -> None:
        """See `Engine.submit`. When the context is shifted, the packed system prompt stays."""
        n_system = len(self._packed_prefix)
        if n_system and request.prompt_tokens[:n_system] == self._packed_prefix:
            request = replace(request, n_keep=max(request.n_keep, n_system))
        self._engine.submit(request, emit)

    def abort(self, request_id: str) -> None:
        """See `Engine.abort`."""
        self._engine.abort(request_id)

    def stats(self) -> EngineStats:
        return self._engine.stats()

    def close(self) -> None:
        """Close the engine. The vocabulary's model stays open."""
        self._engine.close()

    @cached_property
    def _packed_prefix(self) -> tuple[int, ...]:
        try:
            return self.system_prefix()
        except ChatTemplateError as error:
            logger.warning("The system prompt cannot be used: %s", error)
            return ()

    @cached_property
    def _opening(self) -> tuple[int, ...]:
        """The BOS token if the model wants one before a prompt. An EOS after it is not for chat."""
        bos = self.vocabulary.tokenize(
            self.vocabulary.bos_token, add_special=False, parse_special=True
        )
        around_nothing = self.vocabulary.tokenize("", add_special=True, parse_special=True)
        return bos if bos and around_nothing[:1] == bos else ()


def _log_failure(event: Event) -> None:
    if isinstance(event, Failed):
        logger.warning("The system prompt could not be read in advance: %s", event.message)
