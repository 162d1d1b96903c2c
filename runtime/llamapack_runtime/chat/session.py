"""What the API talks to: one model, ready to chat. Prompts become tokens, which the engine runs.

Every method may be called from any thread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.types import Message
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.types import Emit, EngineStats, Request


class Vocabulary(Protocol):
    """`llamapack_runtime.engine.model.Model` is one."""

    @property
    def bos_token(self) -> str: ...

    @property
    def eos_token(self) -> str: ...

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> tuple[int, ...]: ...

    def piece(self, token: int) -> bytes: ...


class Session:
    """`n_ctx` is the longest prompt and answer together, in tokens."""

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, template: ChatTemplate, *, n_ctx: int
    ) -> None:
        self.vocabulary = vocabulary
        self.n_ctx = n_ctx
        self._engine = engine
        self._template = template

    def chat_prompt(
        self, messages: Sequence[Message], *, add_generation_prompt: bool = True
    ) -> tuple[int, ...]:
        """The tokens of a conversation. ChatTemplateError if the template refuses it."""
        text = self._template.render(messages, add_generation_prompt=add_generation_prompt)
        tokens = self.vocabulary.tokenize(text, add_special=False, parse_special=True)
        opening = self._opening
        # Many templates write BOS themselves; two of them make a model stutter.
        return tokens if tokens[: len(opening)] == opening else opening + tokens

    def text_prompt(self, text: str) -> tuple[int, ...]:
        """The tokens of a text to continue: BOS added, special tokens parsed (as llama-server)."""
        return self.vocabulary.tokenize(text, add_special=True, parse_special=True)

    def submit(self, request: Request, emit: Emit) -> None:
        """See `Engine.submit`."""
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
    def _opening(self) -> tuple[int, ...]:
        """The BOS token if the model wants one before a prompt. An EOS after it is not for chat."""
        bos = self.vocabulary.tokenize(
            self.vocabulary.bos_token, add_special=False, parse_special=True
        )
        around_nothing = self.vocabulary.tokenize("", add_special=True, parse_special=True)
        return bos if bos and around_nothing[:1] == bos else ()
