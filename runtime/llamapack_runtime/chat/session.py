"""What the API talks to: one model, ready to chat. Prompts become tokens, which the engine runs.

Every method may be called from any thread."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

from llamapack_runtime.chat.defaults import ChatDefaults
from llamapack_runtime.chat.errors import ChatTemplateError, ImageUnseen
from llamapack_runtime.chat.prepare import Preparer
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.sight import Sight, images_of
from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.types import Chat, Image, Message
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.infill_tokens import InfillTokens
from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.types import Adapters, Emit, EngineStats, Event, Failed, Request

if TYPE_CHECKING:  # the compiler of grammars is loaded when the first one is asked for
    from llamapack_runtime.engine.grammar import Grammar
    from llamapack_runtime.engine.vision import Vision

logger = logging.getLogger(__name__)

_SYSTEM = ("system", "developer")
# First messages that begin differently: what a tokenizer makes of the last characters before a
# message may depend on how that begins.
_OPENINGS = ("Hello", "7 + 5?", " and", "\nNow", "«é»", "\n")


class Vocabulary(Protocol):
    """`llamapack_runtime.engine.model.Model` is one."""

    @property
    def chat_template(self) -> str | None: ...

    def named_chat_template(self, name: str) -> str | None: ...

    @property
    def bos_token(self) -> str: ...

    @property
    def eos_token(self) -> str: ...

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> tuple[int, ...]: ...

    def piece(self, token: int) -> bytes: ...

    def grammar(self, lark: str) -> Grammar: ...

    def named_piece(self, token: int) -> bytes: ...

    @property
    def infill_tokens(self) -> InfillTokens: ...

    @property
    def n_vocab(self) -> int: ...


class Session:
    """`n_ctx` is the longest prompt and answer together, in tokens. `system_prompt` opens every
    conversation that has no system (or developer) message of its own; `defaults` are for what a
    chat does not say itself. `adapters` are those that most conversations are read with."""

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        template: ChatTemplate,
        *,
        n_ctx: int,
        system_prompt: str | None = None,
        defaults: ChatDefaults | None = None,
        adapters: Adapters = (),
        vision: Vision | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.n_ctx = n_ctx
        self._engine = engine
        self._template = template
        self._preparer = Preparer(template, vocabulary)
        self._system_prompt = system_prompt
        self._sight = None if vision is None else Sight(vision)
        self._defaults = defaults or ChatDefaults()
        self._adapters = adapters

    @property
    def template(self) -> ChatTemplate:
        return self._template

    def preload(self) -> None:
        """Read the system prompt, or find its saved state, before the first conversation needs
        it, and keep what it leaves in the cache for the next start, too. Returns at once. A
        failure is logged: conversations meet it, too, or do not need this."""
        prefix = self._packed_prefix
        if prefix:
            request = Request(
                "system prompt", prefix, max_tokens=0, keep_state=True, adapters=self._adapters
            )
            self._engine.submit(request, _log_failure)

    @property
    def system_prompt(self) -> str | None:
        """The packed one, which every chat begins with that has none of its own."""
        return self._system_prompt

    def system_prefix(self) -> tuple[int, ...]:
        """The longest beginning that all conversations with the packed system prompt and messages
        share; () without either. ChatTemplateError if the template refuses it."""
        if self._system_prompt is None and not self._defaults.opening:
            return ()
        prompts = [self.chat_prompt([Message("user", text)]) for text in _OPENINGS]
        shared = zip(*prompts, strict=False)  # up to the end of the shortest
        return tuple(tokens[0] for tokens in takewhile(lambda one: len(set(one)) == 1, shared))

    def chat_prompt(
        self, messages: Sequence[Message], *, add_generation_prompt: bool = True
    ) -> tuple[int, ...]:
        """The tokens of a conversation. ChatTemplateError if the template refuses it."""
        text = self._preparer.plain(
            self._opened(messages), add_generation_prompt=add_generation_prompt
        )
        return self._tokens(text)

    def prepare(self, chat: Chat) -> Prompt:
        """What to continue and how to read it. Nothing of the answer to a chat with the tool choice
        "none" is a call, though the model sees the tools, as OpenAI's do. ChatError when the chat
        cannot be had like this, ImagesUnread when it has new images; the first one with tools or a
        format takes longer."""
        messages = tuple(self._opened(chat.messages))
        preparer = self._tools_preparer if chat.tools else self._preparer
        images = images_of(chat.messages)
        if images and self._sight is None:
            raise ImageUnseen(images[0].place)
        prepared = preparer.prepare(replace(self._defaults.applied(chat), messages=messages))
        tokens, media = self._read(prepared.text, images)
        return Prompt(
            tokens,
            prepared.text,
            prepared.parser,
            (*prepared.stop, *self._defaults.stop),
            prepared.grammar,
            prepared.shown_tokens,
            prepared.reasoning_limit,
            media,
        )

    def image_tokens(self, width: int, height: int) -> int | None:
        """How many an image of so many pixels takes. None: the model sees none, or is busy with
        one."""
        return None if self._sight is None else self._sight.count(width, height)

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

    def _opened(self, messages: Sequence[Message]) -> Sequence[Message]:
        """With the packed system prompt, unless they have one, and the packed opening messages."""
        system = list(takewhile(lambda message: message.role in _SYSTEM, messages))
        rest = messages[len(system) :]
        if self._system_prompt is not None and not any(m.role in _SYSTEM for m in messages):
            system = [Message("system", self._system_prompt)]
        return [*system, *self._defaults.opening, *rest]

    @cached_property
    def _tools_preparer(self) -> Preparer:
        """With the template that some models have for tools alone, where their usual one shows
        none and is not replaced by the user's."""
        usual, vocabulary = self._template.capabilities, self.vocabulary
        if usual.shows_tools or usual.source != vocabulary.chat_template:
            return self._preparer
        source = vocabulary.named_chat_template("tool_use")
        if source is None:
            return self._preparer
        tokens = {"bos_token": vocabulary.bos_token, "eos_token": vocabulary.eos_token}
        try:
            found = Preparer(ChatTemplate(source, **tokens), vocabulary)
        except ChatTemplateError as error:
            logger.warning("The model's chat template for tools cannot be used: %s", error)
            return self._preparer
        return found if found.has_native_tools else self._preparer

    def _read(
        self, text: str, images: Sequence[Image]
    ) -> tuple[tuple[int, ...], tuple[MediaSpan, ...]]:
        if not images or self._sight is None:
            return self._tokens(text), ()
        read = self._sight.read(text, images)
        return self._begun(read.tokens), read.media

    def _tokens(self, text: str) -> tuple[int, ...]:
        return self._begun(self.vocabulary.tokenize(text, add_special=False, parse_special=True))

    def _begun(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        opening = self._opening
        # Many templates write BOS themselves; two of them make a model stutter.
        return tokens if tokens[: len(opening)] == opening else opening + tokens

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
